using Broker.Tokens;
using Microsoft.AspNetCore.Http;

namespace Broker.Forwarding;

/// <summary>What may come back from an upstream (rights.md 14).</summary>
internal static class AnswerRule
{
    private static readonly string[] Addresses = ["Location", "Content-Location", "Link", "Refresh"];

    public static void Apply(HttpContext context, HttpResponseMessage answer, CompiledRoute route)
    {
        var headers = context.Response.Headers;
        DropForbidden(headers, route);
        if (!route.LetsUpstreamCache)
        {
            headers.CacheControl = "private, no-store";
        }

        if (context.Features.Get<Passage>()?.Token is { } token)
        {
            DropEchoes(headers, token);
        }

        if (headers.Location.Count > 0)
        {
            headers.Location = MapBack(headers.Location.ToString(), context, answer, route);
        }
    }

    /// <summary>
    /// Whether the status allows no content. The server writes what ends such an answer, so the upstream's own words about its length go.
    /// A 205 ends by a length of 0 (RFC 9112, 6.3).
    /// </summary>
    public static bool FrameEmpty(HttpResponse response)
    {
        if (response.StatusCode is not (StatusCodes.Status204NoContent or StatusCodes.Status205ResetContent or StatusCodes.Status304NotModified))
        {
            return false;
        }

        response.Headers.Remove("Transfer-Encoding");
        response.ContentLength = response.StatusCode == StatusCodes.Status205ResetContent ? 0 : null;
        return true;
    }

    // An address that repeats a token from the query would hand it to the caller: redirects to the same path with a slash do just that.
    private static void DropEchoes(IHeaderDictionary headers, UpstreamToken token)
    {
        foreach (var name in Addresses)
        {
            if (headers.TryGetValue(name, out var value) && token.IsIn(value.ToString()))
            {
                headers.Remove(name);
            }
        }
    }

    /// <summary>Cookies and challenges are the upstream's with us; CORS is ours with the caller.</summary>
    public static void DropForbidden(IHeaderDictionary headers, CompiledRoute route)
    {
        if (!route.LetsSetCookie)
        {
            headers.Remove("Set-Cookie");
        }

        headers.Remove("WWW-Authenticate");
        headers.Remove("Alt-Svc"); // it would lead the caller round the broker
        List<string>? drop = null;
        foreach (var (name, _) in headers)
        {
            if (name[0] is 'A' or 'a' or 'P' or 'p'
                && (name.StartsWith("Access-Control-", StringComparison.OrdinalIgnoreCase) || name.StartsWith("Proxy-", StringComparison.OrdinalIgnoreCase)))
            {
                (drop ??= []).Add(name);
            }
        }

        foreach (var name in drop ?? [])
        {
            headers.Remove(name);
        }
    }

    /// <summary>The address at the broker of a <c>Location</c> at the upstream; null where there is none; another host's is left alone.</summary>
    private static string? MapBack(string location, HttpContext context, HttpResponseMessage answer, CompiledRoute route)
    {
        var asked = answer.RequestMessage?.RequestUri;
        if (asked is null || !Uri.TryCreate(asked, location, out var target))
        {
            return null;
        }

        var origin = asked.GetLeftPart(UriPartial.Authority);
        if (!target.GetLeftPart(UriPartial.Authority).Equals(origin, StringComparison.OrdinalIgnoreCase))
        {
            return route.Origins.Any(known => target.Authority.Equals(new Uri(known).Authority, StringComparison.OrdinalIgnoreCase)) || target.Scheme is not ("http" or "https")
                ? null // another host of the upstream: no caller has business there
                : location;
        }

        // The route maps by prefix when our path ends as the upstream's does: /telemax/vehicles/42 and /vehicles/42.
        var ours = context.Request.Path.ToUriComponent();
        var theirs = asked.AbsolutePath;
        var common = CommonEnd(ours, theirs);
        var (ourPrefix, theirPrefix) = (ours[..^common], theirs[..^common]);
        return common > 1 && target.AbsolutePath.StartsWith($"{theirPrefix}/", StringComparison.Ordinal)
            ? $"{context.Request.PathBase.ToUriComponent()}{ourPrefix}{target.AbsolutePath[theirPrefix.Length..]}{target.Query}{target.Fragment}"
            : null;
    }

    private static int CommonEnd(string left, string right)
    {
        var length = 0;
        while (length < left.Length && length < right.Length && left[^(length + 1)] == right[^(length + 1)])
        {
            length++;
        }

        // Only whole segments count as common.
        var end = left[^length..];
        var slash = end.IndexOf('/', StringComparison.Ordinal);
        return slash < 0 ? 0 : length - slash;
    }
}
