using System.Text.Json.Nodes;
using Broker.Configuration;
using Broker.Credentials;
using Broker.Operations;
using Microsoft.AspNetCore.Http;

namespace Broker.TokenService;

/// <summary>OAuth2's endpoints beside the token endpoint: introspection (RFC 7662), and what tells of them all (RFC 8414).</summary>
internal sealed class OAuthEndpoints(Issuance issuance)
{
    private const string WellKnown = "/.well-known/";

    public static IEnumerable<TokenServiceEndpoint> All(Issuance issuance)
    {
        var (prefix, rest, revocation) = (issuance.Options.OAuthPrefix, new OAuthEndpoints(issuance), new OAuthRevocation(issuance));
        yield return new("POST", prefix + "/token", new OAuthTokens(issuance).Token) { Root = prefix + "/token", Refuse = Refused };
        yield return new("POST", prefix + "/introspect", rest.Introspect) { Root = prefix + "/introspect", Refuse = Refused };
        yield return new("POST", prefix + "/revoke", revocation.Revoke) { Root = prefix + "/revoke", Refuse = Refused };
        yield return new("POST", prefix + "/revoke-all", revocation.RevokeAll) { Root = prefix + "/revoke-all", Refuse = Refused };
        yield return new("GET", WellKnown + "jwks.json", rest.Keys)
        {
            Root = WellKnown + "jwks.json",
            Refuse = Refused,
            AnswersAtOnce = true,
        };
        foreach (var path in MetadataPaths(issuance.Options.PublicUrl))
        {
            yield return new("GET", path, rest.Metadata)
            {
                Root = path,
                Refuse = Refused,
                AnswersAtOnce = true,
            };
        }
    }

    private async Task<EndpointResult> Introspect(HttpContext context, EndpointLogEntry own)
    {
        var (request, refusal) = await OAuthRequest.Read(issuance, context, own);
        if (request is null)
        {
            return refusal!;
        }

        if (request["token"] is not { } text)
        {
            return OAuthErrors.Request("token is missing");
        }

        var token = issuance.Credentials.Tokens!.Read(text);
        var standing =
            token is null || !OAuthRevocation.Concerns(token, request.Client) ? RevocationStatus.Revoked : await issuance.StandingOf(token);
        return standing switch
        {
            RevocationStatus.Good => new(200, Told(token!), "active"),
            // why not is nobody's business (RFC 7662, 2.2)
            RevocationStatus.Revoked => new(200, new JsonObject { ["active"] = false }, "not-active"),
            _ => OAuthErrors.NotNow,
        };
    }

    private Task<EndpointResult> Keys(HttpContext context, EndpointLogEntry own) =>
        Task.FromResult(
            new EndpointResult(
                200,
                new JsonObject
                {
                    ["keys"] = new JsonArray([
                        .. issuance.Keys.All.Select(key => (JsonNode?)key.PublicJwk()).Where(key => key is not null),
                    ]),
                },
                "public"
            )
            {
                IsPublic = true,
            }
        );

    private Task<EndpointResult> Metadata(HttpContext context, EndpointLogEntry own)
    {
        var url = Urls.PublicIssuer(issuance.Options.PublicUrl)!;
        var oauth = url + issuance.Options.OAuthPrefix;
        var grants = new JsonArray("client_credentials", "refresh_token", OAuthTokens.Exchange);
        if (issuance.Options.PasswordGrant)
        {
            grants.Add("password");
        }

        return Task.FromResult(
            new EndpointResult(
                200,
                new JsonObject
                {
                    ["issuer"] = url,
                    ["token_endpoint"] = oauth + "/token",
                    ["introspection_endpoint"] = oauth + "/introspect",
                    ["revocation_endpoint"] = oauth + "/revoke",
                    ["jwks_uri"] = url + WellKnown + "jwks.json",
                    ["grant_types_supported"] = grants,
                    // Required, and never empty (RFC 8414, 2 and 3.2). 'none' is the registered word for an answer with neither code nor
                    // token.
                    ["response_types_supported"] = new JsonArray("none"),
                    ["scopes_supported"] = new JsonArray([.. issuance.Actions.All.Select(name => (JsonNode)name)]),
                    ["token_endpoint_auth_methods_supported"] = AuthMethods(),
                    ["introspection_endpoint_auth_methods_supported"] = AuthMethods(),
                    ["revocation_endpoint_auth_methods_supported"] = AuthMethods(),
                },
                "public"
            )
            {
                IsPublic = true,
            }
        );
    }

    // Where the public address has a path, clients look for the metadata before that path (RFC 8414, 3.1). They stand at the plain place
    // too.
    private static IEnumerable<string> MetadataPaths(string? publicUrl)
    {
        const string plain = WellKnown + "oauth-authorization-server";
        return publicUrl is null ? []
            : Uri.TryCreate(publicUrl, UriKind.Absolute, out var url) && url.AbsolutePath.TrimEnd('/') is { Length: > 0 } path
                ? [plain, plain + path]
            : [plain];
    }

    private JsonObject Told(TokenClaims token)
    {
        return new()
        {
            ["active"] = true,
            ["scope"] = Scope.Write(issuance.Credentials.Tokens!.Present(token)!.Permissions),
            ["username"] = token.Subject[(token.Subject.IndexOf(':', StringComparison.Ordinal) + 1)..],
            ["token_type"] = token.Use == TokenUse.Access ? "Bearer" : "refresh_token",
            ["exp"] = token.End.ToUnixTimeSeconds(),
            ["iat"] = token.IssuedAt.ToUnixTimeSeconds(),
            ["sub"] = token.Subject,
            ["aud"] = issuance.Keys.Audience,
            ["iss"] = issuance.Keys.Issuer,
            ["jti"] = token.Id,
            ["client_id"] = token.ClientId,
        };
    }

    private static EndpointResult Refused(int status, string message, string decision)
    {
        var error =
            status is 429 or 503 ? "temporarily_unavailable"
            : status >= 500 ? "server_error"
            : "invalid_request";
        return OAuthErrors.Make(error, message, status) with { Decision = decision };
    }

    private static JsonArray AuthMethods() => new("client_secret_basic", "client_secret_post");
}
