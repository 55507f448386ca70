using Microsoft.AspNetCore.Http;

namespace Broker.Forwarding;

/// <summary>The caller's Host must be readable. It never crosses: <see cref="BrokerTransforms"/> sets the destination's name.</summary>
internal static class HostRule
{
    private static readonly Refusal Missing = Refusal.BadRequest("The request names no Host.");
    private static readonly Refusal Unreadable = Refusal.BadRequest("The request's Host cannot be read.");

    /// <summary>Why this Host cannot be served; null when it can. To be called before routing, which reads the Host.</summary>
    public static Refusal? Check(HttpRequest request)
    {
        var values = request.Headers.Host;
        if (values.Count == 0)
        {
            return request.Protocol == "HTTP/1.0" ? null : Missing; // HTTP/1.0 knows no Host
        }

        var host = values.ToString();
        if (string.IsNullOrWhiteSpace(host))
        {
            return Missing;
        }

        return values.Count == 1 && HasPossiblePort(host) && (!HasPunycode(host) || CanBeDecoded(request)) ? null : Unreadable;
    }

    // Kestrel has seen to it that a port is made of digits.
    private static bool HasPossiblePort(string host)
    {
        var colon = host.LastIndexOf(':');
        return colon < 0 || host.EndsWith(']') || ushort.TryParse(host.AsSpan(colon + 1), out _);
    }

    private static bool HasPunycode(string host) => host.Contains("xn--", StringComparison.OrdinalIgnoreCase);

    /// <summary>ASP.NET Core decodes punycode in a Host, and encodes it again for <c>X-Forwarded-Host</c>; both may throw.</summary>
    private static bool CanBeDecoded(HttpRequest request)
    {
        try
        {
            return request.Host.ToUriComponent().Length > 0;
        }
        catch (ArgumentException)
        {
            return false;
        }
    }
}
