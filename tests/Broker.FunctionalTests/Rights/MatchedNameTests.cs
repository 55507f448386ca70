using Shouldly;
using Xunit;

namespace Broker.FunctionalTests.Rights;

/// <summary>What a route matches on crosses, and stands once: the upstream reads what routing read.</summary>
public sealed class MatchedNameTests(MatchedNameTests.Routing stage) : IClassFixture<MatchedNameTests.Routing>
{
    public sealed class Routing : Stage
    {
        private const string Metadata = """ "Metadata": { "Action": "ManageUser", "Reach": "none", "Query": "page" } }""";

        protected override IEnumerable<(string Name, string Route)> Routes =>
            [
                Matching("exact", """{ "Name": "type", "Values": [ "read", "list" ] }"""),
                Matching("prefix", """{ "Name": "type", "Values": [ "re" ], "Mode": "Prefix" }"""),
                Matching("contains", """{ "Name": "type", "Values": [ "ea" ], "Mode": "Contains" }"""),
                Matching("not", """{ "Name": "type", "Values": [ "write" ], "Mode": "NotContains" }"""),
                Matching("exists", """{ "Name": "type", "Mode": "Exists" }"""),
                Matching("two", """{ "Name": "type", "Values": [ "read" ] }, { "Name": "version", "Mode": "Exists" }"""),
                (
                    "open",
                    """
                    { "Match": { "Path": "/open", "QueryParameters": [ { "Name": "type", "Values": [ "read" ] } ] }, "Metadata": { "Action": "ManageUser", "Reach": "none", "Query": "*" } }
                    """
                ),
                (
                    "header",
                    """
                    { "Match": { "Path": "/header", "Headers": [ { "Name": "X-Kind", "Values": [ "a" ] } ] }, "Metadata": { "Action": "ManageUser", "Reach": "none" } }
                    """
                ),
            ];

        private static (string, string) Matching(string name, string query) =>
            (name, $$"""{ "Match": { "Path": "/{{name}}", "QueryParameters": [ {{query}} ] }, {{Metadata}}""");
    }

    [Theory]
    [InlineData("/exact?type=read")]
    [InlineData("/exact?type=list&page=1")]
    [InlineData("/exact?page=1&type=read")]
    [InlineData("/prefix?type=read")]
    [InlineData("/contains?type=read")]
    [InlineData("/not?type=read")]
    [InlineData("/exists?type=read")]
    [InlineData("/exists?type=read&type=list")]
    [InlineData("/two?type=read&version=2")]
    [InlineData("/open?type=read&x=1")]
    public async Task A_name_that_the_route_matches_on_crosses(string target) =>
        stage.ShouldHaveCrossed(await stage.Get(target)).RawTarget.ShouldBe(target);

    [Theory]
    [InlineData("/exact?type=read&other=1")]
    [InlineData("/exact?Type=read")]
    [InlineData("/exists?type=1&other=1")]
    public async Task No_other_name_does(string target) => stage.ShouldBeRefused(await stage.Get(target), 400, "not-allowed-here");

    [Theory]
    [InlineData("/exact?type=read&type=write")]
    [InlineData("/exact?type=write&type=read")]
    [InlineData("/exact?type=read&Type=write")]
    [InlineData("/exact?type=read&%74ype=write")]
    [InlineData("/prefix?type=read&type=write")]
    [InlineData("/contains?type=read&type=write")]
    [InlineData("/open?type=read&Type=write")]
    [InlineData("/open?type=read&type[]=write")]
    public async Task One_that_stands_twice_is_refused(string target) =>
        stage.ShouldBeRefused(await stage.Get(target), 400, "ambiguous-id");

    [Fact]
    public async Task A_header_that_the_route_matches_on_crosses_once()
    {
        stage.ShouldHaveCrossed(await stage.Get("/header", Stage.All, "X-Kind: a")).Headers["X-Kind"].ShouldBe("a");
        stage.ShouldBeRefused(await stage.Get("/header", Stage.All, "X-Kind: a", "X-Kind: b"), 400, "ambiguous-id");
    }

    [Theory]
    [InlineData("userid", "nearly the same name")]
    [InlineData("UserId[]", "nearly the same name")]
    public void A_matched_name_that_may_be_taken_for_the_selected_id_does_not_load(string name, string says) =>
        Judgement
            .Of(
                Stage.ConfigOf(
                    stage.Upstream.Address,
                    (
                        "x",
                        $$"""
                        { "Match": { "Path": "/x", "QueryParameters": [ { "Name": "{{name}}", "Mode": "Exists" } ] }, "Metadata": { "Action": "GetDevice", "Device": "query:UserId" } }
                        """
                    )
                )
            )
            .Errors()
            .ShouldContain(line =>
                line.Contains("Metadata:Query", StringComparison.Ordinal) && line.Contains(says, StringComparison.Ordinal)
            );
}
