using System.Runtime.CompilerServices;
using System.Security.Cryptography;
using Broker.Configuration;
using Microsoft.AspNetCore.Identity;

namespace Broker.Credentials;

/// <summary>Compiles every credential of a candidate into its <see cref="CredentialTable"/>.</summary>
/// <remarks>What outlives a reload (verified credentials, issuers' keys, the bound on password hashes) is taken from the table in force, so
/// a candidate that is never published leaves nothing behind.</remarks>
internal sealed class CredentialCompiler : ISnapshotCompiler, IDisposable
{
    private readonly SnapshotStore store;
    private readonly TimeProvider time;
    private readonly IPasswordHasher<CallerOptions> hasher;
    private readonly ILogger log;
    private readonly RefusalLog refusals;
    private readonly IRevocations revocations;
    private readonly ILoginThrottle attempts;
    private readonly UpstreamUserSessions users;
    private readonly ConditionalWeakTable<Snapshot, CredentialTable> compiled = [];

    // For issuers' documents: no proxy of the environment, no cookies, no redirects (the address in the config is the one that was
    // checked).
    private readonly HttpClient client = new(
        new SocketsHttpHandler
        {
            UseProxy = false,
            UseCookies = false,
            AllowAutoRedirect = false,
            ConnectTimeout = TimeSpan.FromSeconds(5),
            PooledConnectionLifetime = TimeSpan.FromMinutes(5),
            MaxResponseHeadersLength = 32,
        }
    );

    public CredentialCompiler(
        SnapshotStore store,
        TimeProvider time,
        ILoggerFactory logs,
        IRevocations? revocations = null,
        ILoginThrottle? attempts = null,
        UpstreamUserSessions? users = null
    )
        : this(store, time, logs, new PasswordHasher<CallerOptions>(), revocations, attempts, users) { }

    /// <summary>With another hasher, so that a test can count.</summary>
    internal CredentialCompiler(
        SnapshotStore store,
        TimeProvider time,
        ILoggerFactory logs,
        IPasswordHasher<CallerOptions> hasher,
        IRevocations? revocations = null,
        ILoginThrottle? attempts = null,
        UpstreamUserSessions? users = null
    )
    {
        (this.store, this.time, this.hasher) = (store, time, hasher);
        this.revocations = revocations ?? new LocalRevocations(time);
        this.users = users ?? new UpstreamUserSessions(time);
        this.attempts = attempts ?? new LocalLoginThrottle(time);
        log = logs.CreateLogger("Broker.Credentials");
        refusals = new(log, time);
    }

    public void Compile(Snapshot candidate, ConfigErrors mistakes)
    {
        var previous = store.IsLoaded && compiled.TryGetValue(store.Current, out var table) ? table : null;
        var shared = Shared(candidate.Broker.Limits, previous?.Shared, mistakes);
        var selections = new SelectionReader(candidate.Actions, mistakes);
        var callerCompiler = new CallerCompiler(candidate, selections, mistakes);
        var callers = callerCompiler.Compile();
        var keys = SigningKeyCompiler.Compile(candidate.Broker, previous?.Keys, mistakes);
        var issuers = new IssuerCompiler(candidate, selections, mistakes, keys, previous?.Issuers ?? [], client, time, log).Compile();
        var present = new CallerDirectory(callers, candidate.Broker.Issuers, candidate.Broker.TokenService?.UsersOf, users);
        var tokens = keys is null ? null : new TokenReader(keys, present, candidate.Actions, time);
        var made = new CredentialTable(
            callers,
            new ApiKeyReader(callerCompiler.Keys),
            new BasicReader(callers, shared, hasher, candidate.Broker.TokenService is null ? null : attempts, time, log),
            new BearerReader(keys, tokens, issuers, shared.Memory, revocations, refusals, time),
            tokens,
            keys,
            issuers,
            shared,
            TrustedProxies.Compile(candidate.Broker.TrustedProxies, mistakes)
        );
        candidate.Add(made);
        compiled.Add(candidate, made);
    }

    public void Dispose() => client.Dispose();

    private CredentialShared Shared(LimitOptions limits, CredentialShared? previous, ConfigErrors mistakes)
    {
        if (limits.RememberedCredentials is < 0 or > 10_000_000)
        {
            mistakes.Error("Broker:Limits:RememberedCredentials", "is between 0 and 10000000");
        }

        if (limits.ConcurrentPasswordHashes is < 1 or > 64)
        {
            mistakes.Error("Broker:Limits:ConcurrentPasswordHashes", "is between 1 and 64");
        }

        var remembered = Math.Clamp(limits.RememberedCredentials, 0, 10_000_000);
        var hashes = Math.Clamp(limits.ConcurrentPasswordHashes, 1, 64);
        return new(
            previous?.Memory.Capacity == remembered ? previous.Memory : new(remembered),
            previous?.Gate.Limit == hashes ? previous.Gate : new(hashes, time),
            previous?.ProcessKey ?? RandomNumberGenerator.GetBytes(32)
        );
    }
}
