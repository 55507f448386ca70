using Microsoft.AspNetCore.Http.Features;

namespace Broker.Commands;

/// <summary>The request that 'explain' judges, read as Kestrel would read it from the wire.</summary>
internal static class ExplainRequest
{
    /// <summary>The request, or null and what is wrong with it.</summary>
    public static DefaultHttpContext? Of(string method, string target, string[] headers, out string? mistake)
    {
        mistake = null;
        if (target.Contains("://", StringComparison.Ordinal) && !target.StartsWith('/'))
        {
            mistake = "give the path only, as in /devices/1?x=y: the broker's own address does not count.";
            return null;
        }

        var context = new DefaultHttpContext();
        var raw = target.StartsWith('/') ? target : $"/{target}";
        var question = raw.IndexOf('?', StringComparison.Ordinal);
        context.Features.Set<IHttpRequestLifetimeFeature>(new HttpRequestLifetimeFeature());
        context.Request.Method = method;
        context.Request.Scheme = "http";
        context.Request.Host = new("broker");
        context.Request.Path = WithoutDotSegments(PathString.FromUriComponent(question < 0 ? raw : raw[..question]).Value!);
        context.Request.QueryString = question < 0 ? default : new(raw[question..]);
        context.Features.GetRequiredFeature<IHttpRequestFeature>().RawTarget = raw;
        foreach (var header in headers)
        {
            var colon = header.IndexOf(':', StringComparison.Ordinal);
            if (colon < 1)
            {
                mistake = "a header is written as 'Name: value'.";
                return null;
            }

            context.Request.Headers.Append(header[..colon], header[(colon + 1)..].Trim());
        }

        return context;
    }

    /// <summary>RFC 3986, 5.2.4, on the decoded path: Kestrel does it before routing sees the path.</summary>
    private static string WithoutDotSegments(string path)
    {
        var segments = path.Split('/');
        var kept = new List<string>();
        for (var i = 1; i < segments.Length; i++)
        {
            if (segments[i] is not ("." or ".."))
            {
                kept.Add(segments[i]);
                continue;
            }

            if (segments[i] == ".." && kept.Count > 0)
            {
                kept.RemoveAt(kept.Count - 1);
            }

            if (i == segments.Length - 1)
            {
                kept.Add("");
            }
        }

        return "/" + string.Join('/', kept);
    }
}
