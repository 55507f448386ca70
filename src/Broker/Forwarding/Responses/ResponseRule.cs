using Broker.UpstreamTokens;
using Microsoft.AspNetCore.Http;

namespace Broker.Forwarding;

/// <summary>What may come back from an upstream (rights.md 14).</summary>
internal static class ResponseRule
{
    public static void Apply(HttpContext context, HttpResponseMessage answer, CompiledRoute route, ILogger log)
    {
        var headers = context.Response.Headers;
        var addresses = DropForbidden(headers, route);
        DropNamedByConnection(headers, answer);
        if (!route.LetsUpstreamCache)
        {
            headers.CacheControl = "private, no-store";
        }
        else if (route.CredentialHeaders.Count > 0)
        {
            VaryByCredential(headers, route);
        }

        if (addresses is not null)
        {
            MapBack(addresses, context, new(context, answer, route), context.Features.Get<BrokeredRequest>()?.Token, route, log);
        }
    }

    /// <summary>
    /// Whether the status allows no content. The server writes what ends such an answer, so the upstream's own words about its length go.
    /// A 205 ends by a length of 0 (RFC 9112, 6.3).
    /// </summary>
    public static bool FrameEmpty(HttpResponse response)
    {
        if (
            response.StatusCode
            is not (StatusCodes.Status204NoContent or StatusCodes.Status205ResetContent or StatusCodes.Status304NotModified)
        )
        {
            return false;
        }

        response.Headers.Remove("Transfer-Encoding");
        response.ContentLength = response.StatusCode == StatusCodes.Status205ResetContent ? 0 : null;
        return true;
    }

    /// <summary>
    /// Takes off what is between the upstream and the broker, or for whoever stands before the broker; CORS is the broker's own.
    /// </summary>
    /// <returns>The headers that hold addresses; null for none.</returns>
    public static List<(string Name, ResponseHeaderKind Kind)>? DropForbidden(IHeaderDictionary headers, CompiledRoute route)
    {
        List<(string Name, ResponseHeaderKind Kind)>? special = null;
        foreach (var (name, _) in headers)
        {
            var kind = ResponseHeaderKinds.Of(name);
            if (kind != ResponseHeaderKind.Plain && !(kind == ResponseHeaderKind.Cookie && route.LetsSetCookie))
            {
                (special ??= []).Add((name, kind));
            }
        }

        foreach (var (name, kind) in special ?? [])
        {
            if (kind is ResponseHeaderKind.Drop or ResponseHeaderKind.Cookie)
            {
                headers.Remove(name);
            }
        }

        special?.RemoveAll(header => header.Kind is ResponseHeaderKind.Drop or ResponseHeaderKind.Cookie);
        return special is { Count: > 0 } ? special : null;
    }

    // Hop-by-hop headers end here (RFC 9110, 7.6.1); YARP takes Connection itself off, not what it names.
    private static void DropNamedByConnection(IHeaderDictionary headers, HttpResponseMessage answer)
    {
        if (!answer.Headers.NonValidated.TryGetValues("Connection", out var values))
        {
            return;
        }

        foreach (var value in values)
        {
            foreach (var name in value.Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries))
            {
                if (!name.StartsWith("Content-", StringComparison.OrdinalIgnoreCase))
                {
                    headers.Remove(name);
                }
            }
        }
    }

    // Kept without it, the answer to one credential would be given to another.
    private static void VaryByCredential(IHeaderDictionary headers, CompiledRoute route)
    {
        var names = headers.Vary.ToString();
        if (names.Contains('*', StringComparison.Ordinal))
        {
            return;
        }

        var known = names.Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries);
        headers.Vary = string.Join(", ", known.Concat(route.CredentialHeaders.Except(known, StringComparer.OrdinalIgnoreCase)));
    }

    private static void MapBack(
        List<(string Name, ResponseHeaderKind Kind)> found,
        HttpContext context,
        ResponseAddress addresses,
        UpstreamToken? token,
        CompiledRoute route,
        ILogger log
    )
    {
        var headers = context.Response.Headers;
        foreach (var (name, kind) in found)
        {
            var value = headers[name];
            var text = value.ToString();

            // An address that repeats a token from the query would hand it to the caller: redirects to the same path with a slash do just
            // that.
            var mapped =
                token?.IsIn(text) == true
                    ? null
                    : kind switch
                    {
                        ResponseHeaderKind.Link => addresses.MapLinks(text),
                        ResponseHeaderKind.Refresh => addresses.MapRefresh(text),
                        _ => value.Count == 1 ? addresses.Map(text) : null,
                    };
            if (mapped is null)
            {
                headers.Remove(name);
                TransformLog.AddressDropped(
                    log,
                    name,
                    route.Id,
                    token?.IsIn(text) == true ? "it repeats the upstream's token"
                        : value.Count > 1 ? "it stands twice"
                        : addresses.Reason
                );
            }
            else
            {
                headers[name] = mapped;
            }
        }
    }
}
