using System.Security.Cryptography;
using Broker.Configuration;
using Broker.Redis;
using Broker.UpstreamTokens;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;

namespace Broker.Tests.UpstreamTokens;

/// <summary>One broker process's tokens, as far as Redis and upstream can tell: a vault with a connection of its own.</summary>
internal sealed class Replica : IDisposable
{
    public static readonly byte[] FirstKey = SHA256.HashData("first"u8);
    public static readonly byte[] SecondKey = SHA256.HashData("second"u8);

    public static readonly CellTimes Quick = new(
        RenewBefore: TimeSpan.FromSeconds(60),
        CallDeadline: TimeSpan.FromSeconds(2),
        TokenWaitTimeout: TimeSpan.FromSeconds(15),
        RetryDelay: TimeSpan.FromMilliseconds(50),
        MaxRetryDelay: TimeSpan.FromSeconds(2),
        IdleTimeout: TimeSpan.FromMinutes(30)
    );

    private readonly RedisLink link;

    public Replica(string endpoint, string prefix, Settings? settings = null)
    {
        var now = settings ?? new();
        var logger = now.Log ?? NullLogger<TokenCellRegistry>.Instance;
        Vault = new(now.Clock, logger);
        Vault.NameBy(new(now.NamingKey));
        link = new(
            new()
            {
                Endpoints = [endpoint],
                CallTimeout = now.CallTimeout,
                ReplicasReturn = now.ReplicasReturn,
                Channel = now.IsDeaf ? "nobody" : prefix + ":changed",
            },
            TimeProvider.System,
            logger
        );
        Tokens = new(link, new(prefix), new(now.Ring, Vault.Names), now.Times.RefreshTokenTtl, now.Clock, logger);
        Vault.Share(new(Tokens, now.Times, Chance, now.Name, now.Clock));
        Tokens.LookAsked += new CellInvalidator(Vault).At;
        link.Start();
    }

    public TokenCellRegistry Vault { get; }

    public RedisTokens Tokens { get; }

    public RedisLink Link => link;

    public static ulong Chance() => BitConverter.ToUInt64(RandomNumberGenerator.GetBytes(8));

    public TokenCell Cell(
        ITokenSource source,
        string account = "one",
        bool onlyOne = true,
        IReadOnlyList<LoginWindowOptions>? logins = null,
        string secret = "s",
        CellTimes? times = null
    ) => Vault.Find(Vault.Names.Name("cell", account, secret), 1, () => new CellPlan
            {
                Upstream = "up",
                Account = account,
                Source = source,
                Times = times ?? Quick,
                Logins = logins ?? [new() { Permit = 1000, Per = TimeSpan.FromMinutes(1) }],
                Endpoint = Vault.Names.Name("endpoint"),
                Identity = Vault.Names.Name("identity", account),
                Fingerprint = Vault.Names.Name("secret", secret),
                IsOnlyOne = onlyOne,
                RefreshTokenFile = null,
                Version = 1,
            });

    public RecordKey Name(string account = "one") => new(Vault.Names.Name("identity", account), Vault.Names.Name("identity", account));

    public void Dispose()
    {
        link.Dispose();
        Vault.Dispose();
    }

    internal sealed record Settings
    {
        public SharedTimes Times { get; init; } =
            new()
            {
                Lease = TimeSpan.FromSeconds(1),
                Poll = TimeSpan.FromMilliseconds(200),
                RecoveryDelay = TimeSpan.FromMilliseconds(500),
            };

        public TimeSpan CallTimeout { get; init; } = TimeSpan.FromSeconds(10); // patient with a loaded machine

        public TimeSpan ReplicasReturn { get; init; } = TimeSpan.FromMinutes(1);

        public IReadOnlyList<KeyValuePair<string, byte[]>> Ring { get; init; } = [new("first", FirstKey)];

        public string NamingKey { get; init; } = "a name key of the tests, long enough";

        public string Name { get; init; } = "replica";

        /// <summary>What its tokens go by; the connection goes by the system's.</summary>
        public TimeProvider Clock { get; init; } = TimeProvider.System;

        /// <summary>Hears no word of the others: what it knows it has looked up.</summary>
        public bool IsDeaf { get; init; }

        public ILogger<TokenCellRegistry>? Log { get; init; }
    }
}

/// <summary>A running clock that a test sets forward: a token comes near its end in no time.</summary>
internal sealed class AheadClock : TimeProvider
{
    private long ahead;

    public override DateTimeOffset GetUtcNow() => System.GetUtcNow() + new TimeSpan(Interlocked.Read(ref ahead));

    public override long GetTimestamp() =>
        System.GetTimestamp() + (long)(new TimeSpan(Interlocked.Read(ref ahead)).TotalSeconds * TimestampFrequency);

    /// <summary>Until so much is left of a token.</summary>
    public void LeaveOf(UpstreamToken token, TimeSpan left) => Interlocked.Add(ref ahead, (LeftOf(token) - left).Ticks);

    public TimeSpan LeftOf(UpstreamToken token) => GetElapsedTime(GetTimestamp(), token.EndsAt);
}
