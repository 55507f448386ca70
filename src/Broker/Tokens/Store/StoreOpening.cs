using Broker.Configuration;
using Broker.Redis;
using Microsoft.Extensions.Logging;

namespace Broker.Tokens.Store;

/// <summary>Opens the store that the config names, for a vault.</summary>
internal static class StoreOpening
{
    /// <summary>The vault shares its tokens from now on. Dispose of the result to close the connection.</summary>
    public static IDisposable Open(TokenVault vault, RedisOptions options, Chance chance, string replica, ILogger log)
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
        vault.Share(new(tokens, times, chance, replica, vault.Time));
        link.Start();
        return link;
    }
}
