using System.Text.Json.Nodes;
using Microsoft.AspNetCore.Http;
using Shouldly;
using Xunit;

namespace Broker.FunctionalTests.Rights;

/// <summary>An upstream's key that stands in the query must not come back in an address of the upstream's.</summary>
public sealed class QueryTokenTests : Stage
{
    protected override IEnumerable<(string Name, string Route)> Routes =>
        [("all", """{ "Match": { "Path": "/{**rest}" }, "Metadata": { "Action": "ManageUser", "Reach": "none", "Query": "page" } }""")];

    protected override JsonObject Config()
    {
        var config = base.Config();
        config["Broker"]!["Upstreams"]!["api"]!["Accounts"] = JsonNode.Parse(
            """{ "default": { "Query": "apikey", "Value": { "Env": "UPSTREAM_SECRET" } } }"""
        );
        return config;
    }

    [Theory]
    [InlineData("{path}/{query}")]
    [InlineData("http://elsewhere.example/{query}")]
    [InlineData("")]
    [InlineData("#x")]
    [InlineData("?next=1")]
    public async Task It_is_in_no_location(string location)
    {
        Upstream.Answer = context =>
        {
            context.Response.StatusCode = 302;
            context.Response.Headers.Location = location
                .Replace("{path}", context.Request.Path, StringComparison.Ordinal)
                .Replace("{query}", context.Request.QueryString.Value, StringComparison.Ordinal);
            return Task.CompletedTask;
        };

        var answer = await Ask("GET", "/a/b?page=1");

        answer.Status.ShouldBe(302);
        Upstream.Only.RawTarget.ShouldBe($"/a/b?page=1&apikey={TestConfig.UpstreamSecret}");
        string.Concat(answer.Headers.Select(header => header.Value)).ShouldNotContain(TestConfig.UpstreamSecret);
    }

    [Theory]
    [InlineData("Content-Location")]
    [InlineData("Link")]
    [InlineData("Refresh")]
    public async Task It_is_in_no_other_address(string header)
    {
        Upstream.Answer = context =>
        {
            context.Response.Headers[header] = $"0; url={context.Request.Path}{context.Request.QueryString.Value}";
            return context.Response.WriteAsync("ok");
        };

        var answer = await Ask("GET", "/a/b?page=1");

        answer[header].ShouldBeNull();
    }
}
