using System.Text.Json.Nodes;

namespace Broker.TokenService;

/// <summary>DeviceHive's error bodies. (ErrorResponse)</summary>
internal static class DeviceHiveErrors
{
    public static readonly EndpointResult Unauthorized = Make(401, "Unauthorized", "credential-invalid");
    public static readonly EndpointResult Expired = Make(401, "Token expired", "token-expired");
    public static readonly EndpointResult Denied = Make(403, "Access is denied", "denied");
    public static readonly EndpointResult Malformed = Make(400, "Malformed Json received.", "bad-request");
    public static readonly EndpointResult WrongKind = Make(400, "Invalid request parameters", "bad-request");
    public static readonly EndpointResult WrongMediaType = Make(415, "HTTP 415 Unsupported Media Type", "bad-request");
    public static readonly EndpointResult TooLarge = Make(413, "HTTP 413 Request Entity Too Large", "body-too-large");
    public static readonly EndpointResult UserInactive = Make(403, "User is locked or disabled", "denied");

    /// <summary>As the vendor answers a signature that it does not know: without a word.</summary>
    public static readonly EndpointResult Silent = new(401, null, "credential-invalid");

    public static readonly EndpointResult NotNow = Make(
        503,
        "This cannot be decided at the moment: send the request again.",
        "not-now"
    ) with
    {
        RetryAfter = TimeSpan.FromSeconds(1),
    };

    public static EndpointResult Make(int status, string message, string decision) =>
        new(status, new JsonObject { ["error"] = status, ["message"] = message }, decision);
}
