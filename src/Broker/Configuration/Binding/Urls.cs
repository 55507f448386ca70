namespace Broker.Configuration;

/// <summary>Judges addresses in the config.</summary>
internal static class Urls
{
    /// <summary>What the token service's metadata call the issuer; null without a public address.</summary>
    public static string? PublicIssuer(string? publicUrl) => publicUrl?.TrimEnd('/');

    public static void Check(string url, string path, bool allowInsecure, ConfigErrors mistakes)
    {
        if (!Uri.TryCreate(url, UriKind.Absolute, out var address) || address.Scheme is not ("https" or "http") || address.Host.Length == 0)
        {
            mistakes.Error(path, "an absolute address is needed: https://host/path");
        }
        else if (address.UserInfo.Length > 0)
        {
            mistakes.Error(path, "holds a user or password: secrets are named, never written");
        }
        else if (address.Scheme == "http" && !allowInsecure)
        {
            mistakes.Error(path, "is http: use https, or say \"AllowInsecure\": true beside it");
        }
    }
}
