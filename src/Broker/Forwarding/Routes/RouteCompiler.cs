using Broker.Configuration;
using Broker.Credentials;
using Broker.UpstreamTokens;
using Microsoft.AspNetCore.Http;
using Policies;
using Yarp.ReverseProxy.Configuration;

namespace Broker.Forwarding;

/// <summary>Compiles every route of a candidate, and tells each for which it is not clear what it demands (rights.md 1 to 6).</summary>
internal sealed class RouteCompiler : ISnapshotCompiler
{
    public void Compile(Snapshot candidate, ConfigErrors mistakes)
    {
        if (ProxySection.Read(candidate.ReverseProxy, candidate.Broker.Cors, mistakes) is not { } section)
        {
            return;
        }

        var clusters = new ClusterRules(candidate, section, mistakes);
        var routes = new List<RouteConfig>();
        var compiled = new Dictionary<string, CompiledRoute>(StringComparer.OrdinalIgnoreCase);
        var denied = section.Routes.Select(DeniedRoute.Of).OfType<DeniedRoute>().ToList();
        foreach (var route in section.Routes)
        {
            compiled[route.RouteId] = Compile(route, candidate, clusters, [.. denied.Where(other => other.IsBefore(route))], mistakes);

            // Without a mark of its reading YARP would keep the endpoint of an unchanged route, and with it the old policy.
            // The path transforms are done by the broker, on the raw path (see LeavingPath).
            var transforms = route.Transforms?.Where(transform => !LeavingPath.Keys.Any(transform.ContainsKey)).ToList();
            routes.Add(
                route with
                {
                    Transforms = transforms,
                    Metadata = new Dictionary<string, string>(route.Metadata ?? new Dictionary<string, string>())
                    {
                        ["x-broker-snapshot"] = $"{candidate.Version}",
                    },
                }
            );
        }

        AmbiguityRules.Check(section.Routes, mistakes);
        candidate.Add(
            new RouteTable(routes, clusters.WithIdleTimeout(), compiled)
            {
                Cors = candidate.Broker.Cors.ToDictionary(
                    pair => pair.Key,
                    pair => CorsPolicies.Build(pair.Value),
                    StringComparer.OrdinalIgnoreCase
                ),
            }
        );
    }

    /// <summary>YARP's own word for a route that is open to anyone.</summary>
    public static bool IsPublic(RouteConfig route) =>
        string.Equals(route.AuthorizationPolicy, "Anonymous", StringComparison.OrdinalIgnoreCase);

    private static CompiledRoute Compile(
        RouteConfig route,
        Snapshot candidate,
        ClusterRules clusters,
        IReadOnlyList<DeniedRoute> denied,
        ConfigErrors mistakes
    )
    {
        var metadata = new RouteMetadata(route.RouteId, route.Metadata, mistakes);
        metadata.CheckKeys();
        if (!metadata.IsThere && !IsPublic(route))
        {
            mistakes.Error($"ReverseProxy:Routes:{route.RouteId}:Metadata", RouteMetadata.Example);
        }

        CheckYarpPolicies(route, mistakes);
        if (route.Match.Methods is not { Count: > 0 } && metadata["Deny"] != "true")
        {
            mistakes.Warning(
                $"ReverseProxy:Routes:{route.RouteId}:Match:Methods",
                "is missing, so the route covers every method: write those that it is for, such as [ \"GET\" ]."
            );
        }

        var isPublic = IsPublic(route);
        var deniesAll = metadata["Deny"] == "true";
        var denials = metadata.Denials().ToList();
        var demands = new DemandRules(route, metadata, candidate.Actions, needsNone: isPublic || deniesAll || !metadata.IsThere);
        ReachWarnings.Check(metadata, demands, candidate);
        denials.ForEach(denial => demands.CheckRouteValues(route, "Deny", denial.Selector));
        var upstream = clusters.UpstreamOf(route);
        var names = new ForwardedNames(route, metadata, upstream, demands, [.. denials.Select(denial => denial.Selector)]);
        var path = new PathWord(metadata);
        var leaving = new LeavingPath(route);
        foreach (var (key, selector) in names.Decided)
        {
            path.Check(key, selector, leaving, names.Carried);
        }

        var accounts = new AccountRules(metadata, upstream, candidate, isPublic, demands.ReachesAccount);
        var tokenHeaders = upstream?.Accounts.Values.Select(account => account.TokenHeader).OfType<string>().ToList() ?? [];
        var selected = demands.Selectors.All.Concat(denials.Select(denial => denial.Selector)).ToList();
        TransformRules.Check(route, selected, tokenHeaders, path.IsRewritten, mistakes);
        MethodRules.Check(route, mistakes);
        var accepted = metadata.Credentials([.. candidate.Broker.Issuers.Keys]);
        var queried = selected.Where(one => one.Kind is SelectorKind.Query or SelectorKind.QueryList).Select(one => one.Name);
        var credentials = new CredentialRules(metadata, isPublic, accepted, [.. queried]);
        return new()
        {
            Id = route.RouteId,
            Snapshot = candidate,
            Match = route.Match,
            Credentials = candidate.Part<CredentialTable>(),
            IsPublic = isPublic,
            Accepts = accepted,
            FinishesAtExpiry = credentials.FinishesAtExpiry,
            TakesQueryCredential = credentials.TakesQueryCredential,
            Action = demands.Action,
            Selectors = demands.Selectors,
            DeniesAll = deniesAll,
            Denials =
            [
                .. denials.Select(denial => (Func<HttpContext, bool>)new Denial(denial.Selector, denial.Id).Hits),
                .. denied.Select(other => (Func<HttpContext, bool>)other.Hits),
            ],
            IsPathLoose = path.IsLoose,
            Path = leaving,
            Values = new(names.ReadValues, [.. leaving.PartialNames], names.Carried.InHeaders),
            Query = names.Query(),
            Body = BodyOf(metadata),
            Headers = names.Headers(tokenHeaders),
            CredentialHeaders =
                isPublic ? []
                : accepted.HasFlag(CredentialKinds.ApiKey) ? CredentialTable.HeaderNames
                : ["Authorization"],
            Upstream = upstream,
            OwnAccount = accounts.Own,
            SharedAccount = accounts.Shared,
            Origins = upstream is null ? [] : clusters.OriginsOf(upstream),
            Destinations = upstream is null ? [] : clusters.DestinationsOf(upstream),
            IdleTimeout = clusters.IdleTimeoutOf(route),
            On401IsResource = metadata.Word("On401", "token", "resource") == "resource",
            LetsUpstreamCache = metadata.Word("Cache", "None", "Upstream") == "Upstream",
            LetsSetCookie = metadata.Word("SetCookie", "Drop", "Allow") == "Allow",
        };
    }

    private static BodyRule BodyOf(RouteMetadata metadata)
    {
        var word = metadata.Word("Body", "", "json", "form", "any", "none");
        return word switch
        {
            "json" => BodyRule.Json,
            "form" => BodyRule.Form,
            "any" => BodyRule.Any,
            "none" => BodyRule.None,
            _ => BodyRule.ByMethod,
        };
    }

    /// <summary>YARP's policies that would answer in the broker's place, or decide in its stead.</summary>
    private static void CheckYarpPolicies(RouteConfig route, ConfigErrors mistakes)
    {
        var path = $"ReverseProxy:Routes:{route.RouteId}";
        if (route.AuthorizationPolicy is not null && !route.AuthorizationPolicy.Equals("Anonymous", StringComparison.OrdinalIgnoreCase))
        {
            mistakes.Error(
                $"{path}:AuthorizationPolicy",
                "may only be \"Anonymous\" (a public route); rights stand in the route's Metadata."
            );
        }

        if (route.RateLimiterPolicy is not null)
        {
            mistakes.Error(
                $"{path}:RateLimiterPolicy",
                "is not in this version of the broker; Broker:Limits bounds the requests of a caller."
            );
        }

        if (route.OutputCachePolicy is not null)
        {
            mistakes.Error(
                $"{path}:OutputCachePolicy",
                "is refused: a cache knows no caller, so it would give one caller's answer to another."
            );
        }

        if (route.TimeoutPolicy is not null)
        {
            mistakes.Error($"{path}:TimeoutPolicy", "names a policy, and this broker has none: write Timeout.");
        }
    }
}
