using Broker.Configuration;
using Broker.Credentials;
using Broker.Redis;
using Microsoft.Extensions.Logging;

namespace Broker.TokenService;

/// <summary>
/// What all replicas have to agree on: what was ended, which refresh tokens were used, who failed to log in, and an upstream's users.
/// </summary>
/// <remarks>In memory, for one replica, until it is shared through Redis.</remarks>
internal sealed class TokenServiceState : IReplicatedState, IDisposable
{
    private readonly TimeProvider time;
    private readonly RevocationList revocations;
    private readonly RefreshTokenRotation rotation;
    private readonly LoginThrottle attempts;
    private readonly LoginThrottle upstreamAttempts;
    private DisabledCallerMarks? ended;
    private RevocationLogKeys? names;
    private RevocationReplicator? watch;

    public TokenServiceState(TimeProvider time)
    {
        (this.time, Shares, Users, Pace) = (time, new(time), new(time), new(time));
        (revocations, rotation, attempts, upstreamAttempts) = (new(time) { OwnerOf = Shares.OwnerOf }, new(time), new(time), new(time));
    }

    public IRevocations Revocations => revocations;

    /// <summary>How much of what is revoked is whose, over all replicas.</summary>
    public RevocationShares Shares { get; }

    public IRefreshRotation Rotation => rotation;

    public ILoginThrottle Attempts => attempts;

    /// <summary>Failed logins of an upstream's users, by name alone: the upstream locks the name, wherever the guesses come from.</summary>
    public ILoginThrottle UpstreamAttempts => upstreamAttempts;

    public UpstreamUserSessions Users { get; }

    /// <summary>How long an upstream takes to refuse a login; each replica sees for itself.</summary>
    public RefusalTimingEqualizer Pace { get; }

    /// <summary>From when on nothing is left of what was issued up to now.</summary>
    public DateTimeOffset AllOver => revocations.AllOver;

    /// <summary>Takes from each config how long what was heard counts, and whom it disables.</summary>
    public void Follow(SnapshotStore snapshots)
    {
        snapshots.Published += snapshot =>
        {
            revocations.Heed(snapshot.Broker.Issuing?.AccessLifetime ?? TimeSpan.Zero);
            if (snapshot.Broker.TokenService is { } service)
            {
                var upstream = snapshot.Broker.Upstreams.GetValueOrDefault(service.UsersOf ?? "") as DeviceHiveUpstreamOptions;
                Heed(service, upstream?.LockoutAfter ?? DeviceHiveUpstreamOptions.LocksAfter);
            }
        };
        ended = new(snapshots, revocations);
    }

    public void Heed(TokenServiceOptions service, int lockoutAfter = DeviceHiveUpstreamOptions.LocksAfter)
    {
        revocations.Heed(service);
        attempts.Limits = LoginThrottleLimits.AtAnAddress(service.FirstWait);
        upstreamAttempts.Limits = LoginThrottleLimits.AtAnUpstream(lockoutAfter, service.FirstWait);
        upstreamAttempts.IsStrict = service.WhenUnknown == WhenUnknown.Refuse;
    }

    /// <summary>So long can it take until each replica that is there has said again what Redis lost.</summary>
    public static TimeSpan PauseOf(RedisOptions options) => options.RecoveryDelay + options.Reconnect;

    /// <summary>Shares through Redis from now on; it does not wait for it.</summary>
    public void Share(RedisLink link, RedisOptions options, TimeSpan pause, ILogger log)
    {
        names = new(options);
        var ledger = new RedisRevocationLog(link, names, revocations.Life, time);
        watch = new(ledger, this, new(options.Poll / 2, pause), time, log);
        revocations.Share(watch);
        rotation.Share(ledger, pause, log);
        attempts.Share(ledger, log);
        upstreamAttempts.Share(ledger, log);
        Users.Share(ledger, log);
        watch.Start();
    }

    /// <summary>Another ring of keys.</summary>
    public void Adopt(RedisOptions newer)
    {
        names?.Use(newer);
        Users.Adopted();
    }

    public void Dispose() => watch?.Dispose();

    IEnumerable<RevocationEvent> IReplicatedState.Known() => revocations.Known();

    void IReplicatedState.Hear(RevocationEvent heard)
    {
        revocations.Hear(heard);
        Users.Hear(heard);
        if (heard is { Kind: RevocationEventKind.Ended, Client: { } client })
        {
            Shares.Saw(client, heard.Name, heard.Until);
        }
    }

    bool IReplicatedState.IsBehind => Users.IsBehind;

    Task<bool> IReplicatedState.Agree() => Users.Agree();

    void IReplicatedState.Settle() => ended?.Settle();
}
