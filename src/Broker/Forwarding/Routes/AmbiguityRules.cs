using Broker.Configuration;
using Microsoft.AspNetCore.Routing.Patterns;
using Yarp.ReverseProxy.Configuration;

namespace Broker.Forwarding;

/// <summary>Two routes that routing could not choose between do not load: a request that fits both would fail.</summary>
/// <remarks>Routing compares Order, the path's precedence, and whether there are methods, hosts, headers and query values
/// (ASP.NET Core's EndpointComparer, YARP's comparers by count). What is equal in all of these must not fit the same request.</remarks>
internal static class AmbiguityRules
{
    public static void Check(IEnumerable<RouteConfig> routes, ConfigErrors mistakes)
    {
        foreach (
            var equals in routes
                .Select(route => (Route: route, Path: PatternOf(route)))
                .Where(entry => entry.Path is not null)
                .GroupBy(entry => Rank(entry.Route, entry.Path!))
        )
        {
            var before = new List<(RouteConfig Route, RoutePattern? Path)>();
            foreach (var entry in equals)
            {
                foreach (var other in before.Where(other => MayFitOneRequest(other, entry)))
                {
                    mistakes.Error(
                        $"ReverseProxy:Routes:{entry.Route.RouteId}:Match",
                        $"fits the same requests as the route '{other.Route.RouteId}', and nothing says which goes first: "
                            + "tell them apart by path or Methods, or give one an Order (the lower goes first)."
                    );
                }

                before.Add(entry);
            }
        }
    }

    private static RoutePattern? PatternOf(RouteConfig route)
    {
        try
        {
            return RoutePatternFactory.Parse(string.IsNullOrEmpty(route.Match.Path) ? "/{**catchall}" : route.Match.Path);
        }
        catch (RoutePatternException)
        {
            return null; // YARP's validator tells it
        }
    }

    private static object Rank(RouteConfig route, RoutePattern path) =>
        (
            route.Order ?? 0,
            path.InboundPrecedence,
            route.Match.Methods is { Count: > 0 },
            route.Match.Hosts is { Count: > 0 },
            route.Match.Headers?.Count ?? 0,
            route.Match.QueryParameters?.Count ?? 0
        );

    private static bool MayFitOneRequest((RouteConfig Route, RoutePattern? Path) one, (RouteConfig Route, RoutePattern? Path) other)
    {
        var (left, right) = (one.Route.Match, other.Route.Match);
        return Meet(left.Methods, right.Methods)
            && Meet(left.Hosts?.Select(Host), right.Hosts?.Select(Host))
            && !(left.Headers ?? []).Any(header => (right.Headers ?? []).Any(second => Exclude(header, second)))
            && !(left.QueryParameters ?? []).Any(value => (right.QueryParameters ?? []).Any(second => Exclude(value, second)))
            && Meet(one.Path!, other.Path!);
    }

    private static bool Meet(IEnumerable<string>? left, IEnumerable<string>? right) =>
        left is null || right is null || !left.Any() || !right.Any() || left.Intersect(right, StringComparer.OrdinalIgnoreCase).Any();

    // Routing goes by the most exact host, so only the same one is shared.
    private static string Host(string host) => host.EndsWith(":*", StringComparison.Ordinal) ? host[..^2] : host;

    private static bool Meet(RoutePattern left, RoutePattern right) =>
        left.PathSegments.Zip(right.PathSegments).All(pair => Meet(pair.First, pair.Second));

    // A constraint excludes nothing here: which texts two of them share is not known.
    private static bool Meet(RoutePatternPathSegment left, RoutePatternPathSegment right)
    {
        var (start, otherStart) = (Text(left.Parts[0]), Text(right.Parts[0]));
        var (end, otherEnd) = (Text(left.Parts[^1]), Text(right.Parts[^1]));
        return left.IsSimple && right.IsSimple
            ? start is null || otherStart is null || Same(start, otherStart)
            : (
                start is null
                || otherStart is null
                || start.StartsWith(otherStart, StringComparison.OrdinalIgnoreCase)
                || otherStart.StartsWith(start, StringComparison.OrdinalIgnoreCase)
            )
                && (
                    end is null
                    || otherEnd is null
                    || end.EndsWith(otherEnd, StringComparison.OrdinalIgnoreCase)
                    || otherEnd.EndsWith(end, StringComparison.OrdinalIgnoreCase)
                );
    }

    private static string? Text(RoutePatternPart part) =>
        part switch
        {
            RoutePatternLiteralPart literal => literal.Content,
            RoutePatternSeparatorPart separator => separator.Content,
            _ => null,
        };

    private static bool Exclude(RouteHeader left, RouteHeader right) =>
        Same(left.Name, right.Name)
        && (left.Mode, right.Mode) switch
        {
            (HeaderMatchMode.ExactHeader, HeaderMatchMode.ExactHeader) => !Meet(left.Values, right.Values),
            (HeaderMatchMode.NotExists, not HeaderMatchMode.NotExists and not HeaderMatchMode.NotContains) => true,
            (not HeaderMatchMode.NotExists and not HeaderMatchMode.NotContains, HeaderMatchMode.NotExists) => true,
            (HeaderMatchMode.Contains, HeaderMatchMode.NotContains) => AreEqual(left.Values, right.Values),
            (HeaderMatchMode.NotContains, HeaderMatchMode.Contains) => AreEqual(left.Values, right.Values),
            _ => false,
        };

    private static bool Exclude(RouteQueryParameter left, RouteQueryParameter right) =>
        Same(left.Name, right.Name)
        && (left.Mode, right.Mode) switch
        {
            (QueryParameterMatchMode.Exact, QueryParameterMatchMode.Exact) => !Meet(left.Values, right.Values),
            (QueryParameterMatchMode.Contains, QueryParameterMatchMode.NotContains) => AreEqual(left.Values, right.Values),
            (QueryParameterMatchMode.NotContains, QueryParameterMatchMode.Contains) => AreEqual(left.Values, right.Values),
            _ => false,
        };

    private static bool AreEqual(IReadOnlyList<string>? left, IReadOnlyList<string>? right) =>
        (left ?? []).SequenceEqual(right ?? [], StringComparer.Ordinal);

    private static bool Same(string left, string right) => left.Equals(right, StringComparison.OrdinalIgnoreCase);
}
