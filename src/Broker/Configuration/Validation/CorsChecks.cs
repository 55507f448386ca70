namespace Broker.Configuration;

/// <summary>Judges a CORS policy.</summary>
internal static class CorsChecks
{
    public static void Check(CorsOptions cors, string path, ConfigErrors mistakes)
    {
        if (cors.Credentials && cors.Origins.Contains("*"))
        {
            mistakes.Error($"{path}:Origins", "\"*\" with Credentials would let every page act as its visitor: name the origins");
        }

        if (cors.Origins.Count == 0)
        {
            mistakes.Error($"{path}:Origins", "at least one");
        }

        if (cors.Headers.Count == 0)
        {
            mistakes.Warning(
                $"{path}:Headers",
                "is empty, so a browser keeps back every request of a page with X-Api-Key, Authorization or a JSON body: list the "
                    + "headers that it sends"
            );
        }

        for (var i = 0; i < cors.Origins.Count; i++)
        {
            if (cors.Origins[i] != "*" && !IsOrigin(cors.Origins[i]))
            {
                mistakes.Error(
                    $"{path}:Origins:{i}",
                    "an origin is scheme://host or scheme://host:port exactly as a browser sends it: lower case, no path, no default port"
                );
            }
        }
    }

    // A browser sends the serialized origin and nothing else; what differs from it would never match.
    private static bool IsOrigin(string origin) =>
        Uri.TryCreate(origin, UriKind.Absolute, out var uri)
        && uri.Scheme is "http" or "https"
        && uri.UserInfo.Length == 0
        && uri.GetComponents(UriComponents.SchemeAndServer, UriFormat.UriEscaped) == origin;
}
