using System.Text.Json.Nodes;
using Shouldly;
using Xunit;

namespace Broker.FunctionalTests.Rights;

/// <summary>
/// Whoever writes a config hears everything that is wrong, the cause and not what follows from it, and the word that was meant.
/// </summary>
public sealed class LoadMessageTests
{
    [Fact]
    public void A_mistake_in_one_section_hides_none_in_another()
    {
        var config = Config(
            ("no-action", """{ "Match": { "Path": "/a", "Methods": [ "GET" ] }, "Metadata": { "Reach": "all" } }"""),
            (
                "selector",
                """{ "Match": { "Path": "/b/{id}", "Methods": [ "GET" ] }, "Metadata": { "Action": "GetDevice", "Device": "cookie:id" } }"""
            ),
            (
                "cluster",
                """{ "ClusterId": "apo", "Match": { "Path": "/c", "Methods": [ "GET" ] }, "Metadata": { "Action": "GetDevice", "Reach": "all" } }"""
            )
        );
        config["Broker"]!["Foo"] = 1;

        var said = Judgement.Of(config);

        said.Length.ShouldBe(4, string.Join('\n', said));
        said.ShouldContain(line => line.StartsWith("error: Broker:Foo: unknown key", StringComparison.Ordinal));
        said.ShouldContain(line =>
            line.StartsWith("error: ReverseProxy:Routes:no-action:Metadata:Action: is missing", StringComparison.Ordinal)
        );
        said.ShouldContain(
            "error: ReverseProxy:Routes:selector:Metadata:Device: a selector is one of route:NAME, query:NAME, query:NAME[], "
                + "header:NAME or const:VALUE."
        );
        said.ShouldContain("error: ReverseProxy:Routes:cluster:ClusterId: there is no cluster 'apo': did you mean 'api'?");
    }

    /// <summary>A change of a good config, and the one mistake that it makes: nothing that follows from it is told.</summary>
    [Theory]
    [InlineData("Broker:Upstreams:api:Kind", "\"Statik\"", "Broker:Upstreams:api:Kind: there is no kind 'Statik'")]
    [InlineData("Broker:Upstreams:api:Accounts", "1", "Broker:Upstreams:api:Accounts: an object of names is needed")]
    [InlineData(
        "Broker:Upstreams:api:Accounts:default:Value",
        "{ \"Env\": \"NOT_THERE\" }",
        "Broker:Upstreams:api:Accounts:default:Value: the secret's environment variable"
    )]
    [InlineData("Broker:Upstreams", "[]", "Broker:Upstreams: an object of names is needed")]
    [InlineData("Broker:Actions", "{ \"Fly\": 7 }", "Broker:Actions:Fly: 7 is DeviceHive's")]
    [InlineData("Broker:Callers:tester:Actions", "\"*\"", "Broker:Callers:tester:Actions: a list is needed")]
    [InlineData(
        "ReverseProxy:Clusters:api:Metadata",
        "{ \"Upstream\": \"apy\" }",
        "ReverseProxy:Clusters:api:Metadata:Upstream: there is no upstream 'apy': did you mean 'api'?"
    )]
    [InlineData(
        "ReverseProxy:Routes:x:Metadata:Action",
        "\"GetDevise\"",
        "ReverseProxy:Routes:x:Metadata:Action: 'GetDevise' is no action: did you mean 'GetDevice'?"
    )]
    [InlineData("ReverseProxy:Routes:x:Match:Methods", "\"GET\"", "ReverseProxy:Routes:x:Match:Methods: a list is needed")]
    public void A_cause_is_told_and_not_what_follows_from_it(string key, string value, string mistake)
    {
        var config = Config(
            (
                "x",
                """{ "Match": { "Path": "/x", "Methods": [ "GET" ] }, "Metadata": { "Action": "GetDevice", "Reach": "all", "Account": "default" } }"""
            ),
            ("y", """{ "Match": { "Path": "/y", "Methods": [ "GET" ] }, "Metadata": { "Action": "Fly", "Reach": "all" } }""")
        );
        config["Broker"]!["Actions"] = JsonNode.Parse("""{ "Fly": 1000 }""");
        Judgement.Of(config).ShouldBeEmpty();

        JsonNode at = config;
        var names = key.Split(':');
        foreach (var name in names[..^1])
        {
            at = at[name]!;
        }

        at[names[^1]] = JsonNode.Parse(value);
        Judgement.Of(config).Errors().ShouldHaveSingleItem().ShouldStartWith($"error: {mistake}");
    }

    [Fact]
    public void What_could_not_be_looked_at_is_said()
    {
        var config = Config(("x", """{ "Order": "first", "Match": { "Path": "/x" }, "Metadata": {} }"""));
        var said = Judgement.Of(config);
        said[0].ShouldStartWith("error: ReverseProxy:Routes:x:Order: a whole number");
        said[1].ShouldBe("error: ReverseProxy:Routes: was not looked at: mend what is told above first");
        said.Length.ShouldBe(2);
    }

    [Fact]
    public void A_route_without_metadata_gets_one_message_with_an_example()
    {
        var said = Judgement.Of(Config(("x", """{ "Match": { "Path": "/x", "Methods": [ "GET" ] } }"""))).ShouldHaveSingleItem();
        said.ShouldContain("\"Metadata\": { \"Action\": \"GetDevice\",\n");
        said.ShouldContain("\"AuthorizationPolicy\": \"Anonymous\"");
        Judgement
            .Of(Config(("x", """{ "Match": { "Path": "/x", "Methods": [ "GET" ] }, "AuthorizationPolicy": "Anonymous" }""")))
            .ShouldBeEmpty();
    }

    [Theory]
    [InlineData(
        """{ "ClusterId": "apy", "Match": { "Path": "/x", "Methods": [ "GET" ] }, "Metadata": { "Action": "GetDevice", "Reach": "all" } }""",
        "ReverseProxy:Clusters:apy:Metadata:Upstream: is missing, and there is no upstream of the cluster's own name 'apy': did you "
            + "mean 'api'?"
    )]
    [InlineData(
        """{ "ClusterId": "apy", "Match": { "Path": "/x", "Methods": [ "GET" ] }, "AuthorizationPolicy": "Anonymous" }""",
        "ReverseProxy:Clusters:apy:Destinations:main:Address: is not https: what callers send could be read on the way."
    )]
    public void A_cluster_without_an_upstream_is_told_its_cause(string route, string mistake)
    {
        var config = Config(("x", route));
        config["ReverseProxy"]!["Clusters"]!["apy"] = config["ReverseProxy"]!["Clusters"]!["api"]!.DeepClone();
        var said = Judgement.Of(config).ShouldHaveSingleItem();
        said.ShouldStartWith($"error: {mistake}");
        said.ShouldNotContain("token could");
    }

    [Theory]
    [InlineData("""{ "Action": "GetDevice", "Device": "route:id" }""", "Network", "DeviceType")]
    [InlineData("""{ "Action": "GetDevice", "Device": "route:id", "Network": "const:12" }""", "DeviceType")]
    [InlineData("""{ "Action": "GetDevice", "Device": "route:id", "Network": "query:n", "DeviceType": "const:3" }""", "Network")]
    [InlineData("""{ "Action": "GetDevice", "Device": "route:id", "Network": "const:12", "DeviceType": "const:3" }""")]
    [InlineData("""{ "Action": "GetDevice", "Device": "query:id?", "Network": "const:12", "DeviceType": "const:3" }""")]
    [InlineData("""{ "Action": "ManageUser", "Device": "route:id" }""")]
    public void A_caller_that_holds_the_action_and_never_passes_is_a_warning(string metadata, params string[] keys)
    {
        var config = Config(("x", $$"""{ "Match": { "Path": "/d/{id}", "Methods": [ "GET" ] }, "Metadata": {{metadata}} }"""));
        Stage.AddCaller(config, "narrow", "narrow-key", "GetDevice", "12", "3", "*");
        var said = Judgement.Of(config);
        said.Length.ShouldBe(keys.Length, string.Join('\n', said));
        foreach (var (line, key) in said.Zip(keys))
        {
            line.ShouldStartWith($"warning: ReverseProxy:Routes:x:Metadata:{key}: is no const:");
            line.ShouldContain("pass: narrow never does.");
        }
    }

    private static JsonObject Config(params (string, string)[] routes) => TestConfig.With(new("http://127.0.0.1:9/"), routes);
}
