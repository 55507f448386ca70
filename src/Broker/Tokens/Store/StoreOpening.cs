using Broker.Configuration;
using Broker.Redis;
using Microsoft.Extensions.Logging;

namespace Broker.Tokens.Store;

/// <summary>Opens the store that the config names, for a vault.</summary>
internal static class StoreOpening
{
    /// <summary>The vault shares its tokens from now on. Dispose of the result to close the connection.</summary>
    public static OpenStore Open(TokenVault vault, RedisOptions options, Chance chance, string replica, ILogger log)
    {
        var link = new RedisLink(
            new()
            {
                Endpoints = options.Endpoints,
                Password = options.Password?.Reveal(),
                Tls = options.Tls,
                TlsHost = options.TlsHost,
                CallTimeout = options.CallTimeout,
                Channel = new RedisNames(options.KeyPrefix).Channel,
            },
            vault.Time,
            log);
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
        var store = new SharedStore(tokens, times, chance, replica, vault.Time);
        vault.Share(store);
        tokens.LookAsked += new LookAgain(vault).At;
        link.Start();
        return new(link, tokens, store);
    }
}

/// <summary>A store that is open, and the connection it stands on.</summary>
internal sealed record OpenStore(RedisLink Link, RedisTokens Tokens, SharedStore Store) : IDisposable
{
    public void Dispose() => Link.Dispose();
}
