using Broker.Configuration;
using Broker.Redis;

namespace Broker.Tokens.Store;

/// <summary>Opens the store that the config names, for a vault.</summary>
internal static class StoreOpening
{
    /// <summary>The vault shares its tokens over this connection from now on.</summary>
    public static void Open(TokenVault vault, RedisLink link, RedisOptions options, Chance chance, string replica)
    {
        var ring = options.Encryption.Select(key => KeyValuePair.Create(key.Key, RedisChecks.Key(key.Value.Reveal()) ?? throw new InvalidOperationException("checked at load")));
        var tokens = new RedisTokens(link, new(options.KeyPrefix), new(ring, vault.Names), options.RefreshLives, vault.Time);
        var times = new SharedTimes
        {
            Lease = options.Lease,
            Poll = options.Poll,
            EpochPause = options.EpochPause,
            RefreshLives = options.RefreshLives,
            MaxReplicas = options.MaxReplicas,
        };
        vault.Share(new(tokens, times, chance, replica, vault.Time));
    }
}
