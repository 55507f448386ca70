using System.Text;

namespace Simulators;

/// <summary>A client that is registered at the token endpoint, for one way to show its secret.</summary>
internal sealed record OAuth2Client(string Id, string Secret, bool InBody, bool HasTenant, IReadOnlyList<string> Grants)
{
    private static readonly OAuth2Client[] Registered =
    [
        new(
            OAuth2Simulator.BasicClientId,
            OAuth2Simulator.BasicClientSecret,
            false,
            false,
            ["client_credentials", "password", "refresh_token"]
        ),
        new(OAuth2Simulator.BodyClientId, OAuth2Simulator.BodyClientSecret, true, false, ["client_credentials"]),
        new(OAuth2Simulator.TenantClientId, OAuth2Simulator.TenantClientSecret, false, true, ["client_credentials"]),
    ];

    /// <summary>The client whose secret is right and stands where it must, and nowhere else.</summary>
    public static OAuth2Client? Authenticate(Call call)
    {
        var basic = ReadBasic(call.Header("Authorization"));
        (string Id, string Secret)? body = call.Field("client_secret") is { } secret ? (call.Field("client_id") ?? "", secret) : null;
        if (basic is null == body is null)
        {
            return null;
        }
        var (id, shown) = basic ?? body!.Value;
        return Registered.FirstOrDefault(client => client.Id == id && client.Secret == shown && client.InBody == body is not null);
    }

    public bool TenantIsShown(Call call) =>
        !HasTenant
        || (
            call.Field(OAuth2Simulator.TenantParameter) == OAuth2Simulator.Tenant
            && call.Header(OAuth2Simulator.TenantHeader) == OAuth2Simulator.Tenant
        );

    /// <summary>Id and secret are each form-encoded before they are joined: RFC 6749 2.3.1.</summary>
    private static (string Id, string Secret)? ReadBasic(string? header)
    {
        if (header is null || !header.StartsWith("Basic ", StringComparison.OrdinalIgnoreCase))
        {
            return null;
        }
        try
        {
            var parts = Encoding.UTF8.GetString(Convert.FromBase64String(header[6..].Trim())).Split(':', 2);
            return parts.Length == 2 ? (Decode(parts[0]), Decode(parts[1])) : ("", "");
        }
        catch (FormatException)
        {
            return ("", "");
        }
    }

    private static string Decode(string text) => Uri.UnescapeDataString(text.Replace('+', ' '));
}
