using Broker.Configuration;
using Yarp.ReverseProxy.Configuration;

namespace Broker.Forwarding;

/// <summary>Transforms that would change what was decided on do not load (rights.md 12).</summary>
internal static class TransformRules
{
    private static readonly string[] HeaderKeys = ["RequestHeader", "RequestHeaderRouteValue", "RequestHeaderRemove"];
    private static readonly string[] QueryKeys = ["QueryValueParameter", "QueryRouteParameter", "QueryRemoveParameter"];

    public static void Check(RouteConfig route, Selectors selectors, IReadOnlyCollection<string> tokenHeaders, Mistakes mistakes)
    {
        var path = $"ReverseProxy:Routes:{route.RouteId}:Transforms";
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

    private static string? Problem(string key, string value, Selectors selectors, IReadOnlyCollection<string> tokenHeaders)
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

        if ((Is("RequestHeader") || Is("RequestHeaderRouteValue")) && HeaderRule.IsMethodOverride(value))
        {
            return "could change the method after the decision: give the other method a route of its own.";
        }

        if ((Is("QueryValueParameter") || Is("QueryRouteParameter")) && value.Equals("_method", StringComparison.OrdinalIgnoreCase))
        {
            return "could change the method after the decision: give the other method a route of its own.";
        }

        if (HeaderKeys.Any(Is))
        {
            return HeaderProblem(value, selectors, tokenHeaders);
        }

        return QueryKeys.Any(Is) && selectors.All.Any(selector => selector.Kind is Policies.SelectorKind.Query or Policies.SelectorKind.QueryList
            && selector.Name.Equals(Plain(value), StringComparison.OrdinalIgnoreCase))
            ? "changes a query value that the decision was about."
            : null;
    }

    private static string? HeaderProblem(string name, Selectors selectors, IReadOnlyCollection<string> tokenHeaders)
    {
        if (name.Equals("Authorization", StringComparison.OrdinalIgnoreCase) || tokenHeaders.Contains(name, StringComparer.OrdinalIgnoreCase))
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

    private static IEnumerable<string> HeadersOf(Selectors selectors) =>
        selectors.All.Where(selector => selector.Kind == Policies.SelectorKind.Header).Select(selector => selector.Name);

    private static string Plain(string name) => name.EndsWith("[]", StringComparison.Ordinal) ? name[..^2] : name;
}
