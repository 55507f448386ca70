using Broker.Credentials;
using Broker.Tests.TokenService;
using Broker.Tests.UpstreamTokens;
using Broker.UpstreamTokens;
using Shouldly;
using Xunit;
using static Broker.Tests.TokenService.LedgerReplica;

namespace Broker.Tests.Redis;

/// <summary>
/// Redis answers, and refuses all of it: that is told once, held tokens serve on, nothing is let through, and it heals when that is over.
/// </summary>
public sealed class RefusingRedisTests : IAsyncLifetime
{
    private readonly List<string> ledgerLines = [];
    private readonly LogLines tokenLines = new();
    private readonly StrictUpstream upstream = new();
    private RedisServer server = null!;

    public async ValueTask InitializeAsync() => server = await RedisServer.Start();

    public ValueTask DisposeAsync() => server.DisposeAsync();

    [Theory]
    [InlineData("OOM")]
    [InlineData("READONLY")]
    [InlineData("MISCONF")]
    [InlineData("NOREPLICAS")]
    [InlineData("NOPERM of a command")]
    [InlineData("NOPERM of scripts")]
    [InlineData("NOPERM of keys")]
    [InlineData("NOAUTH")]
    public async Task It_is_told_once_and_once_more_when_it_is_over(string kind)
    {
        using var ledger = await new LedgerReplica(
            server.Endpoint,
            "refused",
            new() { Log = new LineLog(ledgerLines), UnknownAfter = TimeSpan.FromSeconds(1) }
        ).Ready();
        using var replica = new Replica(server.Endpoint, "refused", new() { Log = tokenLines, CallTimeout = TimeSpan.FromSeconds(2) });
        var cell = replica.Cell(upstream.Source(), logins: [new() { Permit = 16, Per = TimeSpan.FromSeconds(2) }]);
        var token = await CellBench.Fresh(cell);
        (await ledger.Revocations.Revoke("early", In(TimeSpan.FromHours(1)), default)).ShouldBeTrue();
        var line = (await ledger.Ledgers.Rotation.Begin(In(TimeSpan.FromDays(1)), default)).ShouldNotBeNull();
        await Begin(kind);

        await Soon(
            async () => !await ledger.Revocations.Revoke(Guid.NewGuid().ToString(), In(TimeSpan.FromHours(1)), default),
            "it is not said in Redis"
        );
        (await ledger.Revocations.Revoke("late", In(TimeSpan.FromHours(1)), default)).ShouldBeFalse();
        (ledger.Of("early"), ledger.Of("late")).ShouldBe((RevocationStatus.Revoked, RevocationStatus.Revoked));
        (
            await ledger.Ledgers.Rotation.Use(new(line, 0, "successor", TimeSpan.FromMinutes(1), In(TimeSpan.FromDays(1))), default)
        ).Successor.ShouldBeNull();
        (await CellBench.Fresh(cell)).ShouldBe(token);
        (await cell.Replace(token, 0, "s", CellBench.None)).Token.ShouldBeNull(); // before a window has passed nobody logs in alone
        upstream.Refreshes.ShouldBe(0);
        var (before, from) = (await Commands(), Environment.TickCount64);
        await Soon(() => Environment.TickCount64 - from > 2000, "two seconds pass");
        (await Commands() - before).ShouldBeLessThan(300); // two replicas, of which one looks twenty times a second where it may read
        Told(ledgerLines).Count.ShouldBe(1, string.Join('\n', ledgerLines));
        TokenTold().Count.ShouldBe(1, string.Join('\n', tokenLines.Lines));

        await End(kind);
        await Soon(async () => await ledger.Revocations.Revoke("late", In(TimeSpan.FromHours(1)), default), "it is said in Redis");
        await Soon(async () => await ledger.Revocations.Revoke("new", In(TimeSpan.FromHours(1)), default), "so is what is new");
        await Soon(() => ledger.Of("untouched") == RevocationStatus.Good, "it is known what was ended");
        UpstreamToken? next = null;
        await Soon(async () => (next = (await cell.Replace(token, 0, "s", CellBench.None)).Token) is not null, "the token is renewed");
        upstream.IsLive(CellBench.Value(next!)).ShouldBeTrue();
        upstream.Reused.ShouldBe(0);
        var last = Environment.TickCount64;
        await Soon(() => Over(ledgerLines) > 0 || Environment.TickCount64 - last > 20_000, "it is told that it is over");
        Over(ledgerLines).ShouldBe(1, string.Join('\n', ledgerLines));
        Told(ledgerLines).Count.ShouldBe(1, string.Join('\n', ledgerLines));
        TokenTold().Count.ShouldBe(1, string.Join('\n', tokenLines.Lines));
    }

    private async Task Begin(string kind)
    {
        switch (kind)
        {
            case "OOM":
                await server.Ask("CONFIG", "SET", "maxmemory-policy", "noeviction");
                await server.Ask("CONFIG", "SET", "maxmemory", "1");
                break;
            case "READONLY":
                await server.Ask("CONFIG", "SET", "replica-serve-stale-data", "yes");
                await server.Ask("REPLICAOF", "127.0.0.1", "1");
                break;
            case "MISCONF":
                await server.Ask("CONFIG", "SET", "save", "3600 1");
                await server.Ask("CONFIG", "SET", "stop-writes-on-bgsave-error", "yes");
                await server.Ask("CONFIG", "SET", "rdbcompression", "yes");
                Directory.Delete(server.Folder, recursive: true);
                await server.Ask("BGSAVE");
                await Soon(
                    async () => (await server.Ask("INFO", "persistence")).Contains("rdb_last_bgsave_status:err", StringComparison.Ordinal),
                    "saving failed"
                );
                break;
            case "NOREPLICAS":
                await server.Ask("CONFIG", "SET", "min-replicas-to-write", "1");
                break;
            case "NOPERM of a command":
                await server.Ask("ACL", "SETUSER", "default", "-hset");
                break;
            case "NOPERM of scripts":
                await server.Ask("ACL", "SETUSER", "default", "-eval", "-evalsha");
                break;
            case "NOPERM of keys":
                await server.Ask("ACL", "SETUSER", "default", "resetkeys", "~nothing");
                break;
            default:
                await server.Ask("CONFIG", "SET", "requirepass", "secret");
                server.Password = "secret";
                await server.Ask("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes");
                break;
        }
    }

    private async Task End(string kind)
    {
        switch (kind)
        {
            case "OOM":
                await server.Ask("CONFIG", "SET", "maxmemory", "0");
                break;
            case "READONLY":
                await server.Ask("REPLICAOF", "NO", "ONE");
                break;
            case "MISCONF":
                Directory.CreateDirectory(server.Folder);
                await server.Ask("CONFIG", "SET", "stop-writes-on-bgsave-error", "no");
                break;
            case "NOREPLICAS":
                await server.Ask("CONFIG", "SET", "min-replicas-to-write", "0");
                break;
            case "NOPERM of a command" or "NOPERM of scripts":
                await server.Ask("ACL", "SETUSER", "default", "+@all");
                break;
            case "NOPERM of keys":
                await server.Ask("ACL", "SETUSER", "default", "allkeys");
                break;
            default:
                await server.Ask("CONFIG", "SET", "requirepass", "");
                server.Password = null;
                break;
        }
    }

    /// <summary>What was told of Redis: away, refusing, a step refused. Why no connection comes about (704) is told besides.</summary>
    private static List<string> Told(List<string> lines)
    {
        lock (lines)
        {
            return [.. lines.Where(line => line.Split(' ')[1] is "700" or "703" or "710")];
        }
    }

    private static int Over(List<string> lines)
    {
        lock (lines)
        {
            return lines.Count(line => line.Split(' ')[1] is "701" or "711");
        }
    }

    private List<string> TokenTold() => [.. tokenLines.Lines.Where(line => line[..4] is "700 " or "703 " or "710 ")];

    /// <summary>How many scripts were run or refused, and how often somebody connected.</summary>
    private async Task<long> Commands() =>
        (await server.Ask("INFO", "commandstats"))
            .Split('\n')
            .Where(line =>
                line.StartsWith("cmdstat_eval", StringComparison.Ordinal)
                || line.StartsWith("cmdstat_auth", StringComparison.Ordinal)
                || line.StartsWith("cmdstat_client|", StringComparison.Ordinal)
            )
            .Sum(line => Number(line, ":calls=") + Number(line, ",rejected_calls=") + Number(line, ",failed_calls="));

    private static long Number(string line, string name) =>
        long.Parse(line.Split(name)[1].Split(',')[0], System.Globalization.CultureInfo.InvariantCulture);
}
