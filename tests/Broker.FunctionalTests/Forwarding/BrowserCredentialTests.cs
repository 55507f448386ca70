using System.Net;
using System.Net.WebSockets;
using System.Text.Json.Nodes;
using Broker.FunctionalTests.Rights;
using Shouldly;
using Xunit;

namespace Broker.FunctionalTests.Forwarding;

/// <summary>The credential of a caller that can set no header: a subprotocol of a WebSocket, or a name in the query.</summary>
public sealed class BrowserCredentialTests
{
    // What the caller offers beside its token, what the upstream chooses, what the upstream is offered, and what the answer says.
    [Theory]
    [InlineData("socket-h1", "TOKEN", null, null, "TOKEN")]
    [InlineData("socket-h2", "TOKEN", null, null, "TOKEN")]
    [InlineData("socket-h1", "bearer, TOKEN", null, null, "bearer")]
    [InlineData("socket-h2", "TOKEN, bearer", null, null, "bearer")]
    [InlineData("socket-h1", "chat, TOKEN", "chat", "chat", "chat")]
    [InlineData("socket-h2", "TOKEN, chat, superchat", "superchat", "chat, superchat", "superchat")]
    [InlineData("socket-h1", "TOKEN, chat", null, "chat", "TOKEN")]
    [InlineData("socket-h2", "chat, bearer, TOKEN", null, "chat", "bearer")]
    [InlineData("socket-h1", "chat, bearer, TOKEN", "chat", "chat", "chat")]
    public async Task A_token_in_a_subprotocol_opens_a_web_socket_and_does_not_cross(
        string kind,
        string offered,
        string? chosen,
        string? crosses,
        string answered
    )
    {
        await using var bed = await ExchangeBed.Start(kind);
        bed.Protocol = chosen;
        var (access, _) = await bed.LogIn("operator");
        var own = "bearer." + access;

        using var socket = await bed.Connect("", options =>
        {
            foreach (var protocol in offered.Replace("TOKEN", own, StringComparison.Ordinal).Split(", "))
            {
                options.AddSubProtocol(protocol);
            }
        });

        socket.SubProtocol.ShouldBe(answered.Replace("TOKEN", own, StringComparison.Ordinal));
        (await socket.ReceiveAsync(new byte[100], default)).Count.ShouldBe(5);
        bed.Upstream.Only.Headers.GetValueOrDefault("Sec-WebSocket-Protocol").ShouldBe(crosses);
        bed.Upstream.Only.Headers["Authorization"].ShouldBe($"Bearer {TestConfig.UpstreamSecret}");
        bed.Upstream.Only.Headers.Values.ShouldAllBe(value => !value.Contains(access));
        await socket.CloseAsync(WebSocketCloseStatus.NormalClosure, null, default);
        (await bed.Broker.LogHolding("\"Route\":\"open\"")).ShouldNotContain(access);
    }

    [Theory]
    [InlineData("socket-h1")]
    [InlineData("socket-h2")]
    public async Task A_web_socket_that_was_opened_by_a_subprotocol_ends_with_its_token(string kind)
    {
        await using var bed = await ExchangeBed.Start(kind);
        var token = bed.Ending((await bed.LogIn("operator")).Access, TimeSpan.FromSeconds(2));

        var end = await bed.Open("", options => options.AddSubProtocol("bearer." + token));

        (await end.WaitAsync(TimeSpan.FromSeconds(60))).ShouldBe("closed 4401 token-expired");
        await bed.CutAtUpstream.WaitAsync(TimeSpan.FromSeconds(60));
        bed.Broker.Log.ShouldNotContain(token);
    }

    [Theory]
    [InlineData("bearer.wrong", 401, "credential-invalid")]
    [InlineData("bearer.", 401, "credential-invalid")]
    [InlineData("Bearer.TOKEN", 101, "")]
    [InlineData("bearer.TOKEN, bearer.TOKEN", 400, "ambiguous-credential")]
    [InlineData("bearer.TOKEN, BEARER.other", 400, "ambiguous-credential")]
    [InlineData("bearer.app-key", 401, "credential-invalid")]
    [InlineData("chat", 401, "credential-missing")]
    [InlineData("bearer", 401, "credential-missing")]
    [InlineData("bearer.TOKEN|Authorization: Bearer TOKEN", 400, "ambiguous-credential")]
    [InlineData("bearer.TOKEN|X-Api-Key: app-key", 400, "ambiguous-credential")]
    [InlineData("chat|Sec-WebSocket-Protocol: bearer.TOKEN", 101, "")]
    public async Task Exactly_one_token_is_one(string protocols, int status, string code)
    {
        await using var bed = await ExchangeBed.Start("socket-h1");
        var (access, _) = await bed.LogIn("operator");
        var headers = ("Sec-WebSocket-Protocol: " + protocols).Replace("TOKEN", access, StringComparison.Ordinal).Split('|');

        var answer = await RawHttp.Ask(
            bed.Broker.Address,
            "GET /open/socket HTTP/1.1",
            [
                "Host: broker",
                "Connection: Upgrade",
                "Upgrade: websocket",
                "Sec-WebSocket-Version: 13",
                "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
                .. headers,
            ]
        );

        answer.Status.ShouldBe(status, answer.ToString());
        (answer.Code ?? "").ShouldBe(code);
        bed.Upstream.Requests.Count.ShouldBe(status == 101 ? 1 : 0);
        bed.Upstream.Requests.ShouldAllBe(request => request.Headers.Values.All(value => !value.Contains(access)));
        bed.Broker.Log.ShouldNotContain(access);
    }

    [Fact]
    public async Task A_subprotocol_of_what_is_no_web_socket_is_no_credential_and_does_not_cross()
    {
        await using var bed = await ExchangeBed.Start("poll-h1");
        bed.Finish.SetResult();
        var (access, _) = await bed.LogIn("operator");

        (
            await RawHttp.Ask(bed.Broker.Address, "GET /open/poll HTTP/1.1", ["Host: broker", $"Sec-WebSocket-Protocol: bearer.{access}"])
        ).Code.ShouldBe("credential-missing");
        (
            await RawHttp.Ask(
                bed.Broker.Address,
                "GET /open/poll HTTP/1.1",
                ["Host: broker", "X-Api-Key: app-key", $"Sec-WebSocket-Protocol: chat, bearer.{access}"]
            )
        ).Status.ShouldBe(200);

        bed.Upstream.Only.Headers["Sec-WebSocket-Protocol"].ShouldBe("chat");
    }

    [Theory]
    [InlineData("?access_token=TOKEN", 200, "", "")]
    [InlineData("?x=1&access_token=TOKEN&y=a%20b", 200, "", "?x=1&y=a%20b")]
    [InlineData("?%61ccess_token=TOKEN&x=1", 200, "", "?x=1")]
    [InlineData("?Access_Token=TOKEN", 200, "", "")]
    [InlineData("?access_token=TOKEN&access_token=TOKEN", 400, "ambiguous-credential", "")]
    [InlineData("?access_token=TOKEN&ACCESS%5Ftoken=TOKEN", 400, "ambiguous-credential", "")]
    [InlineData("?access_token=", 401, "credential-invalid", "")]
    [InlineData("?access_token", 401, "credential-invalid", "")]
    [InlineData("?access_token=app-key", 401, "credential-invalid", "")]
    [InlineData("?access_token=TOKEN|X-Api-Key: app-key", 400, "ambiguous-credential", "")]
    [InlineData("?access_token=TOKEN|Authorization: Bearer TOKEN", 400, "ambiguous-credential", "")]
    [InlineData("?x=1;access_token=TOKEN", 401, "credential-missing", "")]
    [InlineData("?z=1&access_token=TOKEN", 400, "not-allowed-here", "")]
    public async Task A_token_in_the_query_counts_where_the_route_says_so_and_does_not_cross(
        string target,
        int status,
        string code,
        string crosses
    )
    {
        await using var bed = await ExchangeBed.Start("poll-h1", config =>
            (
                config["ReverseProxy"]!["Routes"]!["open"]!["Metadata"]!["QueryCredential"],
                config["ReverseProxy"]!["Routes"]!["open"]!["Metadata"]!["Query"]
            ) = ("Allow", "x,y")
        );
        bed.Finish.SetResult();
        var (access, _) = await bed.LogIn("operator");
        var parts = target.Replace("TOKEN", access, StringComparison.Ordinal).Split('|');

        var answer = await RawHttp.Ask(bed.Broker.Address, $"GET /open/poll{parts[0]} HTTP/1.1", ["Host: broker", .. parts[1..]]);

        answer.Status.ShouldBe(status, answer.ToString());
        (answer.Code ?? "").ShouldBe(code);
        if (status == 200)
        {
            bed.Upstream.Only.RawTarget.ShouldBe("/open/poll" + crosses);
            bed.Upstream.Only.Headers.Values.ShouldAllBe(value => !value.Contains(access));
        }
        else
        {
            bed.Upstream.Requests.ShouldBeEmpty();
        }

        await bed.Broker.LogHolding("\"Route\":\"open\"");
        bed.Broker.Log.ShouldNotContain(access);
    }

    [Theory]
    [InlineData("?access_token=TOKEN", 200, "")]
    [InlineData("?x=1&access_token=TOKEN&y=a%20b", 200, "?x=1&y=a%20b")]
    [InlineData("?%61ccess_token=TOKEN&x=1", 200, "?x=1")]
    [InlineData("?access_token=TOKEN&ACCESS%5Ftoken=TOKEN", 400, "")]
    [InlineData("?access_token=TOKENx", 401, "")]
    [InlineData("?z=1&access_token=TOKEN", 400, "")]
    public async Task Nor_does_it_cross_over_HTTP2(string target, int status, string crosses)
    {
        await using var bed = await ExchangeBed.Start("poll-h2", config =>
        {
            var metadata = config["ReverseProxy"]!["Routes"]!["open"]!["Metadata"]!;
            (metadata["QueryCredential"], metadata["Query"]) = ("Allow", "x,y");
        });
        bed.Finish.SetResult();
        var (access, _) = await bed.LogIn("operator");

        using var answer = await bed.Send(HttpMethod.Get, "/open/poll" + target.Replace("TOKEN", access, StringComparison.Ordinal), null);

        ((int)answer.StatusCode).ShouldBe(status);
        bed.Upstream.Requests.Select(request => request.RawTarget).ShouldBe(status == 200 ? ["/open/poll" + crosses] : []);
        bed.Upstream.Requests.ShouldAllBe(request => request.Headers.Values.All(value => !value.Contains(access)));
        await bed.Broker.LogHolding("\"Route\":\"open\"");
        bed.Broker.Log.ShouldNotContain(access);
    }

    [Theory]
    [InlineData("socket-h1")]
    [InlineData("socket-h2")]
    [InlineData("poll-h1")]
    [InlineData("poll-h2")]
    public async Task No_log_however_talkative_holds_a_token_of_a_browser(string kind)
    {
        await using var bed = await ExchangeBed.Start(kind, config =>
        {
            config["ReverseProxy"]!["Routes"]!["open"]!["Metadata"]!["QueryCredential"] = "Allow";
            config["Serilog"] = JsonNode.Parse(
                """
                { "MinimumLevel": { "Default": "Verbose", "Override": { "Yarp": "Verbose", "Microsoft": "Verbose" } } }
                """
            );
        });
        bed.Finish.SetResult();
        var isSocket = kind.StartsWith("socket", StringComparison.Ordinal);
        var (access, _) = await bed.LogIn("operator");
        foreach (var token in new[] { access, access + "x", access[..^9] })
        {
            if (isSocket)
            {
                await Record.ExceptionAsync(async () => (await bed.Connect("", query: "?access_token=" + token)).Abort());
                await Record.ExceptionAsync(async () =>
                    (await bed.Connect("", options => options.AddSubProtocol("bearer." + token))).Abort()
                );
            }
            else
            {
                using var byQuery = await bed.Send(HttpMethod.Get, "/open/poll?access_token=" + token, null);
                using var elsewhere = await bed.Send(HttpMethod.Get, "/nowhere?access_token=" + token, null);
            }
        }

        bed.Upstream.Requests.Count.ShouldBe(isSocket ? 2 : 1);
        var all = isSocket ? 6 : 3;
        static bool IsLine(string line) =>
            line.Contains("\"Id\":500", StringComparison.Ordinal) && line.Contains("\"Route\":\"open\"", StringComparison.Ordinal);
        await Eventually.Holds(() => bed.Broker.Log.Split('\n').Count(IsLine) == all, "all are logged");
        bed.Broker.Log.ShouldContain("\"Level\":\"Debug\"");
        foreach (var part in access.Split('.')[1..])
        {
            bed.Broker.Log.ShouldNotContain(part[..^9]);
        }
    }

    [Theory]
    [InlineData("socket-h1")]
    [InlineData("socket-h2")]
    public async Task A_token_in_the_query_opens_a_web_socket_that_ends_with_it_and_with_the_routes_word(string kind)
    {
        await using var bed = await ExchangeBed.Start(kind, config =>
            config["ReverseProxy"]!["Routes"]!["open"]!["Metadata"]!["QueryCredential"] = "Allow"
        );
        var (access, _) = await bed.LogIn("operator");
        using var socket = await bed.Connect("", query: "?access_token=" + access);
        (await socket.ReceiveAsync(new byte[100], default)).Count.ShouldBe(5);
        bed.Upstream.Only.RawTarget.ShouldBe("/open/socket");

        await bed.Reload(config => config["ReverseProxy"]!["Routes"]!["open"]!["Metadata"]!["QueryCredential"] = "Refuse");

        (await socket.ReceiveAsync(new byte[100], default).WaitAsync(TimeSpan.FromSeconds(60))).CloseStatus.ShouldBe(
            (WebSocketCloseStatus)4401
        );
    }

    [Theory]
    [InlineData("none")]
    [InlineData("any")]
    public async Task Elsewhere_a_token_in_the_query_is_refused_and_does_not_cross(string query)
    {
        await using var bed = await ExchangeBed.Start("poll-h1", config =>
        {
            if (query == "any")
            {
                config["ReverseProxy"]!["Routes"]!["open"]!["Metadata"]!["Query"] = "*";
            }
        });
        var (access, _) = await bed.LogIn("operator");
        foreach (var name in new[] { "access_token", "ACCESS_TOKEN", "access%5ftoken" })
        {
            foreach (var header in new[] { "X-Api-Key: app-key", "X-Other: x" })
            {
                var answer = await RawHttp.Ask(bed.Broker.Address, $"GET /open/poll?{name}={access} HTTP/1.1", ["Host: broker", header]);
                answer.Status.ShouldBeOneOf([400, 401], answer.ToString());
            }
        }

        bed.Upstream.Requests.ShouldBeEmpty();
        bed.Broker.Log.ShouldNotContain(access);
    }

    [Theory]
    [InlineData("socket-h1")]
    [InlineData("socket-h2")]
    public async Task No_token_of_a_browser_stands_in_a_trace(string kind)
    {
        await using var collector = await EchoUpstream.Start();
        await using var bed = await ExchangeBed.Start(kind, config =>
        {
            config["ReverseProxy"]!["Routes"]!["open"]!["Metadata"]!["QueryCredential"] = "Allow";
            config["Broker"]!["Telemetry"] = JsonNode.Parse(
                $$"""{ "OtlpEndpoint": "{{collector.Address}}", "Protocol": "HttpProtobuf" }"""
            );
        });
        var (access, _) = await bed.LogIn("operator");
        foreach (
            var (query, protocol) in new[]
            {
                ("?access_token=" + access, null),
                ("", "bearer." + access),
                ("?access_token=wrong-" + access, null),
            }
        )
        {
            var opened = await Record.ExceptionAsync(async () =>
            {
                using var socket = await bed.Connect("", options => options.AddSubProtocol(protocol ?? "chat"), query);
                await socket.CloseAsync(WebSocketCloseStatus.NormalClosure, null, default);
            });
            (opened is null).ShouldBe(!query.Contains("wrong", StringComparison.Ordinal), opened?.ToString());
        }

        await bed.Broker.Stop();

        var spans = string.Concat(collector.Requests.Where(request => request.RawTarget == "/v1/traces").Select(request => request.Body));
        spans.ShouldContain("open");
        spans.ShouldNotContain(access);
        string.Concat(collector.Requests.Select(request => request.Body)).ShouldNotContain(access);
    }

    [Theory]
    [InlineData("AtExpiry", "Later", "is one of")]
    [InlineData("QueryCredential", "Yes", "is one of")]
    [InlineData("QueryCredential", "Allow\", \"Cache\": \"Upstream", "a cache would keep")]
    [InlineData("QueryCredential", "Allow\", \"Credentials\": \"ApiKey,Basic", "is for tokens")]
    [InlineData("QueryCredential", "Allow\", \"Query\": \"x,access_token", "does not cross")]
    [InlineData("QueryCredential", "Allow\", \"Query\": \"Access_Token", "does not cross")]
    public void What_a_route_cannot_mean_does_not_load(string key, string value, string because) =>
        Judgement
            .Of(
                TestConfig.With(
                    new("http://127.0.0.1:1/"),
                    (
                        "all",
                        $$"""{ "Match": { "Path": "/{**rest}", "Methods": [ "GET" ] }, "Metadata": { "Action": "ManageUser", "Reach": "none", "{{key}}": "{{value}}" } }"""
                    )
                )
            )
            .Errors()
            .ShouldHaveSingleItem()
            .ShouldContain(because);

    [Theory]
    [InlineData("AtExpiry", "Finish")]
    [InlineData("QueryCredential", "Allow")]
    public void A_public_route_has_no_credential_to_speak_of(string key, string value) =>
        Judgement
            .Of(
                TestConfig.With(
                    new("http://127.0.0.1:1/"),
                    (
                        "all",
                        $$"""{ "Match": { "Path": "/{**rest}", "Methods": [ "GET" ] }, "AuthorizationPolicy": "Anonymous", "Metadata": { "{{key}}": "{{value}}" } }"""
                    )
                )
            )
            .Errors()
            .ShouldHaveSingleItem()
            .ShouldContain("this route is public");
}
