using System.Text.Json;
using Broker.Configuration;

namespace Broker.UpstreamTokens;

/// <summary>Any OAuth2 API: client credentials, password, refresh token (RFC 6749).</summary>
internal sealed class OAuth2Source(TokenHttp http, OAuth2Request request) : ITokenSource
{
    private const int MostOfType = 16;

    /// <summary>The life of a token that states none, where the config says nothing.</summary>
    private static readonly TimeSpan DefaultLifetime = TimeSpan.FromMinutes(5);

    private readonly OAuth2AccountOptions account = request.Account;

    public bool CanLogin => account.Grant != OAuth2Grant.RefreshToken;

    public bool Rotates => account.Rotates;

    public string? FirstRefreshToken => CanLogin ? null : account.RefreshToken?.Reveal();

    public Task<TokenAnswer> Login(CancellationToken cancellation) =>
        Ask(
            account.Grant == OAuth2Grant.Password
                ? [new("grant_type", "password"), new("username", request.UserName), new("password", account.Password?.Reveal() ?? "")]
                : [new("grant_type", "client_credentials")],
            withScope: true,
            cancellation
        );

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
            return
                reply.Otherwise.Kind == TokenAnswerKind.Refused
                && reply.Body.Text("error")?.Trim().ToLowerInvariant() is "invalid_grant" or "invalid_client" or "unauthorized_client"
                ? TokenAnswer.Refused(reply.Otherwise.Reason!)
                : reply.Otherwise;
        }
        if (WrongType(reply.Body) is { } wrong)
        {
            return TokenAnswer.Unknown(wrong);
        }
        var life = Wire.Life(reply.Body, http.Time, request.AssumedLifetime, DefaultLifetime);
        return TokenAnswer.Token(reply.Body.Text("access_token"), reply.Body.Text("refresh_token"), life);
    }

    /// <summary>Says what the answer's <c>token_type</c> is where it is another than ours; null where it is ours or missing (RFC 6749 wants
    /// it, and not everybody writes it).</summary>
    private string? WrongType(JsonElement? body)
    {
        if (body.Member("token_type") is not { ValueKind: not JsonValueKind.Null } type)
        {
            return null;
        }
        var text = type.ValueKind == JsonValueKind.String ? type.GetString()! : null;
        if (text is not null && (string.IsNullOrWhiteSpace(text) || Wire.IsSameType(text, request.TokenType)))
        {
            return null;
        }
        // A few letters of the upstream's: digits and all that a token may hold besides stay out of the log.
        var said = string.Concat((text ?? $"{type.ValueKind}").Where(char.IsAsciiLetter).Take(MostOfType));
        return $"token_type-{said}-not-{request.TokenType}";
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

    /// <summary>The <c>token_type</c> of its tokens, in any spelling.</summary>
    public string TokenType { get; init; } = "Bearer";

    /// <summary>The life of a token that states none; null where the config says nothing.</summary>
    public required TimeSpan? AssumedLifetime { get; init; }
}
