using System.Net;
using System.Net.Sockets;
using System.Text;
using System.Text.Json.Nodes;
using Broker.FunctionalTests.Commands;
using Broker.FunctionalTests.Forwarding;
using Broker.Tests.Redis;
using Shouldly;
using Simulators;
using Xunit;

namespace Broker.FunctionalTests.TokenService;

/// <summary>
/// An upstream locks a user after ten wrong passwords: strangers who log in here lock neither its users nor the broker's own account.
/// </summary>
public sealed class LockoutTests
{
    [Theory]
    [InlineData("admin")]
    [InlineData("ADMIN")]
    [InlineData(" admin ")]
    [InlineData("\\tadmin\\u00a0")]
    [InlineData("Admin\\u200b")]
    [InlineData("\\uff41dmin")]
    [InlineData("adm\\u00edn")]
    public async Task A_guess_at_the_brokers_own_account_never_reaches_the_upstream(string spelling)
    {
        await using var bed = await UpstreamUserBed.Start();
        (await bed.Get("/shared/device/device-a", "key:test-key")).ShouldBe(200);
        var logins = bed.Simulator.Logins;
        for (var i = 0; i < 9; i++)
        {
            (await bed.LogIn(spelling, $"wrong {i}")).ShouldBe((401, """{"error":401,"message":"Invalid credentials"}"""));
        }
        (await bed.LogIn(spelling, DeviceHiveSimulator.AdminPassword)).Status.ShouldBe(401); // nor does it log in here

        bed.Simulator.Logins.ShouldBe(logins);
        bed.Simulator.RevokeAccessTokens();
        (await bed.Get("/shared/device/device-a", "key:test-key")).ShouldBe(200);
        (await bed.Broker.LogHolding("\"hive/default\"")).ShouldNotContain("wrong 1");
    }

    [Fact]
    public async Task Nor_does_a_guess_at_an_account_that_another_upstream_of_the_config_has_on_the_same_host()
    {
        await using var bed = await UpstreamUserBed.Start(broker =>
        {
            var accounts = broker["Upstreams"]!["hive"]!["Accounts"]!["default"]!;
            accounts["Login"] = DeviceHiveSimulator.OperatorLogin;
        });
        (await bed.LogIn("admin", "wrong")).Status.ShouldBe(401);
        (await bed.LogIn("Operator", "wrong")).Status.ShouldBe(401);
        bed.Simulator.Logins.ShouldBe(0);
    }

    [Fact]
    public async Task A_template_account_stands_for_every_name_that_fits_it()
    {
        await using var bed = await UpstreamUserBed.Start(broker =>
            broker["Upstreams"]!["hive"]!["Accounts"]!["each"] = JsonNode.Parse(
                """{ "Login": "svc-{user}", "Password": { "Env": "DEVICEHIVE" } }"""
            )
        );
        (await bed.LogIn("SVC-anybody", "wrong")).Status.ShouldBe(401);
        bed.Simulator.Logins.ShouldBe(0);
        (await bed.LogIn("operator", DeviceHiveSimulator.OperatorPassword)).Status.ShouldBe(201);
    }

    [Theory]
    [InlineData(10, 3)]
    [InlineData(6, 2)]
    [InlineData(3, 1)]
    [InlineData(2, 1)]
    public async Task A_users_name_waits_from_a_third_of_the_limit_whatever_addresses_the_guesses_come_from(int limit, int passed)
    {
        await using var bed = await UpstreamUserBed.Start(broker => broker["Upstreams"]!["hive"]!["LockoutAfter"] = limit);
        for (var i = 0; i < 30; i++)
        {
            using var client = From(bed.Broker, $"127.0.0.{2 + (i % 20)}");
            (await LogIn(client, i % 2 == 0 ? "operator" : " OPERATOR", $"wrong {i}")).Status.ShouldBe(i < passed ? 401 : 429);
        }
        bed.Simulator.Logins.ShouldBe(passed);
        using var elsewhere = From(bed.Broker, "127.0.0.99");
        var (status, retryAfter) = await LogIn(elsewhere, "operator", DeviceHiveSimulator.OperatorPassword);
        (status, retryAfter > 0).ShouldBe((429, true));
        (await LogIn(elsewhere, "somebody", "wrong")).Status.ShouldBe(401); // another name does not wait
    }

    [Fact]
    public async Task The_rules_hold_for_the_password_grant_too_and_both_ways_in_count_together()
    {
        await using var bed = await UpstreamUserBed.Start(broker => broker["TokenService"]!["PasswordGrant"] = true);
        var (status, body) = await Grant(bed, "operator", DeviceHiveSimulator.OperatorPassword);
        status.ShouldBe(200, body);
        (await bed.Get("/api/rest/device/device-a", (string)JsonNode.Parse(body)!["access_token"]!)).ShouldBe(200);
        var sent = bed.Simulator.Received.Data.Single().Header("Authorization")!["Bearer ".Length..];
        TokenBed.Payload(sent, "u").ShouldBe("2"); // their own token
        var logins = bed.Simulator.Logins;

        foreach (var spelling in new[] { "admin", " ADMIN ", "Admin\u200b" })
        {
            (status, body) = await Grant(bed, spelling, DeviceHiveSimulator.AdminPassword);
            (status, (string?)JsonNode.Parse(body)!["error"]).ShouldBe((400, "invalid_grant"));
        }

        bed.Simulator.Logins.ShouldBe(logins); // the broker's own account is not passed on
        (await bed.Broker.LogHolding("\"Id\":240")).ShouldNotContain(DeviceHiveSimulator.AdminPassword);

        for (var i = 0; i < 9; i++)
        {
            var isGrant = i % 2 == 0;
            var login = i % 3 == 0 ? "operator" : " OPERATOR";
            var answer = isGrant ? await Grant(bed, login, $"wrong {i}") : await bed.LogIn(login, $"wrong {i}");
            answer.Status.ShouldBe(
                i >= 3 ? 429
                    : isGrant ? 400
                    : 401,
                answer.Body
            );
        }

        bed.Simulator.Logins.ShouldBe(logins + 3);
        (await Grant(bed, "operator", DeviceHiveSimulator.OperatorPassword)).Status.ShouldBe(429); // the right password waits, too
        (await Grant(bed, "somebody", "wrong")).Status.ShouldBe(400); // another name does not
    }

    [Fact]
    public async Task However_long_the_guesses_go_on_the_upstream_does_not_lock_the_user()
    {
        await using var bed = await UpstreamUserBed.Start(broker => broker["TokenService"]!["FirstWait"] = "00:00:00.100");
        var end = Environment.TickCount64 + 5_000;
        for (var i = 0; Environment.TickCount64 < end; i++)
        {
            using var client = From(bed.Broker, $"127.0.0.{2 + (i % 200)}");
            (await LogIn(client, "operator", $"wrong {i}")).Status.ShouldBeOneOf(401, 429);
        }
        bed.Simulator.Logins.ShouldBe(6); // the next one is an hour later
        await bed.Administer(HttpMethod.Get, "/user/2", "{}");
        (await bed.Administer(HttpMethod.Get, "/user/2", "{}")).ShouldContain("\"status\":0");
    }

    [Fact]
    public async Task After_the_wait_the_right_password_is_let_in_and_breaks_the_row()
    {
        await using var bed = await UpstreamUserBed.Start(broker => broker["TokenService"]!["FirstWait"] = "00:00:00.100");
        for (var round = 0; round < 3; round++)
        {
            for (var i = 0; i < 3; i++)
            {
                (await bed.LogIn("operator", "wrong")).Status.ShouldBe(401);
            }
            await Eventually.Holds(
                async () => (await bed.LogIn("operator", DeviceHiveSimulator.OperatorPassword)).Status == 201,
                "the wait is over"
            );
        }
    }

    [Fact]
    public async Task Replicas_count_together_and_without_redis_nobody_is_tried()
    {
        var redis = await RedisServer.Start();
        void Share(JsonObject broker) =>
            broker["Redis"] = JsonNode.Parse(
                $$"""
                { "Endpoints": [ "{{redis.Endpoint}}" ], "NamingKey": { "Env": "REDIS_NAMES" }, "Encryption": { "first": { "Env": "REDIS_KEY" } }, "CallTimeout": "00:00:02", "Poll": "00:00:00.200", "RecoveryDelay": "00:00:00.200" }
                """
            );
        await using var one = await UpstreamUserBed.Start(Share);
        await using var other = await UpstreamUserBed.Start(Share, one.Simulator);
        var statuses = new List<int>();
        for (var i = 0; i < 12; i++)
        {
            var bed = i % 2 == 0 ? one : other;
            using var client = From(bed.Broker, $"127.0.0.{2 + i}");
            statuses.Add((await LogIn(client, "operator", $"wrong {i}")).Status);
        }
        statuses.Count(status => status == 401).ShouldBe(3);
        one.Simulator.Logins.ShouldBe(3);

        await redis.Kill();
        await Eventually.Holds(
            async () => (await one.LogIn("somebody", "wrong")).Status == 503,
            "nobody can say how often the name was tried elsewhere"
        );
        var before = one.Simulator.Logins;
        (await one.LogIn("somebody", "wrong")).Status.ShouldBe(503);
        one.Simulator.Logins.ShouldBe(before);
        await redis.DisposeAsync();
    }

    [Fact]
    public async Task Check_warns_of_every_account_that_strangers_can_name()
    {
        var folder = Directory.CreateTempSubdirectory("broker-lockout-");
        try
        {
            var config = TokenBed.Config(new Uri("http://127.0.0.1:9/"));
            var upstream = """
                { "Kind": "DeviceHive", "AllowInsecure": true, "TokenEndpoint": "http://127.0.0.1:9/auth/rest/token", "Accounts": {
                    "default": { "Login": "admin", "Password": { "Env": "DEVICEHIVE" } }, "fixed": { "RefreshToken": { "Env": "DEVICEHIVE" } } } }
                """;
            config["Broker"]!["Upstreams"]!["hive"] = JsonNode.Parse(upstream);
            config["Broker"]!["TokenService"] = JsonNode.Parse("""{ "UsersOf": "hive" }""");
            var file = Path.Combine(folder.FullName, "broker.json");
            await File.WriteAllTextAsync(file, config.ToJsonString());

            var run = await CommandRun.Of("check", "--config", file);

            run.Out.ShouldContain("warning: Broker:Upstreams:hive:Accounts:default:Login:");
            run.Out.ShouldContain("warning: Broker:Upstreams:hive:Accounts:fixed:RefreshToken:");
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }

    private static async Task<(int Status, int RetryAfter)> LogIn(HttpClient client, string login, string password)
    {
        using var answer = await client.PostAsync(
            "/token",
            new StringContent($$"""{"login":"{{login}}","password":"{{password}}"}""", Encoding.UTF8, "application/json")
        );
        return ((int)answer.StatusCode, answer.RetryAfter() ?? 0);
    }

    private static async Task<(int Status, string Body)> Grant(UpstreamUserBed bed, string login, string password)
    {
        using var form = new FormUrlEncodedContent([
            new("grant_type", "password"),
            new("username", login),
            new("password", password),
            new("client_id", "tester"),
            new("client_secret", TestConfig.Key),
        ]);
        using var answer = await bed.Broker.Client.PostAsync("/oauth/token", form);
        return ((int)answer.StatusCode, await answer.Content.ReadAsStringAsync());
    }

    /// <summary>A client at another address of this machine.</summary>
    private static HttpClient From(BrokerUnderTest broker, string address) =>
        new(
            new SocketsHttpHandler
            {
                UseProxy = false,
                ConnectCallback = async (context, cancellation) =>
                {
                    var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
                    socket.Bind(new IPEndPoint(IPAddress.Parse(address), 0));
                    await socket.ConnectAsync(IPAddress.Loopback, context.DnsEndPoint.Port, cancellation);
                    return new NetworkStream(socket, ownsSocket: true);
                },
            }
        )
        {
            BaseAddress = broker.Address,
        };
}
