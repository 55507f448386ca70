using Shouldly;
using Xunit;

namespace Broker.FunctionalTests.Rights;

/// <summary>The raw path that was judged is what leaves, byte for byte, as far as the route's transforms keep it.</summary>
public sealed class RawPathTests(RawPathTests.Routing stage) : IClassFixture<RawPathTests.Routing>
{
    public sealed class Routing : Stage
    {
        private const string None = """ "Metadata": { "Action": "ManageUser", "Reach": "none" } }""";
        private const string Loose = """ "Metadata": { "Action": "ManageUser", "Reach": "none", "Path": "Loose" } }""";

        protected override IEnumerable<(string Name, string Route)> Routes =>
            [
                ("loose", $$"""{ "Match": { "Path": "/loose/{**rest}" }, {{Loose}}"""),
                (
                    "removed",
                    $$"""{ "Match": { "Path": "/removed/{**rest}" }, "Transforms": [ { "PathRemovePrefix": "/removed" } ], {{Loose}}"""
                ),
                ("prefixed", $$"""{ "Match": { "Path": "/prefixed/{**rest}" }, "Transforms": [ { "PathPrefix": "/api v2" } ], {{Loose}}"""),
                (
                    "both",
                    $$"""{ "Match": { "Path": "/both/{**rest}" }, "Transforms": [ { "PathRemovePrefix": "/both" }, { "PathPrefix": "/api" } ], {{Loose}}"""
                ),
                (
                    "pattern",
                    $$"""{ "Match": { "Path": "/pattern/{id}/{**rest}" }, "Transforms": [ { "PathPattern": "/v/{id}/x/{**rest}" } ], {{Loose}}"""
                ),
                ("star", $$"""{ "Match": { "Path": "/star/{*rest}" }, "Transforms": [ { "PathPattern": "/v/{*rest}" } ], {{Loose}}"""),
                ("one", $$"""{ "Match": { "Path": "/one/{**rest}" }, "Transforms": [ { "PathPattern": "/v/{rest}" } ], {{Loose}}"""),
                (
                    "file",
                    $$"""{ "Match": { "Path": "/file/{name}.{ending}" }, "Transforms": [ { "PathPattern": "/f/{ending}-{name}" } ], {{Loose}}"""
                ),
                ("optional", $$"""{ "Match": { "Path": "/optional/{id?}" }, "Transforms": [ { "PathPattern": "/v/{id?}" } ], {{Loose}}"""),
                ("default", $$"""{ "Match": { "Path": "/default/{id=a b}" }, "Transforms": [ { "PathPattern": "/v/{id}" } ], {{Loose}}"""),
                ("set", $$"""{ "Match": { "Path": "/set" }, "Transforms": [ { "PathSet": "/fixed/x" } ], {{None}}"""),
                (
                    "id",
                    """{ "Match": { "Path": "/id/{id}" }, "Metadata": { "Action": "GetDevice", "Device": "route:id", "Path": "Loose" } }"""
                ),
                (
                    "header",
                    """
                    { "Match": { "Path": "/header/{id}" }, "Transforms": [ { "PathSet": "/h" }, { "RequestHeaderRouteValue": "X-Id", "Set": "id" }, { "QueryRouteParameter": "id", "Set": "id" } ],
                      "Metadata": { "Action": "GetDevice", "Device": "route:id", "Path": "Loose" } }
                    """
                ),
                (
                    "denied",
                    """{ "Match": { "Path": "/denied/{id}" }, "Metadata": { "Action": "GetDevice", "Reach": "all", "Deny": "route:id=jwt.secret", "Path": "Loose" } }"""
                ),
                ("all", TestConfig.CatchAll),
            ];

        protected override System.Text.Json.Nodes.JsonObject Config()
        {
            var config = base.Config();
            AddCaller(config, "group", "group-key", "*", "*", "*", "group/project");
            return config;
        }
    }

    /// <summary>Absolute-form: the server and others find its path in different places.</summary>
    [Theory]
    [InlineData("http://x\\id\\mine/id/victim")]
    [InlineData("http://x\\id\\mine?from=/id/victim")]
    [InlineData("http://x#/id/victim")]
    [InlineData("http://x?from=/id/victim")]
    [InlineData("http://x/id/mine%2Fvictim")]
    [InlineData("http://x/loose/a%2Fb")]
    [InlineData("http://x/id/mine%5Cvictim")]
    [InlineData("http://x/id/mine\\victim")]
    [InlineData("http://x/loose/a#b")]
    [InlineData("http://x%2Fy/id/1")]
    [InlineData("http://user@x/id/1")]
    [InlineData("http:///id/1")]
    [InlineData("ftp://x/id/1")]
    [InlineData("*")]
    public async Task A_target_that_is_no_path_is_refused(string target)
    {
        foreach (var method in new[] { "GET", "OPTIONS", "POST" })
        {
            stage.Upstream.Requests.Clear();
            var answer = await RawHttp.Ask(stage.Broker.Address, $"{method} {target} HTTP/1.1", ["Host: x", $"X-Api-Key: {Stage.All}"]);

            answer.Status.ShouldBeOneOf(400, 405); // '*' is for OPTIONS alone
            stage.Upstream.Requests.ShouldBeEmpty();
        }
    }

    [Theory]
    [InlineData("/%E4")]
    [InlineData("/%e4/%FF")]
    [InlineData("/%25E4")]
    [InlineData("/%41b")]
    [InlineData("/%7Euser/~user")]
    [InlineData("/caf%c3%a9")]
    [InlineData("/a%20b+c")]
    [InlineData("/%zz/%")]
    [InlineData("/a%3Fb%23c")]
    [InlineData("/a|b{c}[d]^`\"<>")]
    [InlineData("/trips/")]
    [InlineData("/")]
    [InlineData("/loose/a%2Fb")]
    [InlineData("/loose/a%2fb")]
    [InlineData("/loose/a%252Fb")]
    [InlineData("/loose/a%252fb")]
    [InlineData("/loose/group%2Fsub%2Fproject/-/raw")]
    [InlineData("/loose/@scope%2fpackage")]
    [InlineData("/loose/a;x=1/b%3Bc")]
    [InlineData("/loose//a//")]
    [InlineData("/loose/a%5Cb\\c")]
    [InlineData("/loose/a./b%20/c%2e")]
    [InlineData("/loose/...")]
    [InlineData("/loose/%C0%AE")]
    [InlineData("/loose/%0a%00x")]
    public async Task Without_a_transform_every_byte_is_the_same(string target)
    {
        var answer = await stage.Get(target);
        if (answer.Status == 400 && answer.Body.Length == 0 && target.Contains("%00", StringComparison.Ordinal))
        {
            return; // Kestrel's
        }

        stage.ShouldHaveCrossed(answer).RawTarget.ShouldBe(target);

        // In absolute-form the server routes by another reading of these: such a target is refused.
        var absolute = await stage.Get($"http://broker.example{target}");
        if (
            target.Contains('\\', StringComparison.Ordinal)
            || target.Contains("%5c", StringComparison.OrdinalIgnoreCase)
            || target.Contains("%2f", StringComparison.OrdinalIgnoreCase)
        )
        {
            absolute.Status.ShouldBe(400);
            return;
        }

        stage.ShouldHaveCrossed(absolute).RawTarget.ShouldBe(target);
    }

    [Theory]
    [InlineData("/x?a=%41&b=%zz&c=%E4&d=%2f")]
    public async Task The_query_too(string target)
    {
        await using var broker = await BrokerUnderTest.Start(
            Stage
                .ConfigOf(
                    stage.Upstream.Address,
                    ("x", """{ "Match": { "Path": "/x" }, "Metadata": { "Action": "ManageUser", "Reach": "none", "Query": "*" } }""")
                )
                .ToJsonString(),
            TestConfig.Environment
        );
        stage.Upstream.Requests.Clear();

        (await RawHttp.Ask(broker.Address, $"GET {target} HTTP/1.1", ["Host: broker.example", $"X-Api-Key: {Stage.All}"])).Status.ShouldBe(
            200
        );

        stage.Upstream.Only.RawTarget.ShouldBe(target);
    }

    /// <summary>Sent, and what the upstream is to receive.</summary>
    [Theory]
    [InlineData("/removed/a%2Fb/%E4", "/a%2Fb/%E4")]
    [InlineData("/removed/a%252Fb", "/a%252Fb")]
    [InlineData("/rem%6Fved/a%2fb", "/a%2fb")]
    [InlineData("/REMOVED//a/", "//a/")]
    [InlineData("/removed", "/")]
    [InlineData("/removed/", "/")]
    [InlineData("/prefixed/a%2Fb;x", "/api%20v2/prefixed/a%2Fb;x")]
    [InlineData("/both/%7Ea%2Fb//c", "/api/%7Ea%2Fb//c")]
    [InlineData("/both", "/api")]
    [InlineData("/pattern/a%2Fb/c%252Fd//e%E4", "/v/a%2Fb/x/c%252Fd//e%E4")]
    [InlineData("/pattern/%41/", "/v/%41/x")]
    [InlineData("/pattern/%41/b/", "/v/%41/x/b/")]
    [InlineData("/star/a/b%2Fc", "/v/a/b%2Fc")]
    [InlineData("/one/a/b%2Fc", "/v/a%2Fb%2Fc")]
    [InlineData("/file/a.b.json", "/f/json-a.b")]
    [InlineData("/file/a%20b.json", "/f/json-a%20b")]
    [InlineData("/optional", "/v")]
    [InlineData("/optional/%41", "/v/%41")]
    [InlineData("/default", "/v/a%20b")]
    [InlineData("/default/%62", "/v/%62")]
    [InlineData("/set", "/fixed/x")]
    public async Task What_a_transform_keeps_is_the_same(string target, string received) =>
        stage.ShouldHaveCrossed(await stage.Get(target)).RawTarget.ShouldBe(received);

    [Theory]
    [InlineData("/loose/a/../b")]
    [InlineData("/loose/./b")]
    [InlineData("/loose/%2e%2e/b")]
    [InlineData("/x/%2E./loose/b")]
    [InlineData("/loose/a/..")]
    [InlineData("/file/a%2Fb.json")] // the server leaves this escape in the value: it could be read in two ways
    [InlineData("/file/a%E4.json")]
    [InlineData("/id/a%E4")]
    [InlineData("/id/%zz")]
    [InlineData("/header/%C3%A4")] // no header holds it
    [InlineData("/header/a%0d%0aX-Evil:%201")]
    [InlineData("/denied/jwt%C0%AEsecret")]
    public async Task A_path_that_would_leave_as_another_one_is_refused_even_where_it_is_loose(string target) =>
        stage.ShouldBeRefused(await stage.Get(target), 400, "bad-path");

    [Theory]
    [InlineData("/%C0%AE%C0%AE/x")]
    [InlineData("/a%c0%afb")]
    [InlineData("/%C1%9C")]
    [InlineData("/%E0%80%AF")]
    [InlineData("/%F0%80%80%AF")]
    [InlineData("/%25C0%25AE")]
    public async Task An_overlong_encoding_is_refused_where_the_path_is_strict(string target) =>
        stage.ShouldBeRefused(await stage.Get(target), 400, "bad-path");

    [Theory]
    [InlineData("/id/group%2Fproject", 200)]
    [InlineData("/id/group%2fproject", 200)]
    [InlineData("/id/group%252Fproject", 403)]
    [InlineData("/header/group%2Fproject", 200)]
    [InlineData("/header/group%252Fproject", 403)]
    public async Task An_id_is_read_as_the_upstream_reads_it(string target, int status)
    {
        var answer = await stage.Get(target, "group-key");

        answer.Status.ShouldBe(status, answer.ToString());
        if (status == 200 && target.StartsWith("/header", StringComparison.Ordinal))
        {
            (stage.Upstream.Only.Headers["X-Id"], stage.Upstream.Only.RawTarget).ShouldBe(("group/project", "/h?id=group%2Fproject"));
        }
        else if (status == 200)
        {
            stage.Upstream.Only.RawTarget.ShouldBe(target);
        }
    }

    [Theory]
    [InlineData("http://127.0.0.1:PORT", "/removed", "/")]
    [InlineData("http://127.0.0.1:PORT", "/removed?x=1", "/?x=1")]
    [InlineData("http://127.0.0.1:PORT/", "/removed", "/")]
    [InlineData("http://127.0.0.1:PORT/base", "/removed", "/base")]
    [InlineData("http://127.0.0.1:PORT/base/", "/removed/a%2Fb?x=1", "/base/a%2Fb?x=1")]
    public async Task An_address_with_or_without_a_slash_is_joined_alike(string address, string target, string received)
    {
        var config = Stage.ConfigOf(
            stage.Upstream.Address,
            (
                "removed",
                """{ "Match": { "Path": "/removed/{**rest}" }, "Transforms": [ { "PathRemovePrefix": "/removed" } ], "Metadata": { "Action": "ManageUser", "Reach": "none", "Path": "Loose", "Query": "x" } }"""
            )
        );
        config["ReverseProxy"]!["Clusters"]!["api"]!["Destinations"]!["main"]!["Address"] = address.Replace(
            "PORT",
            $"{stage.Upstream.Address.Port}",
            StringComparison.Ordinal
        );
        await using var broker = await BrokerUnderTest.Start(config.ToJsonString(), TestConfig.Environment);
        stage.Upstream.Requests.Clear();

        (await RawHttp.Ask(broker.Address, $"GET {target} HTTP/1.1", ["Host: broker.example", $"X-Api-Key: {Stage.All}"])).Status.ShouldBe(
            200
        );

        stage.Upstream.Only.RawTarget.ShouldBe(received);
    }
}
