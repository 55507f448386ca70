using System.Text.Json.Nodes;
using Shouldly;
using Xunit;

namespace Broker.FunctionalTests.Rights;

/// <summary>rights.md 1 to 6 and 12 at load: a route that is not clear about what it demands does not start the broker.</summary>
public sealed class LoadTests
{
    private static readonly Uri Upstream = new("http://127.0.0.1:9/");

    /// <summary>Metadata, and the mistakes that it must give: key path behind the route's, and a word of the message.</summary>
    [Theory]
    [InlineData("""{ "Action": "GetDevice" }""", "Reach", "is missing")]
    [InlineData("""{ "Action": "GetDevice", "Reach": "all", "Device": "route:id" }""", "Reach", "beside a selector")]
    [InlineData("""{ "Action": "ManageUser", "Reach": "none", "Network": "const:12" }""", "Reach", "beside a selector")]
    [InlineData("""{ "Action": "GetDevice", "Reach": "none" }""", "Reach", "GetDevice is about")]
    [InlineData("""{ "Action": "3", "Reach": "none" }""", "Reach", "GetDevice is about")]
    [InlineData("""{ "Action": "GetNetwork", "Reach": "none" }""", "Reach", "GetNetwork is about")]
    [InlineData("""{ "Action": "ManageDeviceType", "Reach": "none" }""", "Reach", "ManageDeviceType is about")]
    [InlineData("""{ "Action": "UpdateDeviceCommand", "Reach": "none" }""", "Reach", "UpdateDeviceCommand is about")]
    [InlineData("""{ "Action": "GetDevice", "Reach": "some" }""", "Reach", "is one of")]
    [InlineData("""{ "Action": "GetDevice", "Reach": "account" }""", "Reach", "does not belong to one caller")]
    [InlineData("""{ "Reach": "all" }""", "Action", "is missing")]
    [InlineData("""{ "Action": "Fly", "Reach": "all" }""", "Action", "is no action")]
    [InlineData("""{ "Action": "*", "Reach": "all" }""", "Action", "is no action")]
    [InlineData("""{ "Action": "0", "Reach": "all" }""", "Action", "is no action")]
    [InlineData("""{ "Action": "GetDevice", "Device": "route:other" }""", "Device", "no value of that name")]
    [InlineData("""{ "Action": "GetDevice", "Device": "route:id?" }""", "Device", "a route value is always there")]
    [InlineData("""{ "Action": "GetDevice", "Device": "cookie:id" }""", "Device", "a selector is one of")]
    [InlineData("""{ "Action": "GetDevice", "Device": "body:/id" }""", "Device", "not in this version")]
    [InlineData("""{ "Action": "GetDevice", "Device": "form:id" }""", "Device", "not in this version")]
    [InlineData("""{ "Action": "GetDevice", "Reach": "all", "Filter": "x" }""", "Filter", "not in this version")]
    [InlineData("""{ "Action": "GetDevice", "Reach": "all", "Redact": "x" }""", "Redact", "not in this version")]
    [InlineData("""{ "Action": "GetDevice", "Reach": "all", "Observe": "true" }""", "Observe", "not in this version")]
    [InlineData("""{ "Action": "GetDevice", "Reach": "all", "Actoin": "x" }""", "Actoin", "is no key")]
    [InlineData("""{ "Action": "GetDevice", "Reach": "all", "action": "x" }""", "action", "")]
    [InlineData("""{ "Action": "GetDevice", "Reach": "all", "Path": "loose" }""", "Path", "is one of")]
    [InlineData("""{ "Action": "GetDevice", "Reach": "all", "Body": "xml" }""", "Body", "is one of")]
    [InlineData("""{ "Action": "GetDevice", "Reach": "all", "Cache": "yes" }""", "Cache", "is one of")]
    [InlineData("""{ "Action": "GetDevice", "Reach": "all", "SetCookie": "true" }""", "SetCookie", "is one of")]
    [InlineData("""{ "Action": "GetDevice", "Reach": "all", "Account": "nobody" }""", "Account", "is no account")]
    [InlineData("""{ "Action": "GetDevice", "Reach": "all", "Deny": "True" }""", "Deny", "selector=id")]
    [InlineData("""{ "Action": "GetDevice", "Reach": "all", "Deny": "" }""", "Deny", "selector=id")]
    [InlineData("""{ "Action": "GetDevice", "Reach": "all", "Deny": "route:id=" }""", "Deny", "selector=id")]
    [InlineData("""{ "Action": "GetDevice", "Reach": "all", "Deny": "route:name=x" }""", "Deny", "no value of that name")]
    [InlineData("""{ "Deny": "true", "Action": "GetDevice" }""", "Action", "no meaning")]
    [InlineData("""{ "Deny": "true", "Reach": "all" }""", "Reach", "no meaning")]
    [InlineData("""{ "Action": "GetDevice", "Reach": "all", "Deny": "header:devicetoken=victim" }""", "Deny", "does not cross here")]
    [InlineData(
        """{ "Action": "GetDevice", "Device": "header:DeviceToken", "Deny": "header:UserDeviceToken=victim" }""",
        "Deny",
        "does not cross here"
    )]
    [InlineData("""{ "Action": "GetDevice", "Device": "query:UserId", "Query": "userid" }""", "Query", "nearly the same name")]
    [InlineData("""{ "Action": "GetDevice", "Device": "query:UserId", "Query": "UserId[]" }""", "Query", "nearly the same name")]
    public async Task Metadata_that_leaves_a_doubt_does_not_load(string metadata, string key, string says) =>
        (await ConfigErrors(Config($$"""{ "Match": { "Path": "/d/{id}" }, "Metadata": {{metadata}} }"""))).ShouldContain(line =>
            line.Contains($"Routes:x:Metadata:{key}:", StringComparison.Ordinal) && line.Contains(says, StringComparison.Ordinal)
        );

    [Theory]
    [InlineData("AuthorizationPolicy", "Default", "may only be")]
    [InlineData("RateLimiterPolicy", "Default", "Broker:Limits")]
    [InlineData("RateLimiterPolicy", "Disable", "Broker:Limits")]
    [InlineData("OutputCachePolicy", "Default", "one caller's answer to another")]
    [InlineData("OutputCachePolicy", "minute", "one caller's answer to another")]
    [InlineData("TimeoutPolicy", "minute", "write Timeout")]
    public async Task A_policy_of_yarps_that_would_answer_or_decide_in_the_brokers_place_does_not_load(
        string key,
        string value,
        string says
    ) =>
        (
            await ConfigErrors(
                Config(
                    $$"""{ "Match": { "Path": "/d/{id}" }, "{{key}}": "{{value}}", "Metadata": { "Action": "GetDevice", "Reach": "all" } }"""
                )
            )
        ).ShouldContain(line =>
            line.Contains($"Routes:x:{key}:", StringComparison.Ordinal) && line.Contains(says, StringComparison.Ordinal)
        );

    [Fact]
    public async Task A_route_without_metadata_does_not_load()
    {
        var mistakes = await ConfigErrors(Config("""{ "Match": { "Path": "/x" } }"""));
        mistakes
            .ShouldHaveSingleItem()
            .ShouldBe("error: ReverseProxy:Routes:x:Metadata: is missing: say which right a request needs, such as");
    }

    [Fact]
    public async Task A_selector_on_a_value_that_may_be_absent_does_not_load() =>
        (
            await ConfigErrors(
                Config("""{ "Match": { "Path": "/d/{id?}" }, "Metadata": { "Action": "GetDevice", "Device": "route:id" } }""")
            )
        ).ShouldContain(line => line.Contains("does not always have", StringComparison.Ordinal));

    [Theory]
    [InlineData("Default")]
    [InlineData("Everyone")]
    [InlineData("")]
    public async Task Any_other_authorization_policy_does_not_load(string policy) =>
        (
            await ConfigErrors(
                Config(
                    $$"""{ "Match": { "Path": "/x" }, "AuthorizationPolicy": "{{policy}}", "Metadata": { "Action": "ManageUser", "Reach": "none" } }"""
                )
            )
        ).ShouldContain(line => line.Contains("Routes:x:AuthorizationPolicy", StringComparison.Ordinal));

    [Fact]
    public async Task A_key_of_YARPs_that_is_misspelt_does_not_load() =>
        (
            await ConfigErrors(
                Config(
                    """{ "Match": { "Path": "/x" }, "AuthorizatonPolicy": "Anonymous", "Metadata": { "Action": "ManageUser", "Reach": "none" } }"""
                )
            )
        ).ShouldContain(line => line.Contains("AuthorizatonPolicy", StringComparison.Ordinal));

    [Theory]
    [InlineData("""{ "Action": "GetDevice" }""")]
    [InlineData("""{ "Reach": "all" }""")]
    [InlineData("""{ "Device": "route:id" }""")]
    public async Task A_public_route_has_no_right(string metadata) =>
        (
            await ConfigErrors(
                Config($$"""{ "Match": { "Path": "/d/{id}" }, "AuthorizationPolicy": "Anonymous", "Metadata": {{metadata}} }""")
            )
        ).ShouldContain(line => line.Contains("no meaning on a public route", StringComparison.Ordinal));

    [Theory]
    [InlineData("""{ "HttpMethodChange": "GET", "Set": "DELETE" }""", "HttpMethodChange")]
    [InlineData("""{ "httpmethodchange": "GET", "Set": "DELETE" }""", "")]
    [InlineData("""{ "RequestHeaderOriginalHost": "true" }""", "RequestHeaderOriginalHost")]
    [InlineData("""{ "RequestHeader": "Host", "Set": "evil" }""", "RequestHeader")]
    [InlineData("""{ "RequestHeader": "Authorization", "Set": "Bearer x" }""", "RequestHeader")]
    [InlineData("""{ "RequestHeader": "authorization", "Append": "Bearer x" }""", "RequestHeader")]
    [InlineData("""{ "RequestHeaderRemove": "Authorization" }""", "RequestHeaderRemove")]
    [InlineData("""{ "RequestHeaderRouteValue": "Authorization", "Set": "id" }""", "RequestHeaderRouteValue")]
    [InlineData("""{ "RequestHeaderRouteValue": "Host", "Set": "id" }""", "RequestHeaderRouteValue")]
    [InlineData("""{ "RequestHeader": "DeviceToken", "Set": "victim" }""", "RequestHeader")]
    [InlineData("""{ "RequestHeaderRouteValue": "devicetoken", "Set": "id" }""", "RequestHeaderRouteValue")]
    [InlineData("""{ "RequestHeaderRemove": "DeviceToken" }""", "RequestHeaderRemove")]
    [InlineData("""{ "RequestHeadersCopy": "false" }""", "RequestHeadersCopy")]
    [InlineData("""{ "RequestHeadersAllowed": "Accept;X-Other" }""", "RequestHeadersAllowed")]
    [InlineData("""{ "RequestHeader": "X-HTTP-Method-Override", "Set": "DELETE" }""", "RequestHeader")]
    [InlineData("""{ "RequestHeader": "x_method_override", "Append": "DELETE" }""", "RequestHeader")]
    [InlineData("""{ "RequestHeaderRouteValue": "X-HTTP-Method", "Set": "id" }""", "RequestHeaderRouteValue")]
    [InlineData("""{ "QueryValueParameter": "_method", "Set": "DELETE" }""", "QueryValueParameter")]
    [InlineData("""{ "QueryRouteParameter": "_METHOD", "Set": "id" }""", "QueryRouteParameter")]
    [InlineData("""{ "QueryValueParameter": "networkIds", "Set": "13" }""", "QueryValueParameter")]
    [InlineData("""{ "QueryValueParameter": "networkids[]", "Append": "13" }""", "QueryValueParameter")]
    [InlineData("""{ "QueryRouteParameter": "NetworkIds", "Set": "id" }""", "QueryRouteParameter")]
    [InlineData("""{ "QueryRemoveParameter": "networkIds" }""", "QueryRemoveParameter")]
    public async Task A_transform_that_changes_what_was_decided_on_does_not_load(string transform, string key) =>
        (
            await ConfigErrors(
                Config(
                    $$"""
                    { "Match": { "Path": "/d/{id}" }, "Transforms": [ {{transform}} ],
                      "Metadata": { "Action": "GetNetwork", "Device": "header:DeviceToken", "Network": "query:networkIds[]" } }
                    """
                )
            )
        ).ShouldContain(line =>
            line.Contains($"Routes:x:Transforms:0{(key.Length > 0 ? ":" : "")}{key}", StringComparison.OrdinalIgnoreCase)
        );

    [Theory]
    [InlineData("""{ "PathRemovePrefix": "/d" }""")]
    [InlineData("""{ "RequestHeader": "X-Tenant", "Set": "acme" }""")]
    [InlineData("""{ "RequestHeadersAllowed": "Accept;DeviceToken" }""")]
    [InlineData("""{ "QueryValueParameter": "format", "Set": "json" }""")]
    public async Task A_transform_that_does_not_loads(string transform)
    {
        await using var broker = await BrokerUnderTest.Start(
            Config(
                    $$"""
                    { "Match": { "Path": "/d/{id}" }, "Transforms": [ {{transform}} ], "Metadata": { "Action": "GetDevice", "Device": "header:DeviceToken" } }
                    """
                )
                .ToJsonString(),
            TestConfig.Environment
        );
    }

    [Theory]
    [InlineData("""{ "Action": "ManageUser", "Reach": "none" }""", 1)]
    [InlineData("""{ "Deny": "true" }""", 0)]
    public void A_route_for_every_method_is_a_warning_unless_it_denies_all(string metadata, int warnings) =>
        Judgement
            .Of(Config($$"""{ "Match": { "Path": "/x" }, "Metadata": {{metadata}} }"""))
            .ShouldBe(
                Enumerable.Repeat(
                    "warning: ReverseProxy:Routes:x:Match:Methods: is missing, so the route covers every method: write those that "
                        + "it is for, such as [ \"GET\" ].",
                    warnings
                )
            );

    [Fact]
    public void A_denial_loads_on_an_id_header_that_is_selected() =>
        Judgement
            .Of(
                Config(
                    """
                    { "Match": { "Path": "/x", "Methods": [ "GET" ] }, "Metadata": { "Action": "GetDevice", "Device": "header:DeviceToken", "Deny": "header:DeviceToken=victim" } }
                    """
                )
            )
            .Errors()
            .ShouldBeEmpty();

    [Fact]
    public async Task Reach_account_loads_where_the_account_is_one_callers()
    {
        var config = Config("""{ "Match": { "Path": "/me" }, "Metadata": { "Action": "GetDevice", "Reach": "account" } }""");
        var accounts = config["Broker"]!["Upstreams"]!["api"]!["Accounts"]!.AsObject();
        List<(string, string)> environment = [.. TestConfig.Environment];
        foreach (var (name, _) in config["Broker"]!["Callers"]!.AsObject().ToList())
        {
            accounts[$"of-{name}"] = accounts["default"]!.DeepClone();
            accounts[$"of-{name}"]!["Value"]!["Env"] = SecretOf(name);
            environment.Add((SecretOf(name), $"{TestConfig.UpstreamSecret}-{name}"));
            config["Broker"]!["Callers"]![name]!["Accounts"] = new JsonObject { ["api"] = $"of-{name}" };
        }

        // a caller who comes later would share it
        (await ConfigErrors(config, [.. environment])).ShouldContain(line => line.Contains("'default'", StringComparison.Ordinal));
        accounts.Remove("default");
        await using (await BrokerUnderTest.Start(config.ToJsonString(), [.. environment])) { }

        var sameKey = config.DeepClone().AsObject();
        sameKey["Broker"]!["Upstreams"]!["api"]!["Accounts"]!["of-reader"]!["Value"]!["Env"] = SecretOf("narrow");
        (await ConfigErrors(sameKey, [.. environment])).ShouldContain(line =>
            line.Contains("may be one user of api", StringComparison.Ordinal)
        );
        config["Broker"]!["Callers"]!["reader"]!["Accounts"]!["api"] = "of-narrow";
        (await ConfigErrors(config, [.. environment])).ShouldContain(line =>
            line.Contains("'of-narrow' of api does not belong to one caller", StringComparison.Ordinal)
        );
    }

    [Fact]
    public async Task Every_mistake_is_told_at_once()
    {
        var config = Config(
            """{ "Match": { "Path": "/x" }, "Metadata": { "Action": "Fly", "Reach": "some", "Query": "a", "Bdoy": "json" } }"""
        );
        config["ReverseProxy"]!["Routes"]!["y"] = JsonNode.Parse(
            """{ "ClusterId": "api", "Match": { "Path": "/y" }, "AuthorizationPolicy": "Default" }"""
        );

        var mistakes = await ConfigErrors(config);

        foreach (
            var key in new[]
            {
                "Routes:x:Metadata:Action",
                "Routes:x:Metadata:Reach",
                "Routes:x:Metadata:Bdoy",
                "Routes:y:AuthorizationPolicy",
                "Routes:y:Metadata:",
            }
        )
        {
            mistakes.ShouldContain(line => line.Contains(key, StringComparison.Ordinal));
        }
    }

    private static string SecretOf(string caller) => $"SECRET_OF_{caller.Replace('-', '_')}";

    private static JsonObject Config(string route) => Stage.ConfigOf(Upstream, ("x", route));

    private static async Task<string[]> ConfigErrors(JsonObject config, params (string, string)[] environment)
    {
        var failure = await Should.ThrowAsync<InvalidOperationException>(async () =>
        {
            await using var broker = await BrokerUnderTest.Start(
                config.ToJsonString(),
                environment.Length > 0 ? environment : TestConfig.Environment
            );
        });
        return [.. failure.Message.Split('\n').Where(line => line.StartsWith("error", StringComparison.Ordinal))];
    }
}
