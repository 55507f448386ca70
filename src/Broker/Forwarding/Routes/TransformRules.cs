using Broker.Configuration;
using Policies;
using Yarp.ReverseProxy.Configuration;

namespace Broker.Forwarding;

/// <summary>Transforms that would change what was decided on do not load (rights.md 12).</summary>
internal static class TransformRules
{
    private static readonly string[] HeaderKeys = ["RequestHeader", "RequestHeaderRouteValue", "RequestHeaderRemove", "ClientCert"];
    private static readonly string[] QueryKeys = ["QueryValueParameter", "QueryRouteParameter", "QueryRemoveParameter"];

    public static void Check(
        RouteConfig route,
        IReadOnlyList<Selector> selectors,
        IReadOnlyCollection<string> tokenHeaders,
        bool isPathRewritten,
        ConfigErrors mistakes
    )
    {
        var path = $"ReverseProxy:Routes:{route.RouteId}:Transforms";
        CheckNames(route, isPathRewritten, path, mistakes);
        foreach (var (index, transform) in (route.Transforms ?? []).Index())
        {
            foreach (var (key, value) in transform)
            {
                if (Problem(key, value, selectors, tokenHeaders) is { } problem)
                {
                    mistakes.Error($"{path}:{index}:{key}", problem);
                }
            }
        }
    }

    /// <summary>A value that the route's Path does not have never leaves: YARP would leave its place empty, without a word.</summary>
    private static void CheckNames(RouteConfig route, bool isPathRewritten, string path, ConfigErrors mistakes)
    {
        if (LeavingPath.TryParse(string.IsNullOrEmpty(route.Match.Path) ? "/{**catchall}" : route.Match.Path) is not { } match)
        {
            return;
        }

        foreach (var (index, transform) in (route.Transforms ?? []).Index())
        {
            if (transform.TryGetValue("PathPattern", out var text) && !isPathRewritten && LeavingPath.TryParse(text) is { } pattern)
            {
                foreach (
                    var unknown in pattern.Parameters.Where(parameter =>
                        parameter.Default is null && match.GetParameter(parameter.Name) is null
                    )
                )
                {
                    mistakes.Error($"{path}:{index}:PathPattern", Unknown($"{{{unknown.Name}}}", match));
                }
            }

            var isRead = transform.ContainsKey("QueryRouteParameter") || transform.ContainsKey("RequestHeaderRouteValue");
            if (
                isRead
                && (transform.TryGetValue("Set", out var name) || transform.TryGetValue("Append", out name))
                && match.GetParameter(name) is null
            )
            {
                mistakes.Error($"{path}:{index}:{(transform.ContainsKey("Set") ? "Set" : "Append")}", Unknown($"'{name}'", match));
            }
        }
    }

    private static string Unknown(string name, Microsoft.AspNetCore.Routing.Patterns.RoutePattern match) =>
        match.Parameters.Count == 0
            ? $"names {name}, and the route's Path has no values: nothing would leave in its place. Write the value into the Path, "
                + $"such as /x/{{id}}."
            : $"names {name}, and the route's Path has no value of that name: nothing would leave in its place. "
                + $"Write one that the Path has: {string.Join(", ", match.Parameters.Select(parameter => parameter.Name))}.";

    private static string? Problem(string key, string value, IReadOnlyList<Selector> selectors, IReadOnlyCollection<string> tokenHeaders)
    {
        bool Is(string name) => key.Equals(name, StringComparison.OrdinalIgnoreCase);

        if (Is("HttpMethodChange"))
        {
            return "changes the method after the decision: give the other method a route of its own.";
        }

        if (Is("RequestHeaderOriginalHost") && !value.Equals("false", StringComparison.OrdinalIgnoreCase))
        {
            return "sends the caller's Host to the upstream, which may route by it: leave it out, or set Host at the destination.";
        }

        if (Is("RequestHeadersAllowed") || Is("RequestHeadersCopy"))
        {
            var crossing = Is("RequestHeadersAllowed") ? value.Split(';', StringSplitOptions.TrimEntries) : [];
            var isCopied = Is("RequestHeadersCopy") && value.Equals("true", StringComparison.OrdinalIgnoreCase);
            return isCopied || HeadersOf(selectors).All(name => crossing.Contains(name, StringComparer.OrdinalIgnoreCase))
                ? null // fewer headers cross; that widens nothing
                : "keeps back a header that the decision was about: the upstream would read that no id was named.";
        }

        if ((Is("RequestHeader") || Is("RequestHeaderRouteValue")) && RequestHeaderKinds.IsMethodOverride(value))
        {
            return "could change the method after the decision: give the other method a route of its own.";
        }

        if ((Is("QueryValueParameter") || Is("QueryRouteParameter")) && value.Equals("_method", StringComparison.OrdinalIgnoreCase))
        {
            return "could change the method after the decision: give the other method a route of its own.";
        }

        if (Is("X-Forwarded") || Is("HeaderPrefix"))
        {
            return HeadersOf(selectors).Any(name => Is("HeaderPrefix") && name.StartsWith(value, StringComparison.OrdinalIgnoreCase))
                ? "could change a header that the decision was about."
                : null;
        }

        if (HeaderKeys.Any(Is))
        {
            return HeaderProblem(value, selectors, tokenHeaders);
        }

        return
            QueryKeys.Any(Is)
            && selectors.Any(selector =>
                selector.Kind is SelectorKind.Query or SelectorKind.QueryList && Selectors.IsSpelling(value.Trim(), selector.Name)
            )
            ? "changes a query value that the decision was about."
            : null;
    }

    private static string? HeaderProblem(string name, IReadOnlyList<Selector> selectors, IReadOnlyCollection<string> tokenHeaders)
    {
        if (
            name.Equals("Authorization", StringComparison.OrdinalIgnoreCase)
            || tokenHeaders.Contains(name, StringComparer.OrdinalIgnoreCase)
        )
        {
            return "is where the upstream's token stands, and nothing else: name the account instead.";
        }

        if (name.Equals("Host", StringComparison.OrdinalIgnoreCase))
        {
            return "changes Host after the decision: set Host at the destination.";
        }

        return HeadersOf(selectors).Contains(name, StringComparer.OrdinalIgnoreCase)
            ? "changes a header that the decision was about."
            : null;
    }

    private static IEnumerable<string> HeadersOf(IReadOnlyList<Selector> selectors) =>
        selectors.Where(selector => selector.Kind == SelectorKind.Header).Select(selector => selector.Name);
}
