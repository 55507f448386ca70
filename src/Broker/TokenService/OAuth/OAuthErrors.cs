using System.Text.Json.Nodes;

namespace Broker.TokenService;

/// <summary>OAuth2's error bodies. (RFC 6749, 5.2)</summary>
internal static class OAuthErrors
{
    public static readonly EndpointResult NotNow = Make(
        "temporarily_unavailable",
        "This cannot be decided at the moment: send the request again.",
        503
    ) with
    {
        RetryAfter = TimeSpan.FromSeconds(1),
    };

    /// <summary>Who the client is could not be shown; it may show it by Basic.</summary>
    public static readonly EndpointResult InvalidClient = Make("invalid_client", "The client is not known by these credentials.", 401) with
    {
        Challenge = "Basic realm=\"broker\"",
    };

    public static readonly EndpointResult InvalidGrant = Make("invalid_grant", "The grant is not valid, or not valid any more.");

    public static EndpointResult Request(string description) => Make("invalid_request", description);

    public static EndpointResult Scope(string description) => Make("invalid_scope", description);

    public static EndpointResult Wait(TimeSpan wait) =>
        Make("temporarily_unavailable", "Too many failed logins: wait before the next one.", 429) with
        {
            RetryAfter = wait,
        };

    public static EndpointResult Make(string error, string description, int status = 400) =>
        new(status, new JsonObject { ["error"] = error, ["error_description"] = Printable(description) }, error.Replace('_', '-'));

    // RFC 6749, 5.2: visible ASCII and blanks, without '"' and '\'. What a caller wrote may stand in it.
    private static string Printable(string text) =>
        string.Concat(text.Select(letter => letter is < ' ' or > '~' or '"' or '\\' ? '?' : letter));
}
