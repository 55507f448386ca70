using Shouldly;
using Simulators;
using Xunit;

namespace Broker.FunctionalTests.UpstreamTokens;

/// <summary>What stands before the token in Authorization, as the upstream's config and its token endpoint say.</summary>
public sealed class TokenTypeTests
{
    [Theory]
    [InlineData("", "bearer", "Bearer abcdefgh")]
    [InlineData("", null, "Bearer abcdefgh")]
    [InlineData(""", "TokenType": "JWT" """, "jwt", "JWT abcdefgh")]
    [InlineData(""", "TokenType": "bearer" """, "BearerToken", "Bearer abcdefgh")]
    [InlineData(""", "Scheme": "token" """, "bearer", "token abcdefgh")]
    [InlineData(""", "TokenType": "Application Access Token", "Scheme": "Bearer" """, "Application Access Token", "Bearer abcdefgh")]
    public async Task The_scheme_before_the_token_is_the_configs(string options, string? said, string sent)
    {
        await using var upstream = await EchoUpstream.Start();
        await using var simulator = await OAuth2Simulator.StartAsync(new());
        simulator.Faults.TokenAnswer = said is null
            ? Answer.Json(200, new { access_token = "abcdefgh", expires_in = 3600 })
            : Answer.Json(
                200,
                new
                {
                    access_token = "abcdefgh",
                    token_type = said,
                    expires_in = 3600,
                }
            );
        var api = TokenConfig.OAuth2(simulator.Address, TokenConfig.Quick + options);
        await using var broker = await TokenConfig.Start(TokenConfig.For(upstream.Address, api));

        (await broker.Ask("/things")).EnsureSuccessStatusCode();

        upstream.Only.Headers["Authorization"].ShouldBe(sent);
    }

    [Fact]
    public async Task Another_scheme_after_a_reload_is_on_the_next_request()
    {
        await using var upstream = await EchoUpstream.Start();
        await using var simulator = await OAuth2Simulator.StartAsync(new());
        await using var broker = await TokenConfig.Start(TokenConfig.For(upstream.Address, TokenConfig.OAuth2(simulator.Address)));
        (await broker.Ask("/things")).EnsureSuccessStatusCode();
        var api = TokenConfig.OAuth2(simulator.Address, TokenConfig.Quick + """, "Scheme": "OAuth" """);
        var changed = await broker.Reload(TokenConfig.For(upstream.Address, api).ToJsonString());
        changed.ConfigErrors.HasErrors.ShouldBeFalse();
        (await broker.Ask("/things")).EnsureSuccessStatusCode();

        upstream.Requests.First().Headers["Authorization"].ShouldStartWith("Bearer ");
        upstream.Requests.Last().Headers["Authorization"].ShouldStartWith("OAuth ");
    }

    [Theory]
    [InlineData(""", "TokenType": "DPoP" """, "TokenType")]
    [InlineData(""", "Scheme": "mac" """, "Scheme")]
    [InlineData(""", "TokenType": "" """, "TokenType")]
    [InlineData(""", "TokenType": "Application Access Token" """, "Scheme")]
    [InlineData(""", "Scheme": "a b" """, "Scheme")]
    [InlineData(""", "Scheme": "a\r\nX-Admin: 1" """, "Scheme")]
    public async Task A_scheme_that_no_header_takes_or_that_needs_a_proof_does_not_load(string options, string key)
    {
        var nowhere = new Uri("http://127.0.0.1:1/");
        var config = TokenConfig.For(nowhere, TokenConfig.OAuth2(nowhere, options.Replace("\r\n", "\\r\\n", StringComparison.Ordinal)));
        var refused = await Should.ThrowAsync<InvalidOperationException>(() => TokenConfig.Start(config));
        refused.Message.ShouldContain($"Broker:Upstreams:api:{key}");
    }
}
