using System.Net;
using System.Text.Json.Nodes;
using Broker.Operations;
using Shouldly;
using Simulators;
using Xunit;

namespace Broker.FunctionalTests.Operations;

public sealed class OperationsTests
{
    [Fact]
    public async Task A_request_is_one_json_line_with_caller_route_action_decision_upstream_account_status_and_trace()
    {
        await using var upstream = await EchoUpstream.Start();
        await using var broker = await BrokerUnderTest.Start(
            TestConfig.With(upstream.Address, ("all", TestConfig.CatchAll)).ToJsonString(),
            TestConfig.Environment
        );

        var request = TestConfig.Request(HttpMethod.Get, "/x");
        request.Headers.Add("traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01");
        await broker.Client.SendAsync(request);

        var lines = (await broker.LogHolding("key:tester"))
            .Split('\n', StringSplitOptions.RemoveEmptyEntries)
            .Where(line => line.Contains("key:tester", StringComparison.Ordinal));
        var line = JsonNode.Parse(lines.ShouldHaveSingleItem())!["Properties"]!;
        ((string)line["Caller"]!).ShouldBe("key:tester");
        ((string)line["Route"]!).ShouldBe("all");
        ((string)line["Action"]!).ShouldBe("ManageUser");
        ((string)line["Decision"]!).ShouldBe("granted");
        line["Refusal"].ShouldBeNull();
        ((string)line["Upstream"]!).ShouldBe("api");
        ((string)line["Account"]!).ShouldBe("default");
        ((int)line["Status"]!).ShouldBe(200);
        ((double)line["Milliseconds"]!).ShouldBeGreaterThan(0);
        ((string)line["TraceId"]!).ShouldBe("0af7651916cd43dd8448eb211c80319c");
        upstream.Only.Headers["traceparent"].ShouldStartWith("00-0af7651916cd43dd8448eb211c80319c-", customMessage: "the trace goes on");
    }

    [Fact]
    public async Task A_refused_request_is_a_line_with_its_code()
    {
        await using var upstream = await EchoUpstream.Start();
        await using var broker = await BrokerUnderTest.Start(
            TestConfig.With(upstream.Address, ("all", TestConfig.CatchAll)).ToJsonString(),
            TestConfig.Environment
        );

        await broker.Client.SendAsync(TestConfig.Request(HttpMethod.Get, "/x", key: "not-a-key-of-anyone"));

        var log = await broker.LogHolding("credential-invalid");
        log.ShouldNotContain("not-a-key-of-anyone");
        var line = JsonNode.Parse(log.Split('\n').Single(text => text.Contains("credential-invalid", StringComparison.Ordinal)))![
            "Properties"
        ]!;
        ((string)line["Decision"]!).ShouldBe("refused");
        ((string)line["Refusal"]!).ShouldBe("credential-invalid");
        upstream.Requests.ShouldBeEmpty();
    }

    [Fact]
    public async Task A_granted_request_that_the_upstream_fails_says_both()
    {
        await using var broker = await BrokerUnderTest.Start(
            TestConfig.With(new("http://127.0.0.1:1/"), ("all", TestConfig.CatchAll)).ToJsonString(),
            TestConfig.Environment
        );

        await broker.Client.SendAsync(TestConfig.Request(HttpMethod.Get, "/x"));

        const string Refused = "\"Refusal\":\"upstream-unreachable\"";
        var line = (await broker.LogHolding(Refused)).Split('\n').Single(text => text.Contains(Refused, StringComparison.Ordinal));
        ((string)JsonNode.Parse(line)!["Properties"]!["Decision"]!).ShouldBe("granted");
        ((string)JsonNode.Parse(line)!["Properties"]!["Refusal"]!).ShouldBe("upstream-unreachable");
    }

    [Fact]
    public async Task A_fault_of_the_brokers_names_the_trace_to_look_for_and_nothing_else_of_it()
    {
        var file = Path.GetTempFileName();
        var config = TestConfig.With(new("http://127.0.0.1:1/"), ("all", TestConfig.CatchAll));
        config["Kestrel"] = JsonNode.Parse("""{ "Endpoints": { "public": { "Url": "http://127.0.0.1:0" } } }""");
        await File.WriteAllTextAsync(file, config.ToJsonString());
        using var loggers = Logging.NewFactory();
        using var host = new BrokerHost(
            [file],
            name => TestConfig.Environment.First(pair => pair.Item1 == name).Item2,
            loggers,
            TimeProvider.System
        );
        var log = new StringWriter();
        loggers.AddSerilog(host.Loader.TryReload().Snapshot.ShouldNotBeNull(), log);
        await using var app = host.Build(instead: _ => throw new InvalidOperationException("a secret"));
        await app.StartAsync();
        using var client = new HttpClient();
        using var request = TestConfig.Request(HttpMethod.Get, $"{app.Urls.First()}/x");
        request.Headers.Add("traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01");

        using var answer = await client.SendAsync(request);

        ((int)answer.StatusCode).ShouldBe(500);
        var body = JsonNode.Parse(await answer.Content.ReadAsStringAsync())!;
        ((string)body["code"]!).ShouldBe("broker-failed");
        ((string)body["traceId"]!).ShouldBe("0af7651916cd43dd8448eb211c80319c");
        body.ToJsonString().ShouldNotContain("secret");
        await Eventually.Holds(() => log.ToString().Contains("InvalidOperationException", StringComparison.Ordinal), "the log tells of it");
        log.ToString().ShouldNotContain("a secret");
        File.Delete(file);
    }

    [Fact]
    public async Task No_output_of_the_broker_holds_a_secret()
    {
        await using var simulator = await SimulatorKinds.StartAsync("oauth2", new());
        var config = TestConfig.With(
            simulator.Address,
            (
                "all",
                """{ "Match": { "Path": "/{**rest}" }, "Metadata": { "Action": "ManageUser", "Reach": "none", "Body": "any", "Query": "*" } }"""
            )
        );
        config["Serilog"] = JsonNode.Parse(
            """
            { "MinimumLevel": { "Default": "Verbose", "Override": { "Microsoft": "Verbose", "System": "Verbose", "Yarp": "Verbose" } } }
            """
        );
        config["Broker"]!["Upstreams"]!["api"] = JsonNode.Parse(
            $$"""
            { "Kind": "OAuth2", "AllowInsecure": true, "TokenEndpoint": "{{simulator.Address}}oauth/token", "RetryDelay": "00:00:00.0100000",
              "Accounts": { "default": { "ClientId": "fleet-service", "ClientSecret": { "Env": "CLIENT_SECRET" }, "Scopes": [ "read" ], "Audience": "https://api.chargers.example" } } }
            """
        );
        await using var broker = await BrokerUnderTest.Start(config.ToJsonString(), ("CLIENT_SECRET", "fleet secret:100%"));
        var answers = new List<string>();
        async Task Ask(HttpRequestMessage request)
        {
            using var answer = await broker.Client.SendAsync(request);
            answers.Add($"{answer}\n{await answer.Content.ReadAsStringAsync()}");
        }

        await Ask(TestConfig.Request(HttpMethod.Get, "/api/x?password=query-secret-77"));
        await Ask(TestConfig.Request(HttpMethod.Get, "/api/x", key: "wrong-key-secret-88"));
        var basic = new HttpRequestMessage(HttpMethod.Get, "/api/x");
        basic.Headers.Add("Authorization", "Basic " + Convert.ToBase64String("tester:basic-secret-99"u8));
        await Ask(basic);
        var bearer = new HttpRequestMessage(HttpMethod.Get, "/api/x");
        bearer.Headers.Add("Authorization", "Bearer eyJhbGciOiJub25lIn0.eyJzZWNyZXQiOiJiZWFyZXItc2VjcmV0In0.");
        await Ask(bearer);
        simulator.RevokeAccessTokens();
        simulator.Faults.TokenAnswer = Answer.Text(500, "token-endpoint-secret-66");
        await Ask(TestConfig.Request(HttpMethod.Get, "/api/x"));
        await broker.LogHolding("credential-invalid");

        var upstreamTokens = simulator
            .Received.Data.Select(request => request.Headers["Authorization"].Single()["Bearer ".Length..])
            .Distinct()
            .ToList();
        upstreamTokens.ShouldNotBeEmpty();
        string[] secrets =
        [
            TestConfig.Key,
            "fleet secret:100%",
            Uri.EscapeDataString("fleet secret:100%"),
            "query-secret-77",
            "wrong-key-secret-88",
            "basic-secret-99",
            Convert.ToBase64String("tester:basic-secret-99"u8),
            "eyJhbGciOiJub25lIn0",
            "token-endpoint-secret-66",
            .. upstreamTokens,
        ];
        var outputs =
            // the stand-in echoes the query to its caller
            broker.Log + string.Join('\n', answers.Select(answer => answer.Replace("query-secret-77", "", StringComparison.Ordinal)));

        foreach (var secret in secrets)
        {
            outputs.ShouldNotContain(secret);
            (outputs + secret).ShouldContain(secret, customMessage: "the scan itself must find a secret that is there");
        }
    }

    [Fact]
    public async Task Health_lives_on_its_own_listener_and_on_no_other()
    {
        await using var upstream = await EchoUpstream.Start();
        await using var broker = await BrokerUnderTest.Start(
            TestConfig
                .With(
                    upstream.Address,
                    ("api", """{ "Match": { "Path": "/api/{**rest}" }, "Metadata": { "Action": "ManageUser", "Reach": "none" } }""")
                )
                .ToJsonString(),
            TestConfig.Environment
        );
        using var client = new HttpClient();

        (await client.GetAsync(new Uri(broker.Management, "/healthz/live"))).StatusCode.ShouldBe(HttpStatusCode.OK);
        (await client.GetAsync(new Uri(broker.Management, "/healthz/ready"))).StatusCode.ShouldBe(HttpStatusCode.OK);
        (await client.GetAsync(new Uri(broker.Management, "/api/x"))).StatusCode.ShouldBe(HttpStatusCode.NotFound);
        var disguised = new HttpRequestMessage(HttpMethod.Get, new Uri(broker.Address, "/healthz/ready"));
        disguised.Headers.Host = broker.Management.Authority;
        (await client.SendAsync(disguised)).StatusCode.ShouldBe(HttpStatusCode.NotFound);
    }

    [Fact]
    public async Task Ready_says_nothing_about_an_upstream_that_is_down()
    {
        await using var broker = await BrokerUnderTest.Start(
            TestConfig.With(new Uri("http://127.0.0.1:9/"), ("all", TestConfig.CatchAll)).ToJsonString(),
            TestConfig.Environment
        );
        using var client = new HttpClient();

        var answer = await broker.Client.SendAsync(TestConfig.Request(HttpMethod.Get, "/x"));

        answer.StatusCode.ShouldBe(HttpStatusCode.BadGateway);
        (await answer.Content.ReadAsStringAsync()).ShouldContain("upstream-unreachable");
        (await client.GetAsync(new Uri(broker.Management, "/healthz/ready"))).StatusCode.ShouldBe(HttpStatusCode.OK);
    }

    [Fact]
    public async Task A_draining_broker_is_not_ready_and_finishes_what_is_in_flight()
    {
        await using var upstream = await EchoUpstream.Start();
        var arrived = new TaskCompletionSource();
        var release = new TaskCompletionSource();
        upstream.Answer = async context =>
        {
            arrived.SetResult();
            await release.Task;
            await Microsoft.AspNetCore.Http.HttpResponseWritingExtensions.WriteAsync(context.Response, "finished");
        };
        var config = TestConfig.With(upstream.Address, ("all", TestConfig.CatchAll));
        config["Broker"]!["DrainDelay"] = "00:00:01";
        config["Broker"]!["ShutdownTimeout"] = "00:00:20";
        await using var broker = await BrokerUnderTest.Start(config.ToJsonString(), TestConfig.Environment);
        using var client = new HttpClient();
        var inFlight = broker.Client.SendAsync(TestConfig.Request(HttpMethod.Get, "/slow"));
        await arrived.Task;

        var stopping = broker.Stop();

        await Eventually.Holds(
            async () =>
                (await client.GetAsync(new Uri(broker.Management, "/healthz/ready"))).StatusCode == HttpStatusCode.ServiceUnavailable,
            "the broker says not ready"
        );
        release.SetResult();
        (await (await inFlight).Content.ReadAsStringAsync()).ShouldBe("finished");
        await stopping;
        await Should.ThrowAsync<HttpRequestException>(() => client.GetAsync(new Uri(broker.Address, "/x")));
    }

    [Fact]
    public async Task Requests_are_counted_by_decision()
    {
        await using var upstream = await EchoUpstream.Start();
        await using var broker = await BrokerUnderTest.Start(
            TestConfig.With(upstream.Address, ("all", TestConfig.CatchAll)).ToJsonString(),
            TestConfig.Environment
        );
        var counted = new System.Collections.Concurrent.ConcurrentQueue<string>();
        using var listener = new System.Diagnostics.Metrics.MeterListener();
        listener.InstrumentPublished = (instrument, self) =>
        {
            if (instrument.Meter.Name == BrokerMetrics.MeterName)
            {
                self.EnableMeasurementEvents(instrument);
            }
        };
        listener.SetMeasurementEventCallback<long>(
            (_, _, tags, _) => counted.Enqueue(string.Join(',', tags.ToArray().Select(tag => $"{tag.Key}={tag.Value}")))
        );
        listener.Start();

        await broker.Client.SendAsync(TestConfig.Request(HttpMethod.Get, "/x"));
        await broker.Client.SendAsync(TestConfig.Request(HttpMethod.Get, "/x", key: null));

        await Eventually.Holds(
            () =>
                counted.Contains("decision=granted,refusal=,upstream=api,status=200")
                && counted.Contains("decision=refused,refusal=credential-missing,upstream=api,status=401"),
            "both are counted"
        );
    }
}
