using Broker.Configuration;
using Broker.Credentials;
using Broker.Redis;
using Broker.Tests.TokenService;
using Broker.TokenService;
using Microsoft.Extensions.Logging;
using Shouldly;
using Xunit;

namespace Broker.Tests.Redis;

/// <summary>
/// Something in Redis is not as the brokers left it: that is told once until it is over, and nothing that was ended counts meanwhile.
/// </summary>
public sealed class WrongContentTests : IAsyncLifetime
{
    private static readonly string[] Commands = ["SET", "RPUSH", "SADD", "HSET", "ZADD", "XADD"];
    private readonly Lines lines = new();
    private int hours;
    private RedisServer server = null!;
    private RedisLink link = null!;
    private RevocationLogKeys names = null!;
    private TokenServiceState ledgers = null!;

    public async ValueTask InitializeAsync()
    {
        server = await RedisServer.Start();
        var options = new RedisOptions
        {
            Endpoints = [server.Endpoint],
            NamingKey = new Secret("a test", "a name key of the tests, long enough"),
            KeyPrefix = "wrong",
            Poll = TimeSpan.FromMilliseconds(100),
            RecoveryDelay = TimeSpan.FromMilliseconds(100),
        };
        (names, link, ledgers) = (new(options), new(RedisSettings.Of(options), TimeProvider.System, lines), new(TimeProvider.System));
        ledgers.Heed(new TokenServiceOptions { UnknownAfter = TimeSpan.FromSeconds(2) });
        ledgers.Share(link, options, options.RecoveryDelay, lines);
        link.Start();
        await LedgerReplica.Soon(() => Of("nobody's") == RevocationStatus.Good, "it knows what was ended");
    }

    public async ValueTask DisposeAsync()
    {
        ledgers.Dispose();
        link.Dispose();
        await server.DisposeAsync();
    }

    public static TheoryData<int, string> Wrong =>
        new(
            from key in Enumerable.Range(0, 3) // head, index, ends
            from command in Commands
            where (key, command) is not ((0, "HSET") or (1 or 2, "ZADD")) // these have that type
            select (key, command)
        );

    [Theory]
    [MemberData(nameof(Wrong))]
    public async Task A_ledger_key_of_a_wrong_type_is_told_once_and_once_more_when_it_is_over(int key, string command)
    {
        (await End("ended")).ShouldBeTrue();
        var name = names.Keys[key].ToString();
        await server.Write(name, command);
        await LedgerReplica.Soon(async () => !await End(Guid.NewGuid().ToString(), ++hours), "it is not known to hold everywhere");
        await LedgerReplica.Soon(() => lines.Of(LogLevel.Error) > 0, "it is told");
        (await End("late", ++hours)).ShouldBeFalse();
        await PausesGrow();

        lines.Of(LogLevel.Error).ShouldBe(1);
        lines.Of(LogLevel.Warning).ShouldBe(0);
        Of("ended").ShouldBe(RevocationStatus.Revoked);
        Of("late").ShouldBe(RevocationStatus.Revoked);
        link.IsAway.ShouldBeFalse();
        await LedgerReplica.Soon(() => Of("other") == RevocationStatus.Unknown, "nobody knows what another replica ended");

        await server.Ask("DEL", name);
        await LedgerReplica.Soon(() => lines.Has(711) && Of("other") == RevocationStatus.Good, "it is over, and that is told");
        Of("ended").ShouldBe(RevocationStatus.Revoked);
        await LedgerReplica.Soon(() => End("late"), "it is said in Redis");
        lines.Of(LogLevel.Error).ShouldBe(1);
    }

    [Fact]
    public async Task The_failed_logins_of_an_address_that_are_of_a_wrong_type_are_counted_here_and_told_once()
    {
        await server.Write(names.Tries("203.0.113.1"), "RPUSH");
        for (var i = 0; i < LocalLoginThrottle.Free; i++)
        {
            (await ledgers.Attempts.Begin("admin", "203.0.113.1", CancellationToken.None)).MayTry.ShouldBeTrue();
        }

        (await ledgers.Attempts.Begin("admin", "203.0.113.1", CancellationToken.None)).MayTry.ShouldBeFalse();
        lines.Of(LogLevel.Error).ShouldBe(1);
        link.IsAway.ShouldBeFalse();
        Of("other").ShouldBe(RevocationStatus.Good); // nothing else is touched
    }

    private RevocationStatus Of(string id) => ledgers.Revocations.Of(LedgerReplica.Token(id));

    // What lives for another time stands in another part, and that is a new one.
    private async Task<bool> End(string id, int hours = 1) =>
        await ledgers.Revocations.Revoke(id, LedgerReplica.In(TimeSpan.FromHours(Math.Pow(4, hours % 8))), CancellationToken.None);

    /// <summary>A few more tries take seconds: before, there were hundreds in one.</summary>
    private async Task PausesGrow()
    {
        var (before, from) = (await server.Scripts(), Environment.TickCount64);
        await LedgerReplica.Soon(async () => await server.Scripts() - before >= 4, "it is tried again");
        (Environment.TickCount64 - from).ShouldBeGreaterThan(500);
    }

    private sealed class Lines : ILogger
    {
        private readonly List<(LogLevel Level, int Id)> lines = [];

        public int Of(LogLevel level)
        {
            lock (lines)
            {
                return lines.Count(line => line.Level == level);
            }
        }

        public bool Has(int id)
        {
            lock (lines)
            {
                return lines.Any(line => line.Id == id);
            }
        }

        public IDisposable? BeginScope<TState>(TState state)
            where TState : notnull => null;

        public bool IsEnabled(LogLevel logLevel) => true;

        public void Log<TState>(
            LogLevel logLevel,
            EventId eventId,
            TState state,
            Exception? exception,
            Func<TState, Exception?, string> formatter
        )
        {
            lock (lines)
            {
                lines.Add((logLevel, eventId.Id));
            }
        }
    }
}
