using Broker.Configuration;
using Broker.Redis;

namespace Broker.UpstreamTokens;

/// <summary>Opens the store that the config names, for a vault.</summary>
internal static class SharedTokenStoreFactory
{
    /// <summary>The vault shares its tokens once the connection is started. Dispose of the result to close it.</summary>
    public static SharedTokenStore Open(TokenCellRegistry vault, RedisOptions options, Chance chance, string replica, ILogger log)
    {
        var link = new RedisLink(RedisSettings.Of(options), vault.Time, log);
        var seal = new PairSeal(RedisChecks.Ring(options), vault.Names);
        var tokens = new RedisTokens(link, new(options.KeyPrefix), seal, options.RefreshTokenTtl, vault.Time, log);
        var times = new SharedTimes
        {
            Lease = options.Lease,
            Poll = options.Poll,
            RecoveryDelay = options.RecoveryDelay,
            Reconnect = options.Reconnect,
            RefreshTokenTtl = options.RefreshTokenTtl,
            MaxReplicas = options.MaxReplicas,
            SeatLives = options.Lease * 6,
        };
        var store = new SharedStore(tokens, times, chance, replica, vault.Time);
        vault.Share(store);
        tokens.LookAsked += new CellInvalidator(vault).At;
        return new(link, tokens, store)
        {
            Started = options,
            Adopt = newer =>
            {
                link.Use(RedisSettings.Of(newer));
                seal.Use(RedisChecks.Ring(newer));
                vault.HasOtherKeys();
            },
        };
    }
}

/// <summary>A store that is open, and the connection it stands on.</summary>
internal sealed record SharedTokenStore(RedisLink Link, RedisTokens Tokens, SharedStore Store) : IDisposable
{
    private RedisOptions? adopted;

    /// <summary>Something that was taken over from a newer config.</summary>
    public event Action<RedisOptions>? Adopted;

    /// <summary>What this process started with.</summary>
    public RedisOptions? Started { private get; init; }

    /// <summary>Takes over what may change while it runs.</summary>
    public Action<RedisOptions> Adopt { private get; init; } = static _ => { };

    /// <summary>
    /// A newer config: the password, the authorities and the ring of keys are taken from it, and the rest at the next start.
    /// </summary>
    public void Follow(RedisOptions? newer)
    {
        // Of what this process did not start with, nothing: a password goes to the Redis that it is for, and to no other.
        if (newer is not null && RedisOptions.IsStartedAs(Started, newer) && newer != adopted)
        {
            adopted = newer;
            Adopt(newer);
            Adopted?.Invoke(newer);
        }
    }

    public void Dispose()
    {
        Store.Seat.Dispose();
        Link.Dispose();
    }
}
