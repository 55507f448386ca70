using System.Net;
using System.Net.Sockets;
using System.Text.Json.Nodes;
using Broker.FunctionalTests.Forwarding;
using Shouldly;
using Simulators;
using Xunit;

namespace Broker.FunctionalTests.UpstreamTokens;

/// <summary>A token endpoint that does what it should not: no request leaves without a token, or with one that is over.</summary>
public sealed class TokenEndpointTroubleTests
{
    public static TheoryData<string> Bad() =>
        [
            "302",
            "307",
            "html",
            "empty",
            "array",
            "no-token",
            "empty-token",
            "not-bearer",
            "5 MB",
            "negative",
            "zero",
            "cut",
            "lost",
            "500",
            "503",
            "429",
        ];

    [Theory]
    [MemberData(nameof(Bad))]
    public async Task A_bad_answer_of_the_token_endpoint_is_503_and_nothing_reaches_the_upstream(string what)
    {
        await using var elsewhere = await EchoUpstream.Start();
        await using var simulator = await OAuth2Simulator.StartAsync(new() { NegativeExpiresIn = what == "negative" });
        await using var broker = await TokenConfig.Start(TokenConfig.For(simulator.Address, TokenConfig.OAuth2(simulator.Address)));
        simulator.Faults.TokenAnswer = what switch
        {
            "302" or "307" => Answer.Empty(int.Parse(what, null)).With("Location", $"{elsewhere.Address}oauth/token"),
            "html" => Answer.Text(200, "<html><body>access_token=abc</body></html>", "text/html"),
            "empty" => Answer.Empty(200),
            "array" => Answer.Text(200, """[{"access_token":"abcdefgh","expires_in":3600}]""", "application/json"),
            "no-token" => Answer.Json(200, new { token_type = "Bearer", expires_in = 3600 }),
            "empty-token" => Answer.Json(
                200,
                new
                {
                    access_token = "",
                    token_type = "Bearer",
                    expires_in = 3600,
                }
            ),
            "not-bearer" => Answer.Json(
                200,
                new
                {
                    access_token = "abcdefgh",
                    token_type = "mac",
                    expires_in = 3600,
                }
            ),
            "5 MB" => Answer.Json(
                200,
                new
                {
                    padding = new string('x', 5_000_000),
                    access_token = "abcdefgh",
                    token_type = "Bearer",
                    expires_in = 3600,
                }
            ),
            "zero" => Answer.Json(
                200,
                new
                {
                    access_token = "abcdefgh",
                    token_type = "Bearer",
                    expires_in = 0,
                }
            ),
            "500" or "503" or "429" => Answer.Empty(int.Parse(what, null)),
            _ => null,
        };
        (simulator.Faults.TokenCutsAnswer, simulator.Faults.TokenLosesAnswer) = (what == "cut", what == "lost");

        for (var i = 0; i < 3; i++)
        {
            var answer = await broker.Ask("/api/things");
            await answer.ShouldRefuse(503, "upstream-token-unavailable");
            answer.RetryAfter().ShouldNotBeNull().ShouldBeGreaterThanOrEqualTo(1);
        }

        simulator.Received.Data.ShouldBeEmpty();
        elsewhere.Requests.ShouldBeEmpty();
        if (what != "negative")
        {
            simulator.Faults.Clear();
            await Eventually.Holds(async () => (int)(await broker.Ask("/api/things")).StatusCode == 200, "it heals");
        }
    }

    [Theory]
    [InlineData("no name", "NotNow", "name-unknown")]
    [InlineData("a closed port", "NotNow", "unreachable")]
    [InlineData("no connection in time", "NotNow", "connect-timeout")]
    [InlineData("no TLS", "NotNow", "tls-failed")]
    [InlineData("a certificate of nobody", "NotNow", "tls-trust")]
    [InlineData("end", "Unknown", "closed")]
    [InlineData("reset", "Unknown", "closed")]
    [InlineData("HTTP/1.1 200 O", "Unknown", "closed")]
    [InlineData("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{\"access_token\":\"abc\"", "Unknown", "cut")]
    [InlineData("this is no HTTP\r\n\r\n", "Unknown", "malformed")]
    [InlineData("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nno size\r\n", "Unknown", "malformed")]
    [InlineData("HTTP/1.1 500 X\r\nContent-Length: 0\r\n\r\n", "Unknown", "http-500")]
    [InlineData("silence", "Unknown", "timed-out")]
    public async Task The_log_says_at_Warning_which_upstreams_token_endpoint_failed_and_why(string what, string outcome, string reason)
    {
        using var authority = new TestAuthority("nobody's");
        await using var tls = await TlsUpstream.Start(authority.Certify(isOver: false, "localhost"));
        await using var endpoint = HandUpstream.OfConnections(
            async (socket, upstream) =>
            {
                await socket.ReceiveAsync(new byte[4000]);
                switch (what)
                {
                    case "reset":
                        HandUpstream.Reset(socket);
                        return;
                    case "silence":
                        await Task.Delay(Timeout.Infinite, upstream.Over);
                        return;
                    case "end":
                        return;
                    default:
                        await HandUpstream.Say(socket, what == "no TLS" ? "HTTP/1.1 400 X\r\n\r\n" : what);
                        return;
                }
            }
        );
        using var full = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        full.Bind(new IPEndPoint(IPAddress.Loopback, 0)); // bound and not listening: a closed port that nobody else gets
        List<Socket> waiting = [];
        if (what == "no connection in time")
        {
            // A queue of one that is full: the kernel lets every further SYN wait.
            full.Listen(0);
            for (var i = 0; i < 4; i++)
            {
                var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
                waiting.Add(socket);
                _ = socket.ConnectAsync(full.LocalEndPoint!).ContinueWith(done => done.Exception, TaskScheduler.Default);
            }
        }

        var origin = what switch
        {
            "no name" => "https://no-such-host.invalid",
            "a closed port" or "no connection in time" => $"http://{full.LocalEndPoint}",
            "no TLS" => $"https://127.0.0.1:{endpoint.Address.Port}",
            "a certificate of nobody" => $"https://localhost:{tls.Port}",
            _ => $"http://127.0.0.1:{endpoint.Address.Port}",
        };
        var deadline = what == "silence" ? "00:00:01" : "00:00:30";
        var times =
            $""", "TokenWaitTimeout": "00:00:00.5", "CallDeadline": "{deadline}", "RetryDelay": "00:01:00", "MaxRetryDelay": "00:01:00" """;
        var config = TokenConfig.For(endpoint.Address, TokenConfig.OAuth2(new($"{origin}/tenant-4711/"), times));
        await using var broker = await TokenConfig.Start(config);

        await (await broker.Ask("/api/things")).ShouldRefuse(503, "upstream-token-unavailable");

        var log = await broker.LogHolding("\"Id\":301");
        var line = JsonNode.Parse(log.Split('\n').Single(text => text.Contains("\"Id\":301", StringComparison.Ordinal)))!;
        var said = line["Properties"]!;
        ((string?)line["Level"], (string?)said["Upstream"], (string?)said["Account"], (string?)said["Call"]).ShouldBe(
            ("Warning", "api", "default", "login")
        );
        ((string?)said["Endpoint"], (string?)said["Outcome"], (string?)said["Reason"]).ShouldBe((origin, outcome, reason));
        broker.Log.ShouldNotContain(OAuth2Simulator.BasicClientSecret);
        broker.Log.ShouldNotContain("tenant-4711");
        waiting.ForEach(socket => socket.Dispose());
    }

    [Fact]
    public async Task A_hanging_token_endpoint_costs_each_request_its_patience_and_heals()
    {
        const string times =
            """, "TokenWaitTimeout": "00:00:00.5", "CallDeadline": "00:00:03", "RetryDelay": "00:00:00.050", "MaxRetryDelay": "00:00:00.200" """;
        await using var simulator = await OAuth2Simulator.StartAsync(new());
        simulator.Faults.TokenHangs = true;
        var config = TokenConfig.For(
            simulator.Address,
            TokenConfig.OAuth2(simulator.Address, times),
            ("all", TokenConfig.AnyRoute),
            (
                "open",
                """{ "Match": { "Path": "/open" }, "AuthorizationPolicy": "Anonymous", "Transforms": [ { "PathSet": "/nowhere" } ] }"""
            )
        );
        await using var broker = await TokenConfig.Start(config);

        var waiting = Enumerable.Range(0, 20).Select(_ => broker.Ask("/api/things")).ToArray();
        await Eventually.Holds(() => simulator.Logins == 1, "the login hangs");
        // others are served meanwhile; the upstream has no such path
        ((int)(await broker.Client.GetAsync("/open")).StatusCode).ShouldBe(404);
        foreach (var answer in await Task.WhenAll(waiting))
        {
            await answer.ShouldRefuse(503, "upstream-token-unavailable");
        }

        simulator.Logins.ShouldBe(1);
        simulator.Received.Data.ShouldHaveSingleItem().Bearer().ShouldBeNull();
        simulator.Faults.Clear();
        await Eventually.Holds(
            async () => (int)(await broker.Ask("/api/things")).StatusCode == 200,
            "the call that hangs is given up, and the next succeeds"
        );
    }

    [Fact]
    public async Task A_refused_login_is_502_and_stops_after_three()
    {
        await using var simulator = await OAuth2Simulator.StartAsync(new());
        await using var broker = await TokenConfig.Start(
            TokenConfig.For(
                simulator.Address,
                TokenConfig.OAuth2(simulator.Address, account: """{ "ClientId": "fleet-service", "ClientSecret": { "Env": "WRONG" } }""")
            )
        );

        await Eventually.Holds(
            async () =>
            {
                await (await broker.Ask("/api/things")).ShouldRefuse(502, "upstream-refused-login");
                return simulator.Logins == 3;
            },
            "three logins were refused"
        );
        for (var i = 0; i < 50; i++)
        {
            await (await broker.Ask("/api/things")).ShouldRefuse(502, "upstream-refused-login");
        }

        simulator.Logins.ShouldBe(3);
        simulator.Received.Data.ShouldBeEmpty();
    }

    [Fact]
    public async Task A_spent_login_budget_is_503_and_says_when_there_is_a_login_again()
    {
        const string once =
            """, "RetryDelay": "00:00:00.001", "MaxRetryDelay": "00:00:00.001", "Logins": [ { "Permit": 2, "Per": "01:00:00" } ]""";
        await using var simulator = await OAuth2Simulator.StartAsync(new());
        simulator.Faults.TokenAnswer = Answer.Empty(500); // failures count
        await using var broker = await TokenConfig.Start(TokenConfig.For(simulator.Address, TokenConfig.OAuth2(simulator.Address, once)));
        await Eventually.Holds(async () => (await broker.Ask("/api/things")).StatusCode == 0 || simulator.Logins == 2, "two logins failed");
        simulator.Faults.Clear();

        HttpResponseMessage? answer = null;
        await Eventually.Holds(async () => (answer = await broker.Ask("/api/things")).RetryAfter() > 60, "the budget is spent");

        await answer!.ShouldRefuse(503, "login-budget-spent");
        answer!.RetryAfter().ShouldNotBeNull().ShouldBeInRange(3500, 3600);
        simulator.Logins.ShouldBe(2);
        simulator.Received.Data.ShouldBeEmpty();
    }

    [Fact]
    public async Task A_token_past_its_end_is_never_sent_while_the_endpoint_is_down_and_a_live_one_is()
    {
        await using var simulator = await OAuth2Simulator.StartAsync(new() { TokenLifetime = TimeSpan.FromSeconds(3) });
        await using var upstream = await EchoUpstream.Start();
        await using var broker = await TokenConfig.Start(TokenConfig.For(upstream.Address, TokenConfig.OAuth2(simulator.Address)));
        (await broker.Ask("/things")).EnsureSuccessStatusCode();
        simulator.Faults.TokenAnswer = Answer.Empty(500);

        (await broker.Ask("/things")).EnsureSuccessStatusCode();
        await Eventually.Holds(() => simulator.LiveTokens == 0, "the token is over");
        var sent = upstream.Requests.Count;
        for (var i = 0; i < 20; i++)
        {
            await (await broker.Ask("/things")).ShouldRefuse(503, "upstream-token-unavailable");
        }

        upstream.Requests.Count.ShouldBe(sent);
    }
}
