using System.Text;
using Broker.Credentials;
using Broker.Operations;
using Microsoft.AspNetCore.Http;
using Microsoft.Net.Http.Headers;

namespace Broker.TokenService;

/// <summary>A request to an OAuth2 endpoint: a form, and the client that sends it.</summary>
internal sealed class OAuthRequest(IReadOnlyDictionary<string, string> form, Caller client)
{
    private static readonly UTF8Encoding StrictUtf8 = new(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: true);

    /// <summary>A caller of the config, by an API key of its or by its password.</summary>
    public Caller Client { get; } = client;

    /// <summary>The scope that is asked for, word for word; null where there is no word in it.</summary>
    public string? Scope => this["scope"] is { } scope && scope.Trim(' ').Length > 0 ? scope : null;

    /// <summary>A parameter without a value is one that is not there (RFC 6749, 3.2).</summary>
    public string? this[string name] => form.TryGetValue(name, out var value) && value.Length > 0 ? value : null;

    public static async Task<(OAuthRequest? Request, EndpointResult? Refusal)> Read(
        Issuance issuance,
        HttpContext context,
        EndpointLogEntry request
    )
    {
        if (
            !MediaTypeHeaderValue.TryParse(context.Request.ContentType, out var type)
            || !type.MatchesMediaType("application/x-www-form-urlencoded")
        )
        {
            return (null, OAuthErrors.Request("the body is application/x-www-form-urlencoded"));
        }

        if (await RequestBodyReader.Read(context.Request) is not { } bytes || Form(bytes) is not { } form)
        {
            return (null, OAuthErrors.Request("the body is too large, or holds a parameter twice"));
        }

        var (id, secret, unclear) = ClientOf(context.Request.Headers.Authorization, form);
        if (unclear)
        {
            return (null, OAuthErrors.Request("the client authenticates once: in the Authorization header or in the body"));
        }

        if (id is null || secret is null)
        {
            return (null, OAuthErrors.InvalidClient);
        }

        var (client, refusal) = await Authenticate(issuance, context, id, secret);
        request.Caller = client?.Identity;
        return (client is null ? null : new(form, client), refusal);
    }

    private static async Task<(Caller? Client, EndpointResult? Refusal)> Authenticate(
        Issuance issuance,
        HttpContext context,
        string id,
        string secret
    )
    {
        if (issuance.Credentials.ReadKey(secret) is { } byKey)
        {
            return byKey.Name == id ? (byKey, null) : (null, OAuthErrors.InvalidClient);
        }

        var login = await PasswordLogin.Check(issuance, context, id, secret);
        return login.Wait > TimeSpan.Zero ? (null, OAuthErrors.Wait(login.Wait))
            : !login.IsKnown ? (null, OAuthErrors.NotNow)
            : (login.Caller, login.Caller is null ? OAuthErrors.InvalidClient : null);
    }

    private static Dictionary<string, string>? Form(byte[] bytes)
    {
        var values = new Dictionary<string, string>(StringComparer.Ordinal);
        try
        {
            foreach (var pair in StrictUtf8.GetString(bytes).Split('&', StringSplitOptions.RemoveEmptyEntries))
            {
                var equals = pair.IndexOf('=', StringComparison.Ordinal);
                if (!values.TryAdd(Unescape(equals < 0 ? pair : pair[..equals]), equals < 0 ? "" : Unescape(pair[(equals + 1)..])))
                {
                    return null; // RFC 6749, 3.2: no parameter twice
                }
            }

            return values;
        }
        catch (DecoderFallbackException)
        {
            return null;
        }
    }

    // RFC 6749, 2.3.1: both parts are form-encoded before they are put together.
    private static (string? Id, string? Secret, bool IsUnclear) ClientOf(
        Microsoft.Extensions.Primitives.StringValues authorization,
        Dictionary<string, string> form
    )
    {
        var id = form.GetValueOrDefault("client_id");
        var secret = form.GetValueOrDefault("client_secret");
        if (authorization.Count == 0)
        {
            return (id, secret, false);
        }

        if (authorization.Count > 1 || secret is not null)
        {
            return (null, null, true);
        }

        if (
            authorization[0] is not { } header
            || !header.StartsWith("Basic ", StringComparison.OrdinalIgnoreCase)
            || Decode(header["Basic ".Length..]) is not { } login
            || login.IndexOf(':', StringComparison.Ordinal) is not (> 0 and var colon)
        )
        {
            return (null, null, false);
        }

        var name = Unescape(login[..colon]);
        return (name, Unescape(login[(colon + 1)..]), id is not null && id != name);
    }

    private static string? Decode(string text)
    {
        var bytes = new byte[text.Length];
        try
        {
            return Convert.TryFromBase64String(text, bytes, out var length) ? StrictUtf8.GetString(bytes, 0, length) : null;
        }
        catch (DecoderFallbackException)
        {
            return null;
        }
    }

    private static string Unescape(string text) => Uri.UnescapeDataString(text.Replace('+', ' '));
}
