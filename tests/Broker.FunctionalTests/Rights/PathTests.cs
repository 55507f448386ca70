using Shouldly;
using Xunit;

namespace Broker.FunctionalTests.Rights;

/// <summary>rights.md 9: one clear path, judged on the raw target.</summary>
public sealed class PathTests(PathTests.Routing stage) : IClassFixture<PathTests.Routing>
{
    public sealed class Routing : Stage
    {
        protected override IEnumerable<(string Name, string Route)> Routes =>
            [
                (
                    "loose",
                    """{ "Match": { "Path": "/loose/{**rest}" }, "Metadata": { "Action": "ManageUser", "Reach": "none", "Path": "Loose" } }"""
                ),
                ("public", """{ "Match": { "Path": "/public/{**rest}" }, "AuthorizationPolicy": "Anonymous" }"""),
                ("secret", """{ "Match": { "Path": "/conf/jwt.secret" }, "Metadata": { "Deny": "true" } }"""),
                ("all", TestConfig.CatchAll),
            ];
    }

    [Theory]
    [InlineData("/a;x")]
    [InlineData("/conf/jwt.secret;x")]
    [InlineData("/conf;x/name")]
    [InlineData("/a%3Bx")]
    [InlineData("/a%3bx")]
    [InlineData("/a%253Bx")]
    [InlineData("/a\\b")]
    [InlineData("/a%5Cb")]
    [InlineData("/a%5cb")]
    [InlineData("/a%255Cb")]
    [InlineData("/a%2Fb")]
    [InlineData("/a%2fb")]
    [InlineData("/a%252Fb")]
    [InlineData("//a")]
    [InlineData("/a//b")]
    [InlineData("/a//")]
    [InlineData("/./a")]
    [InlineData("/a/.")]
    [InlineData("/a/./b")]
    [InlineData("/a/../b")]
    [InlineData("/a/..")]
    [InlineData("/a/../../b")]
    [InlineData("/public/../a")]
    [InlineData("/public/../conf/jwt.secret")]
    [InlineData("/a/%2e%2e/b")]
    [InlineData("/a/.%2E/b")]
    [InlineData("/a/%252e%252e/b")]
    [InlineData("/a/%2e")]
    [InlineData("/a./b")]
    [InlineData("/a.")]
    [InlineData("/a%2e")]
    [InlineData("/a%252e")]
    [InlineData("/a/...")]
    [InlineData("/a%20")]
    [InlineData("/a%20/b")]
    [InlineData("/a%2520")]
    [InlineData("/a%0a")]
    [InlineData("/a%0d%0aX-Api-Key:%20x")]
    [InlineData("/a%09b")]
    [InlineData("/a%7f")]
    [InlineData("/a%01b")]
    [InlineData("/a%1fb")]
    [InlineData("/a%C2%85b")]
    [InlineData("/a%250ab")]
    [InlineData("http://broker.example/a;x")]
    [InlineData("http://broker.example/a/../b")]
    [InlineData("http://broker.example/a%2fb")]
    [InlineData("http://broker.example//a")]
    [InlineData("http://broker.example/a%5cb?x=1")]
    public async Task An_unclear_path_is_refused(string target) => stage.ShouldBeRefused(await stage.Get(target), 400, "bad-path");

    [Theory]
    [InlineData("/public/a;x")]
    [InlineData("/public/a//b")]
    [InlineData("/public/%2e%2e/b")]
    public async Task A_public_route_is_no_exception(string target) => (await stage.Get(target, key: null)).Code.ShouldBe("bad-path");

    [Theory]
    [InlineData("/a%00b")]
    [InlineData("/a\0b")]
    [InlineData("/a\u00e9b")]
    [InlineData("a/b")]
    [InlineData("http://other.example/a")]
    public async Task What_is_no_target_stays_Kestrels(string target)
    {
        var answer = await stage.Get(target);
        answer.Status.ShouldBe(400);
        answer.Body.ShouldBeEmpty();
        stage.Upstream.Requests.ShouldBeEmpty();
    }

    [Fact]
    public async Task The_asterisk_is_no_path()
    {
        (await stage.Get("*")).Status.ShouldBe(405); // Kestrel's: it is for OPTIONS
        stage.ShouldBeRefused(await stage.Ask("OPTIONS", "*"), 400, "bad-path");
    }

    /// <summary>Sent, and what the upstream is to receive.</summary>
    [Theory]
    [InlineData("/trips/get/v1/", "/trips/get/v1/")]
    [InlineData("/a/b.c", "/a/b.c")]
    [InlineData("/.well-known/x", "/.well-known/x")]
    [InlineData("/a/..b", "/a/..b")]
    [InlineData("/a%20b", "/a%20b")]
    [InlineData("/a+b", "/a+b")]
    [InlineData("/a,b=c:d@e!f$g&h'(i)*j", "/a,b=c:d@e!f$g&h'(i)*j")]
    [InlineData("/a%3Fb", "/a%3Fb")]
    [InlineData("/a%23b", "/a%23b")]
    [InlineData("/a#b", "/a%23b")]
    [InlineData("/a%25b", "/a%25b")]
    [InlineData("/%zz", "/%zz")]
    [InlineData("/caf%C3%A9", "/caf%C3%A9")]
    [InlineData("/%41b", "/%41b")]
    [InlineData("/a%2541", "/a%2541")]
    [InlineData("http://broker.example/a/b", "/a/b")]
    public async Task A_clear_path_reaches_the_upstream_with_the_meaning_that_was_decided_on(string target, string received) =>
        stage.ShouldHaveCrossed(await stage.Get(target)).RawTarget.ShouldBe(received);

    [Theory]
    [InlineData("/loose/a;x", "/loose/a;x")]
    [InlineData("/loose/a%3Bx", "/loose/a%3Bx")]
    [InlineData("/loose/a//b", "/loose/a//b")]
    [InlineData("/loose/a.", "/loose/a.")]
    [InlineData("/loose/a%20", "/loose/a%20")]
    [InlineData("/loose/a%5Cb", "/loose/a%5Cb")]
    public async Task A_loose_route_lets_it_through(string target, string received) =>
        stage.ShouldHaveCrossed(await stage.Get(target)).RawTarget.ShouldBe(received);

    [Fact]
    public async Task The_refusal_names_no_more_than_the_kind_of_fault() =>
        (await stage.Get("/conf/jwt.secret;x")).Message.ShouldBe("The path holds ';', raw or encoded, inside a segment.");
}
