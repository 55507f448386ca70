using System.Text.Json;
using Broker.Configuration;

namespace Broker.Tokens.Sources;

/// <summary>Any OAuth2 API: client credentials, password, refresh token (RFC 6749).</summary>
internal sealed class OAuth2Source(TokenHttp http, OAuth2Request request) : ITokenSource
{
    private readonly OAuth2AccountOptions account = request.Account;

    public bool CanLogin => account.Grant != OAuth2Grant.RefreshToken;

    public bool Rotates => account.Rotates;

    public string? FirstRefreshToken => CanLogin ? null : account.RefreshToken?.Reveal();

    public Task<TokenAnswer> Login(CancellationToken cancellation) => Ask(
        account.Grant == OAuth2Grant.Password
            ? [new("grant_type", "password"), new("username", request.UserName), new("password", account.Password?.Reveal() ?? "")]
            : [new("grant_type", "client_credentials")],
        withScope: true,
        cancellation);

    /// <summary>A refresh keeps the scope of its login (RFC 6749, 6); an account that never logged in has to say it.</summary>
    public Task<TokenAnswer> Refresh(TokenPair pair, CancellationToken cancellation) =>
        Ask([new("grant_type", "refresh_token"), new("refresh_token", pair.Refresh!)], withScope: !CanLogin, cancellation);

    private async Task<TokenAnswer> Ask(List<KeyValuePair<string, string>> fields, bool withScope, CancellationToken cancellation)
    {
        if (withScope && account.Scopes.Count > 0)
        {
            fields.Add(new("scope", string.Join(' ', account.Scopes)));
        }
        if (withScope && account.Audience is { } audience)
        {
            fields.Add(new("audience", audience));
        }
        fields.AddRange(request.Parameters);
        List<KeyValuePair<string, string>> headers = [.. request.Headers];
        if (account.ClientSecret is { } secret && account.ClientAuthentication == ClientAuthentication.Header)
        {
            // Both halves are form-encoded before Base64 (RFC 6749, 2.3.1).
            headers.Add(new("Authorization", Wire.Basic(request.ClientId, secret.Reveal()).ToString()));
        }
        else
        {
            fields.Add(new("client_id", request.ClientId));
            if (account.ClientSecret is { } inBody)
            {
                fields.Add(new("client_secret", inBody.Reveal()));
            }
        }
        return Read(await http.Post(request.Endpoint, Wire.FormBody(fields), Wire.Form, headers, cancellation));
    }

    private TokenAnswer Read(TokenReply reply)
    {
        if (!reply.IsSuccess)
        {
            // Servers disagree on the status of these three words, and some say them in a 200.
            return reply.Otherwise.Kind == AnswerKind.Refused
                && reply.Body.Text("error")?.Trim().ToLowerInvariant() is "invalid_grant" or "invalid_client" or "unauthorized_client"
                ? TokenAnswer.Refused(reply.Otherwise.Reason!)
                : reply.Otherwise;
        }
        var type = reply.Body.Member("token_type");
        if (type is { ValueKind: not JsonValueKind.Null } && !string.Equals(reply.Body.Text("token_type"), "Bearer", StringComparison.OrdinalIgnoreCase))
        {
            return TokenAnswer.Unknown("not-bearer");
        }
        return TokenAnswer.Token(
            reply.Body.Text("access_token"), reply.Body.Text("refresh_token"), Wire.Life(reply.Body, http.Time, request.AssumedLifetime));
    }
}

/// <summary>An OAuth2 account with its templates filled in.</summary>
internal sealed class OAuth2Request
{
    public required Uri Endpoint { get; init; }

    public required OAuth2AccountOptions Account { get; init; }

    public required string ClientId { get; init; }

    public required string UserName { get; init; }

    public required IReadOnlyList<KeyValuePair<string, string>> Parameters { get; init; }

    public required IReadOnlyList<KeyValuePair<string, string>> Headers { get; init; }

    public required TimeSpan AssumedLifetime { get; init; }
}
