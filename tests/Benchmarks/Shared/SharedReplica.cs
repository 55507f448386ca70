using System.Security.Cryptography;
using Broker.Configuration;
using Broker.Redis;
using Broker.UpstreamTokens;
using Microsoft.Extensions.Logging.Abstractions;

namespace Benchmarks.Shared;

/// <summary>One replica's tokens over a real Redis, encrypted, behind a source that answers at once.</summary>
internal sealed class SharedReplica : IDisposable
{
    private static readonly CellTimes Times = new(
        TimeSpan.FromMinutes(1),
        TimeSpan.FromMinutes(1),
        TimeSpan.FromSeconds(60),
        TimeSpan.FromSeconds(2),
        TimeSpan.FromMinutes(5),
        TimeSpan.FromHours(12)
    );

    private readonly SharedTokenStore open;

    public SharedReplica(string endpoint)
    {
        Vault = new(TimeProvider.System, NullLogger<TokenCellRegistry>.Instance);
        var options = new RedisOptions
        {
            Endpoints = [endpoint],
            NamingKey = new("benchmark", new string('n', 44)),
            Encryption = new Dictionary<string, Secret> { ["k1"] = new("benchmark", Convert.ToBase64String(new byte[32])) },
            CallTimeout = TimeSpan.FromSeconds(10),
        };
        Vault.NameAs(options);
        open = SharedTokenStoreFactory.Open(
            Vault,
            options,
            static () => BitConverter.ToUInt64(RandomNumberGenerator.GetBytes(8)),
            "benchmark:1",
            NullLogger<TokenCellRegistry>.Instance
        );
    }

    public TokenCellRegistry Vault { get; }

    public RedisLink Link => open.Link;

    /// <summary>What an account's keys are called in Redis: its pair and its counter stay, the others come and go.</summary>
    public static IEnumerable<string> KeysOf(TokenCell cell) =>
        new RedisNames("broker").Keys(cell.Renewer!.NameOf(cell)).Select(key => (string)key!);

    public TokenCell Cell(int account)
    {
        var name = Vault.Names.Name("cell", $"{account}");
        return Vault.Find(name, 1, () => new CellPlan
            {
                Upstream = "api",
                Account = "default",
                Source = AtOnce.Only,
                Times = Times,
                // A login budget for each account and no common one: what is measured is not to be held up.
                Logins = [new() { Permit = 10, Per = TimeSpan.FromMinutes(1) }],
                Endpoint = Vault.Names.Name("endpoint"),
                Identity = Vault.Names.Name("identity", $"{account}"),
                Fingerprint = Vault.Names.Name("secrets"),
                IsOnlyOne = false,
                RefreshTokenFile = null,
                Version = 1,
            });
    }

    /// <summary>Stores a pair for an account, by the steps of a renewal.</summary>
    public async Task Put(int account)
    {
        var name = new RecordKey(Vault.Names.Name("identity", $"{account}"), Vault.Names.Name("cell", $"{account}"));
        var (attempt, tokens) = (open.Store.NewAttempt(), open.Tokens);
        var taken = await tokens.Take(name, attempt, TimeSpan.FromSeconds(10));
        var life = TimeSpan.FromHours(12);
        var pair = new SharedPair
        {
            FencingToken = taken.Number,
            RunId = taken.Run,
            Record = name.Owner,
            Access = AtOnce.Access,
            Refresh = AtOnce.RefreshToken,
            Life = life,
            EndsAt = taken.Now + (long)life.TotalMicroseconds,
            EndsAtUtc = DateTimeOffset.UtcNow + life,
            By = "benchmark:1",
        };
        var outcome = await tokens.Commit(name, attempt, pair, TimeSpan.FromDays(30));
        await tokens.Release(name, attempt);
        if (outcome != StoreOutcome.Done)
        {
            throw new InvalidOperationException($"A pair was not stored: {outcome}.");
        }
    }

    public void Dispose()
    {
        open.Dispose();
        Vault.Dispose();
    }

    /// <summary>An upstream without a network.</summary>
    private sealed class AtOnce : ITokenSource
    {
        public const int RefreshLength = 100;

        public static readonly string Access = new('a', 600);
        public static readonly string RefreshToken = new('r', RefreshLength);
        public static readonly AtOnce Only = new();

        public bool CanLogin => true;

        public bool Rotates => true;

        public string? FirstRefreshToken => null;

        public Task<TokenAnswer> Login(CancellationToken cancellation) =>
            Task.FromResult(TokenAnswer.Token(Access, RefreshToken, TimeSpan.FromHours(12)));

        public Task<TokenAnswer> Refresh(TokenPair pair, CancellationToken cancellation) => Login(cancellation);
    }
}
