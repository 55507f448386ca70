using Broker.Configuration;
using Broker.UpstreamTokens;
using Policies;
using Yarp.ReverseProxy.Configuration;

namespace Broker.Forwarding;

/// <summary>
/// The names that a route speaks of, in the query and in headers: what is decided on must cross, and nothing else may be taken for it.
/// </summary>
internal sealed class ForwardedNames
{
    private readonly RouteConfig route;
    private readonly RouteMetadata metadata;
    private readonly Upstream? upstream;
    private readonly IReadOnlyList<Selector> demanded;
    private readonly IReadOnlyList<Selector> denied;
    private readonly IReadOnlyList<string> listed;

    public ForwardedNames(
        RouteConfig route,
        RouteMetadata metadata,
        Upstream? upstream,
        DemandRules demands,
        IReadOnlyList<Selector> denied
    )
    {
        (this.route, this.metadata, this.upstream, this.denied) = (route, metadata, upstream, denied);
        demanded = [.. demands.Selectors.All];
        listed = metadata.List("Query");
        Decided =
        [
            ("Device", demands.Device),
            ("Network", demands.Network),
            ("DeviceType", demands.DeviceType),
            .. denied.Select(selector => ("Deny", (Selector?)selector)),
        ];
        var matched = (route.Match.QueryParameters ?? []).Select(parameter => parameter.Name);
        Carried = new(route, name =>
            listed is ["*"] || QueryNames.Concat(listed).Concat(matched).Contains(name, StringComparer.OrdinalIgnoreCase)
        );
    }

    /// <summary>Every selector, with the key at which it stands.</summary>
    public IReadOnlyList<(string Key, Selector? Selector)> Decided { get; }

    /// <summary>The values of the Path that leave in the query or in headers.</summary>
    public CarriedValues Carried { get; }

    /// <summary>The values of the Path that are decided on, or that a transform reads.</summary>
    public IReadOnlyCollection<string> ReadValues =>
        [.. Decided.Where(entry => entry.Selector?.Kind == SelectorKind.Route).Select(entry => entry.Selector!.Name).Concat(Carried.Read)];

    private IEnumerable<string> QueryNames =>
        Decided.Where(entry => entry.Selector?.Kind is SelectorKind.Query or SelectorKind.QueryList).Select(entry => entry.Selector!.Name);

    public QueryRule Query()
    {
        var matched = route.Match.QueryParameters ?? [];
        var selected = QueryNames.Concat(Carried.QueryNames).ToList();
        var tokens = upstream?.Accounts.Values.Select(account => account.TokenQuery).OfType<string>().ToList() ?? [];
        foreach (var (key, selector) in Decided.Where(entry => entry.Selector?.Kind is SelectorKind.Query or SelectorKind.QueryList))
        {
            if (tokens.Contains(selector!.Name, StringComparer.OrdinalIgnoreCase))
            {
                metadata.Error(
                    key,
                    $"selects {selector}, where the upstream's token stands: what is read there is not what leaves. Choose another name."
                );
            }
        }

        foreach (var name in listed.Concat(matched.Select(parameter => parameter.Name)).Distinct())
        {
            var says = listed.Contains(name) ? "lists" : "must let cross the name that Match:QueryParameters has,";
            if (tokens.Contains(name, StringComparer.OrdinalIgnoreCase))
            {
                metadata.Error("Query", $"{says} '{name}', where the upstream's token stands: take it off the list.");
            }

            if (!selected.Contains(name) && selected.Exists(id => Selectors.IsSpelling(name, id)))
            {
                metadata.Error("Query", $"{says} '{name}', which an upstream may take for the selected id of nearly the same name.");
            }
        }

        if (listed is ["*"])
        {
            metadata.Warning(
                "Query",
                "lets every query name cross: the upstream may read an id there that nobody looked at. List the names instead."
            );
        }

        return new(
            [.. listed, .. QueryNames, .. matched.Select(parameter => parameter.Name)],
            any: listed is ["*"],
            [.. matched.Where(parameter => parameter.Mode != QueryParameterMatchMode.Exists).Select(parameter => parameter.Name).Distinct()]
        );
    }

    public HeaderRule Headers(IReadOnlyCollection<string> tokenHeaders)
    {
        var idHeaders = upstream?.IdHeaders ?? [];
        var selected = HeadersOf(demanded);
        var allowed = metadata.Says("Headers") ? metadata.List("Headers") : upstream?.Options.Headers;
        var matched = route.Match.Headers ?? [];
        var decisive = matched
            .Where(header => header.Mode is not (HeaderMatchMode.Exists or HeaderMatchMode.NotExists))
            .Select(header => header.Name);
        var rule = new HeaderRule(idHeaders, selected, tokenHeaders, matched.Select(header => header.Name), decisive, allowed);
        foreach (var name in (allowed ?? []).Where(name => !rule.Crosses(name)))
        {
            metadata.Error(
                "Headers",
                $"lists '{Scalars.Short(name)}', here or at the upstream, and that never crosses (docs/security.md says why): take "
                    + "it off the list."
            );
        }

        CheckSelected(rule, idHeaders);
        return rule;
    }

    private void CheckSelected(HeaderRule rule, IReadOnlyList<string> idHeaders)
    {
        foreach (var (key, selector) in Decided)
        {
            if (selector is not { Kind: SelectorKind.Header } || rule.Crosses(selector.Name))
            {
                continue;
            }

            metadata.Error(
                key,
                denied.Contains(selector) && idHeaders.Contains(selector.Name, StringComparer.OrdinalIgnoreCase)
                        ? $"reads the header {selector.Name}, which carries ids for {upstream!.Name} and does not cross here: select "
                            + $"it (\"Device\": \"header:{selector.Name}\"), or drop the denial."
                    : RequestHeaderKinds.Of(selector.Name) is RequestHeaderKind.Listed or RequestHeaderKind.Plain
                        ? $"selects {selector}, which crosses only where \"Headers\" lists it: list it, or select another header."
                    : $"selects {selector}, which never crosses to the upstream (docs/security.md says why): select what the "
                        + "upstream reads."
            );
        }
    }

    private static List<string> HeadersOf(IEnumerable<Selector> selectors) =>
        [.. selectors.Where(selector => selector.Kind == SelectorKind.Header).Select(selector => selector.Name)];
}
