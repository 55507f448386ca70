using System.Security.Cryptography;
using Broker.Configuration;
using Broker.Credentials;
using Broker.Redis;
using Broker.Tests.Credentials;
using Broker.TokenService;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
using Policies;

namespace Broker.Tests.TokenService;

/// <summary>One broker process's ledgers, as far as Redis can tell, with a connection of its own.</summary>
internal sealed class LedgerReplica : IDisposable
{
    public static readonly byte[] FirstKey = SHA256.HashData("first"u8);
    public static readonly byte[] SecondKey = SHA256.HashData("second"u8);

    private readonly RedisLink link;
    private readonly Bench config = new();

    public LedgerReplica(string endpoint, string prefix, Settings? settings = null)
    {
        var now = settings ?? new();
        var options = new RedisOptions
        {
            Endpoints = [endpoint],
            NamingKey = new Secret("a test", now.NamingKey),
            Encryption = now.Ring.ToDictionary(key => key.Key, key => new Secret("a test", Convert.ToBase64String(key.Value))),
            KeyPrefix = prefix,
            Poll = now.Poll,
            RecoveryDelay = now.RecoveryDelay,
            CallTimeout = now.CallTimeout,
        };
        link = new(RedisSettings.Of(options) with { Channel = now.IsDeaf ? "nobody" : prefix + ":changed" }, TimeProvider.System, now.Log);
        Clock.Ahead = now.Ahead;
        Ledgers = new(Clock);
        if (now.Callers is { } callers)
        {
            Ledgers.Follow(config.Store);
            Load(callers);
        }

        Ledgers.Heed(
            new TokenServiceOptions
            {
                UnknownAfter = now.UnknownAfter,
                WhenUnknown = now.WhenUnknown,
                FirstWait = TimeSpan.FromMinutes(10),
                SessionLifetime = now.SessionLifetime,
            }
        );
        Ledgers.Share(link, options, now.IsPauseWhole ? TokenServiceState.PauseOf(options) : options.RecoveryDelay, now.Log);
        link.Start();
    }

    /// <summary>Its own; Redis's and the others' go on as they are.</summary>
    public FastClock Clock { get; } = new();

    public TokenServiceState Ledgers { get; }

    public IRevocations Revocations => Ledgers.Revocations;

    public RedisLink Link => link;

    /// <summary>A token that stands for nobody's rights; only whether it was ended is asked.</summary>
    public static TokenClaims Token(string id, string session = "session", string subject = "key:app", long generation = 0) =>
        new()
        {
            Subject = subject,
            UserId = 1,
            Actions = [],
            Networks = Selection.Nothing,
            DeviceTypes = Selection.Nothing,
            Devices = Selection.Nothing,
            Id = id,
            IssuedAt = default,
            End = DateTimeOffset.MaxValue,
            Session = session,
            SessionEnd = DateTimeOffset.MaxValue,
            Generations = [generation],
        };

    /// <summary>Loads a config with these callers; a minus says that one is disabled.</summary>
    public void Load(params string[] callers) =>
        config.Publish(
            Bench.With([.. callers.Select((name, i) => (name.TrimStart('-'), Bench.Wide with { UserId = i, Disabled = name[0] == '-' }))])
        );

    public static DateTimeOffset In(TimeSpan time) => TimeProvider.System.GetUtcNow() + time;

    public RevocationStatus Of(string id) => Revocations.Of(Token(id));

    /// <summary>Until this replica knows what all know.</summary>
    public async Task<LedgerReplica> Ready()
    {
        await Soon(
            () => Revocations.Of(Token("nobody's", subject: "key:nobody")) == RevocationStatus.Good,
            "the replica knows what was ended"
        );
        return this;
    }

    public Task Hears(string id) => Soon(() => Of(id) == RevocationStatus.Revoked, $"{id} is ended here");

    public void Dispose()
    {
        Ledgers.Dispose();
        link.Dispose();
        config.Dispose();
    }

    public static Task Soon(Func<bool> condition, string what) => Soon(() => Task.FromResult(condition()), what);

    public static async Task Soon(Func<Task<bool>> condition, string what)
    {
        var end = Environment.TickCount64 + 60_000;
        while (!await condition())
        {
            if (Environment.TickCount64 > end)
            {
                throw new TimeoutException($"In a minute it did not come about that {what}.");
            }

            await Task.Delay(10);
        }
    }

    internal sealed record Settings
    {
        public TimeSpan Poll { get; init; } = TimeSpan.FromMilliseconds(100);

        public TimeSpan RecoveryDelay { get; init; } = TimeSpan.FromMilliseconds(200);

        public TimeSpan CallTimeout { get; init; } = TimeSpan.FromSeconds(1);

        /// <summary>Long: only tests of not knowing make it short.</summary>
        public TimeSpan UnknownAfter { get; init; } = TimeSpan.FromMinutes(10);

        public WhenUnknown WhenUnknown { get; init; } = WhenUnknown.Refuse;

        public IReadOnlyList<KeyValuePair<string, byte[]>> Ring { get; init; } = [new("first", FirstKey)];

        public string NamingKey { get; init; } = "a name key of the tests, long enough";

        public TimeSpan SessionLifetime { get; init; } = TimeSpan.FromDays(182);

        /// <summary>Those of the config that it starts with; it follows none without.</summary>
        public string[]? Callers { get; init; }

        /// <summary>Whether it waits in a young epoch as long as a broker does, and not for RecoveryDelay alone.</summary>
        public bool IsPauseWhole { get; init; }

        /// <summary>How far its clock is ahead of the others'.</summary>
        public TimeSpan Ahead { get; init; }

        /// <summary>Hears no word of the others: what it knows it has polled.</summary>
        public bool IsDeaf { get; init; }

        public ILogger Log { get; init; } = NullLogger.Instance;
    }

    internal sealed class FastClock : TimeProvider
    {
        public TimeSpan Ahead { get; set; }

        public override DateTimeOffset GetUtcNow() => System.GetUtcNow() + Ahead;
    }
}
