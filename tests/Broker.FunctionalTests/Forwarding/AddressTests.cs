using System.Text.Json.Nodes;
using Broker.FunctionalTests.UpstreamTokens;
using Shouldly;
using Xunit;

namespace Broker.FunctionalTests.Forwarding;

/// <summary>An address is scheme, host and port, however it is spelt, and a path may be rewritten to nothing.</summary>
public sealed class AddressTests
{
    [Theory]
    [InlineData("http://127.0.0.1:{0}", "/p", "/")]
    [InlineData("http://127.0.0.1:{0}", "/p?x=1", "/?x=1")]
    [InlineData("http://127.0.0.1:{0}", "/p/y?x=1", "/y?x=1")]
    [InlineData("http://127.0.0.1:{0}/", "/p", "/")]
    [InlineData("http://127.0.0.1:{0}/", "/p?x=1", "/?x=1")]
    [InlineData("http://127.0.0.1:{0}/base", "/p?x=1", "/base?x=1")]
    [InlineData("http://127.0.0.1:{0}/base/", "/p?x=1", "/base/?x=1")]
    [InlineData("HTTP://127.0.0.1:{0}", "/p?x=1", "/?x=1")]
    [InlineData("http://LocalHost:{0}", "/p?x=1", "/?x=1")]
    [InlineData("http://127.0.0.1:0{0}", "/p?x=1", "/?x=1")]
    public async Task The_token_goes_to_the_upstreams_address_however_it_is_spelt(string address, string asked, string received)
    {
        await using var upstream = await EchoUpstream.Start();
        var config = TestConfig.With(
            upstream.Address,
            (
                "all",
                """
                { "Match": { "Path": "/p/{**rest}" }, "Transforms": [ { "PathRemovePrefix": "/p" } ],
                  "Metadata": { "Action": "ManageUser", "Reach": "none", "Query": "x" } }
                """
            )
        );
        config["ReverseProxy"]!["Clusters"]!["api"]!["Destinations"]!["main"]!["Address"] = address.Replace(
            "{0}",
            $"{upstream.Address.Port}",
            StringComparison.Ordinal
        );
        await using var broker = await TokenConfig.Start(config);

        (await broker.Ask(asked)).EnsureSuccessStatusCode();

        upstream.Only.RawTarget.ShouldBe(received);
        upstream.Only.Headers["Authorization"].ShouldBe($"Bearer {TestConfig.UpstreamSecret}");
    }
}
