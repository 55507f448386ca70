using Shouldly;
using Xunit;

namespace Broker.FunctionalTests.Rights;

/// <summary>rights.md 7, 8 and 10 in the query: what was looked at is what crosses.</summary>
public sealed class QueryTests(QueryTests.Routing stage) : IClassFixture<QueryTests.Routing>
{
    public sealed class Routing : Stage
    {
        protected override IEnumerable<(string Name, string Route)> Routes =>
            [
                (
                    "one",
                    """{ "Match": { "Path": "/one" }, "Metadata": { "Action": "GetDevice", "Device": "query:UserId", "Query": "from,to,page,a b" } }"""
                ),
                (
                    "optional",
                    """{ "Match": { "Path": "/optional" }, "Metadata": { "Action": "GetDevice", "Device": "query:UserId?", "Query": "page" } }"""
                ),
                (
                    "open",
                    """{ "Match": { "Path": "/open" }, "Metadata": { "Action": "GetDevice", "Device": "query:UserId", "Query": "*" } }"""
                ),
                ("many", """{ "Match": { "Path": "/many" }, "Metadata": { "Action": "GetNetwork", "Network": "query:networkIds[]" } }"""),
                ("some", """{ "Match": { "Path": "/some" }, "Metadata": { "Action": "GetNetwork", "Network": "query:networkIds[]?" } }"""),
                ("none", """{ "Match": { "Path": "/none" }, "Metadata": { "Action": "ManageUser", "Reach": "none" } }"""),
            ];
    }

    [Theory]
    [InlineData("/one?UserId=mine")]
    [InlineData("/one?UserId=mine&page=%2541%26%23%3B%0A")]
    [InlineData("/one?UserId=mine&from=1&to=2")]
    [InlineData("/one?from=%26UserId%3Dvictim&UserId=mine")]
    [InlineData("/one?UserId=mine&&page=1")]
    [InlineData("/one?UserId=mine&a+b=1")]
    [InlineData("/open?UserId=mine&anything=1&%3Dx=2")]
    [InlineData("/one?%55serId=mine")]
    [InlineData("/one?UserId=%6Dine")]
    [InlineData("/one?UserId=mine&page=%zz")]
    public async Task A_permitted_id_crosses_byte_for_byte(string target) =>
        stage.ShouldHaveCrossed(await stage.Get(target, Stage.MineAnywhere)).RawTarget.ShouldBe(target);

    [Theory]
    [InlineData("/one?UserId=victim")]
    [InlineData("/one?UserId=Mine")]
    [InlineData("/one?UserId=*")]
    [InlineData("/one?UserId=mine,victim")]
    [InlineData("/one?UserId=mine%00")]
    [InlineData("/one?UserId=mine+")]
    [InlineData("/one?UserId=%256Dine")]
    [InlineData("/optional")]
    [InlineData("/optional?page=1")]
    public async Task Another_id_is_refused_and_an_optional_one_that_is_absent_means_all(string target) =>
        stage.ShouldBeRefused(await stage.Get(target, Stage.MineAnywhere), 403, "device-not-granted");

    [Theory]
    [InlineData("/one")]
    [InlineData("/one?")]
    [InlineData("/one?from=1")]
    [InlineData("/one?UserId=")]
    [InlineData("/one?UserId")]
    [InlineData("/one?UserId=+")]
    [InlineData("/one?UserId=%20")]
    [InlineData("/one?UserId=%09")]
    [InlineData("/optional?UserId=")]
    [InlineData("/optional?UserId")]
    [InlineData("/optional?UserId=%20")]
    [InlineData("/many")]
    [InlineData("/many?networkIds=")]
    [InlineData("/many?networkIds=,")]
    [InlineData("/many?networkIds=12,")]
    [InlineData("/many?networkIds=,12")]
    [InlineData("/many?networkIds=12,,12")]
    [InlineData("/many?networkIds=12,%20")]
    [InlineData("/some?networkIds=")]
    [InlineData("/some?networkIds=%2C")]
    public async Task No_id_or_an_empty_one_is_refused_even_of_who_may_reach_all(string target) =>
        stage.ShouldBeRefused(await stage.Get(target), 400, "bad-request");

    [Theory]
    [InlineData("/one?UserId=mine&UserId=victim")]
    [InlineData("/one?UserId=mine&UserId=mine")]
    [InlineData("/one?UserId=mine&%55serId=victim")]
    [InlineData("/many?networkIds=12&networkIds=12")]
    [InlineData("/open?UserId=mine&userid=victim")]
    [InlineData("/open?userid=mine")]
    [InlineData("/open?UserId=mine&UserId[]=victim")]
    [InlineData("/open?UserId=mine&UserId%5B%5D=victim")]
    [InlineData("/open?UserId=mine&userId%5b%5d=victim")]
    [InlineData("/open?UserId=mine&UserId[0]=victim")]
    [InlineData("/open?UserId=mine&+UserId=victim")]
    [InlineData("/open?UserId=mine&UserId%20=victim")]
    public async Task An_id_that_stands_twice_is_refused(string target) =>
        stage.ShouldBeRefused(await stage.Get(target), 400, "ambiguous-id");

    [Theory]
    [InlineData("/one?UserId=mine&userid=victim", "userid")]
    [InlineData("/one?UserId=mine&UserId[]=victim", "UserId[]")]
    [InlineData("/one?UserId=mine&q.UserId=victim", "q.UserId")]
    [InlineData("/one?UserId=mine&FROM=1", "FROM")]
    [InlineData("/one?UserId=mine&=x", "")]
    [InlineData("/one?UserId=mine&a%2Bb=x", "a+b")]
    [InlineData("/one?UserId=mine&other", "other")]
    [InlineData("/none?a&b", "a")]
    [InlineData("/none?%61dmin=true", "admin")]
    [InlineData("/none?a%0d%0ab=1", "a??b")]
    [InlineData("/many?networkIds[]=12", "networkIds[]")]
    public async Task A_name_that_is_not_listed_is_refused_and_named(string target, string name)
    {
        var answer = await stage.Get(target);
        stage.ShouldBeRefused(answer, 400, "not-allowed-here");
        answer.Message.ShouldBe($"The query name '{name}' is not allowed on this route.");
    }

    [Theory]
    [InlineData("/one?UserId=mine;UserId=victim")]
    [InlineData("/one?UserId=mine;x=1")]
    [InlineData("/open?UserId=mine&x=1;UserId=victim")]
    [InlineData("/none?;")]
    [InlineData("/one?page=1#&UserId=mine")]
    [InlineData("/open?x=1#&UserId=mine")]
    [InlineData("/none?#")]
    [InlineData("/open?UserId=mine&x=\u0001")]
    [InlineData("/open?UserId=mine&x=\t1")]
    [InlineData("/open?UserId=mine&x=\u007f")]
    [InlineData("/open?UserId=mine&x=\rGET")]
    public async Task What_an_upstream_may_end_the_query_at_is_refused(string target)
    {
        var answer = await stage.Get(target);
        // Kestrel may say no first
        (answer.Status, answer.Code ?? "not-allowed-here").ShouldBe((400, "not-allowed-here"), answer.ToString());
        stage.Upstream.Requests.ShouldBeEmpty();
    }

    [Theory]
    [InlineData("/none?_method=DELETE")]
    [InlineData("/none?%5fmethod=DELETE")]
    [InlineData("/none?%5F%6Dethod=DELETE")]
    [InlineData("/open?UserId=mine&_method=DELETE")]
    [InlineData("/open?UserId=mine&_METHOD=DELETE")]
    [InlineData("/open?UserId=mine&_method")]
    [InlineData("/open?UserId=mine&.method=DELETE")]
    [InlineData("/open?UserId=mine&+_method%5B%5D=DELETE")]
    public async Task A_method_in_the_query_is_refused_even_where_every_name_is_allowed(string target)
    {
        var answer = await stage.Get(target);
        stage.ShouldBeRefused(answer, 400, "not-allowed-here");
        answer.Message!.ShouldContain("_method");
    }

    [Theory]
    [InlineData("/many?networkIds=12", 200, null)]
    [InlineData("/many?networkIds=12,13", 403, "network-not-granted")]
    [InlineData("/many?networkIds=13,12", 403, "network-not-granted")]
    [InlineData("/many?networkIds=12,*", 403, "network-not-granted")]
    [InlineData("/many?networkIds=12%2C13", 403, "network-not-granted")]
    [InlineData("/many?networkIds=12,%2012", 403, "network-not-granted")]
    [InlineData("/some", 403, "network-not-granted")]
    public async Task Every_id_of_a_list_must_be_permitted(string target, int status, string? code)
    {
        var answer = await stage.Get(target, Stage.Network12);
        (answer.Status, answer.Code).ShouldBe((status, code));
        stage.Upstream.Requests.Count.ShouldBe(status == 200 ? 1 : 0);
    }

    [Theory]
    [InlineData("/none?")]
    [InlineData("/none?&&")]
    public async Task A_query_without_names_crosses(string target) =>
        stage.ShouldHaveCrossed(await stage.Get(target)).RawTarget.ShouldBe(target);
}
