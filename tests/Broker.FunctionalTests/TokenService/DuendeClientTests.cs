using Duende.IdentityModel;
using Duende.IdentityModel.Client;
using Shouldly;
using Xunit;

namespace Broker.FunctionalTests.TokenService;

/// <summary>
/// A client of OAuth2 that others wrote gets, exchanges, renews, asks about and ends tokens of ours, as its documentation says.
/// </summary>
public sealed class DuendeClientTests
{
    [Theory]
    [InlineData(ClientCredentialStyle.AuthorizationHeader)]
    [InlineData(ClientCredentialStyle.PostBody)]
    public async Task It_gets_a_token_asks_about_it_and_ends_it(ClientCredentialStyle style)
    {
        await using var bed = await TokenBed.Start();

        var token = await bed.Client.RequestClientCredentialsTokenAsync(
            As<ClientCredentialsTokenRequest>(style, "/oauth/token", request => request.Scope = "GetDevice network:7")
        );

        (token.IsError, token.TokenType, token.Scope, token.RefreshToken).ShouldBe(
            (false, "Bearer", "GetDevice network:7", null),
            token.Error
        );
        token.ExpiresIn.ShouldBeInRange(1790, 1800);
        ((await bed.Get("/net/7", token.AccessToken)).Status, (await bed.Get("/net/1", token.AccessToken)).Status).ShouldBe((200, 403));

        var about = await bed.Client.IntrospectTokenAsync(
            As<TokenIntrospectionRequest>(style, "/oauth/introspect", request => request.Token = token.AccessToken!)
        );
        (about.IsError, about.IsActive).ShouldBe((false, true), about.Error);
        about.Claims.ShouldContain(claim => claim.Type == "scope" && claim.Value == "GetDevice");

        var ended = await bed.Client.RevokeTokenAsync(
            As<TokenRevocationRequest>(style, "/oauth/revoke", request => request.Token = token.AccessToken!)
        );
        ended.IsError.ShouldBeFalse(ended.Error);
        about = await bed.Client.IntrospectTokenAsync(
            As<TokenIntrospectionRequest>(style, "/oauth/introspect", request => request.Token = token.AccessToken!)
        );
        (about.IsError, about.IsActive).ShouldBe((false, false), about.Error);
    }

    [Fact]
    public async Task It_exchanges_a_users_token_for_a_narrower_one()
    {
        await using var bed = await TokenBed.Start();
        var (access, _) = await bed.LogIn("operator");

        var token = await bed.Client.RequestTokenExchangeTokenAsync(
            As<TokenExchangeTokenRequest>(ClientCredentialStyle.AuthorizationHeader, "/oauth/token", request =>
            {
                (request.SubjectToken, request.SubjectTokenType) = (access, OidcConstants.TokenTypeIdentifiers.AccessToken);
                request.Scope = "GetDevice network:1 devicetype:* device:*";
            })
        );

        token.IsError.ShouldBeFalse(token.Error);
        token.IssuedTokenType.ShouldBe(OidcConstants.TokenTypeIdentifiers.AccessToken);
        (await bed.Get("/net/1", token.AccessToken)).Status.ShouldBe(200);
        (await bed.Get("/net/2", token.AccessToken)).Status.ShouldBe(403);
    }

    [Fact]
    public async Task It_is_told_the_error_where_it_is_refused()
    {
        await using var bed = await TokenBed.Start();

        var wider = await bed.Client.RequestClientCredentialsTokenAsync(
            As<ClientCredentialsTokenRequest>(ClientCredentialStyle.PostBody, "/oauth/token", request => request.Scope = "ManageUser")
        );
        var wrong = await bed.Client.RequestRefreshTokenAsync(
            As<RefreshTokenRequest>(ClientCredentialStyle.PostBody, "/oauth/token", request => request.RefreshToken = "x")
        );
        var nobody = await bed.Client.RequestClientCredentialsTokenAsync(
            As<ClientCredentialsTokenRequest>(ClientCredentialStyle.AuthorizationHeader, "/oauth/token", request =>
                request.ClientSecret = "wrong"
            )
        );

        // what a 401 says is not read by it
        (wider.Error, wrong.Error, (int)nobody.HttpStatusCode).ShouldBe(("invalid_scope", "invalid_grant", 401));
    }

    private static T As<T>(ClientCredentialStyle style, string path, Action<T> more)
        where T : ProtocolRequest, new()
    {
        var request = new T
        {
            Address = path,
            ClientId = "app",
            ClientSecret = "app-key",
            ClientCredentialStyle = style,
        };
        more(request);
        return request;
    }
}
