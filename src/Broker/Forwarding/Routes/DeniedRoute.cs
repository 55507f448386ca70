using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.AspNetCore.Routing.Patterns;
using Yarp.ReverseProxy.Configuration;

namespace Broker.Forwarding;

/// <summary>
/// A route that denies everything (<c>"Deny": "true"</c>), for the routes that would take its path in another spelling (rights.md 6).
/// </summary>
/// <remarks>
/// Routing knows one spelling of a literal segment. Where <c>/configuration/jwt.secret</c> is denied beside <c>/configuration/{name}</c>, a
/// request for <c>jwt.secret.json</c> is routed to the second, and the upstream may read it as the first.
/// </remarks>
internal sealed class DeniedRoute
{
    private readonly RouteConfig route;
    private readonly RoutePattern pattern;
    private readonly DeniedName?[] segments;
    private readonly int fewest;
    private readonly int most;

    private DeniedRoute(RouteConfig route, RoutePattern pattern)
    {
        (this.route, this.pattern) = (route, pattern);
        segments = [.. pattern.PathSegments.Select(segment => LiteralOf(segment) is { } literal ? new DeniedName(literal) : null)];
        most = pattern.Parameters.Any(parameter => parameter.IsCatchAll) ? int.MaxValue : segments.Length;
        fewest =
            segments.Length
            - pattern.Parameters.Count(parameter => parameter.IsCatchAll || parameter.IsOptional || parameter.Default is not null);
    }

    /// <summary>Null for a route that lets requests through, or denies only those of some host, header or query value.</summary>
    public static DeniedRoute? Of(RouteConfig route) =>
        route.Metadata?.GetValueOrDefault("Deny") == "true"
        && route.Match is { Hosts: null or [], Headers: null or [], QueryParameters: null or [] }
        && PatternOf(route) is { } pattern
            ? new(route, pattern)
            : null;

    /// <summary>Whether this other route is chosen after this one, and fits paths that an upstream may read as this one's.</summary>
    public bool IsBefore(RouteConfig other)
    {
        if (PatternOf(other) is not { } path || (route.Order ?? 0) > (other.Order ?? 0) || !MeetMethods(other))
        {
            return false;
        }

        foreach (var (mine, theirs) in pattern.PathSegments.Zip(path.PathSegments))
        {
            var (literal, second) = (LiteralOf(mine), LiteralOf(theirs));
            if (literal is not null && second is null)
            {
                return true;
            }

            if (!string.Equals(literal, second, StringComparison.OrdinalIgnoreCase))
            {
                return false; // it names another path, or names this one more exactly
            }
        }

        return false;
    }

    /// <summary>Whether the path may be read as one that the route denies.</summary>
    public bool Hits(HttpContext context)
    {
        if (route.Match.Methods is { Count: > 0 } methods && !methods.Contains(context.Request.Method, StringComparer.OrdinalIgnoreCase))
        {
            return false;
        }

        var path = PathRule.RawPath(context.Features.GetRequiredFeature<IHttpRequestFeature>().RawTarget);
        foreach (var range in path.AsSpan().Split('/'))
        {
            if (!Readings.IsPlain(path.AsSpan(range)))
            {
                return Readings.Any(path, reading => DeniedName.Resolved(reading) is not { } resolved || Meets(resolved));
            }
        }

        return Meets(path);
    }

    private bool Meets(ReadOnlySpan<char> path)
    {
        var count = 0;
        foreach (var range in path.Split('/'))
        {
            var segment = path[range];
            if (segment.IsEmpty)
            {
                continue;
            }

            if (count < segments.Length && segments[count] is { } denied && !denied.IsDenied(segment))
            {
                return false;
            }

            count++;
        }

        return count >= fewest && count <= most;
    }

    private bool MeetMethods(RouteConfig other) =>
        route.Match.Methods is not { Count: > 0 } mine
        || other.Match.Methods is not { Count: > 0 } theirs
        || mine.Intersect(theirs, StringComparer.OrdinalIgnoreCase).Any();

    private static RoutePattern? PatternOf(RouteConfig route) =>
        LeavingPath.TryParse(string.IsNullOrEmpty(route.Match.Path) ? "/{**catchall}" : route.Match.Path);

    private static string? LiteralOf(RoutePatternPathSegment segment) =>
        segment.Parts is [RoutePatternLiteralPart only] ? only.Content : null;
}
