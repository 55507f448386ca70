using Broker.Configuration;
using Broker.UpstreamTokens;
using Yarp.ReverseProxy.Configuration;
using Yarp.ReverseProxy.Forwarder;

namespace Broker.Forwarding;

/// <summary>
/// What a cluster must be so that a token may go there: it belongs to an upstream, and its addresses are https or said to be not.
/// </summary>
internal sealed class ClusterRules
{
    private readonly Snapshot candidate;
    private readonly IReadOnlyDictionary<string, Upstream> upstreams;
    private readonly Dictionary<string, ClusterConfig> clusters;
    private readonly HashSet<string> needToken;
    private readonly ConfigErrors mistakes;

    public ClusterRules(Snapshot candidate, ProxySection section, ConfigErrors mistakes)
    {
        this.candidate = candidate;
        this.mistakes = mistakes;
        upstreams = candidate.Part<UpstreamTable>().ByName;
        needToken = section
            .Routes.Where(route => !RouteCompiler.IsPublic(route))
            .Select(route => route.ClusterId)
            .OfType<string>()
            .ToHashSet(StringComparer.OrdinalIgnoreCase);
        clusters = section.Clusters.ToDictionary(cluster => cluster.ClusterId, StringComparer.OrdinalIgnoreCase);
        foreach (var cluster in section.Clusters)
        {
            Check(cluster);
        }
    }

    /// <summary>The upstream behind a route; a public route may have none.</summary>
    public Upstream? UpstreamOf(RouteConfig route) =>
        route.ClusterId is not null && clusters.TryGetValue(route.ClusterId, out var cluster) ? Find(cluster) : null;

    /// <summary>Scheme, host and port of all destinations of the upstream's clusters, each with a '/' behind it.</summary>
    public IReadOnlyList<string> OriginsOf(Upstream upstream) =>
        [
            .. clusters
                .Values.Where(cluster => Find(cluster) == upstream)
                .SelectMany(AddressesOf)
                .Select(OriginOf)
                .OfType<string>()
                .Distinct(StringComparer.OrdinalIgnoreCase),
        ];

    /// <summary>What a request with the upstream's token may name as its goal.</summary>
    public Origin[] DestinationsOf(Upstream upstream) =>
        [
            .. clusters
                .Values.Where(cluster => Find(cluster) == upstream)
                .SelectMany(cluster => cluster.Destinations?.Values ?? [])
                .Where(destination => OriginOf(destination.Address) is not null)
                .Select(destination => new Origin(new(destination.Address), destination.Host)),
        ];

    /// <summary>What bounds the standstill of a route's requests.</summary>
    public TimeSpan IdleTimeoutOf(RouteConfig route) =>
        (
            route.ClusterId is not null && clusters.TryGetValue(route.ClusterId, out var cluster)
                ? cluster.HttpRequest?.ActivityTimeout
                : null
        ) ?? candidate.Broker.Forwarding.IdleTimeout;

    /// <summary>The clusters, with the broker's idle limit where they have none of their own (YARP's would be 100 s).</summary>
    public IReadOnlyList<ClusterConfig> WithIdleTimeout() =>
        [
            .. clusters.Values.Select(cluster =>
                cluster.HttpRequest?.ActivityTimeout is not null
                    ? cluster
                    : cluster with
                    {
                        HttpRequest = (cluster.HttpRequest ?? new ForwarderRequestConfig()) with
                        {
                            ActivityTimeout = candidate.Broker.Forwarding.IdleTimeout,
                        },
                    }
            ),
        ];

    private static string UpstreamName(ClusterConfig cluster) => cluster.Metadata?.GetValueOrDefault("Upstream") ?? cluster.ClusterId;

    private Upstream? Find(ClusterConfig cluster) => upstreams.GetValueOrDefault(UpstreamName(cluster));

    private void Check(ClusterConfig cluster)
    {
        var path = $"ReverseProxy:Clusters:{cluster.ClusterId}";
        foreach (var key in cluster.Metadata?.Keys ?? [])
        {
            if (key is not ("Upstream" or "AllowInsecure") && !key.StartsWith("x-", StringComparison.Ordinal))
            {
                mistakes.Error(
                    $"{path}:Metadata:{key}",
                    "is no key of the broker's. Known are Upstream and AllowInsecure; a note of your own starts with 'x-'."
                );
            }
        }

        // Whether an address may be http is the upstream's to say: without one it is not judged yet.
        if (HasItsUpstream(cluster, path))
        {
            CheckAddresses(cluster, path);
        }
    }

    private bool HasItsUpstream(ClusterConfig cluster, string path)
    {
        var name = UpstreamName(cluster);
        var isNamed = cluster.Metadata?.ContainsKey("Upstream") == true;
        if (upstreams.ContainsKey(name) || (!isNamed && !needToken.Contains(cluster.ClusterId)))
        {
            return true;
        }

        var nearest = upstreams.Count == 0 ? "Broker:Upstreams has none yet" : DidYouMean.Say(name, upstreams.Keys);
        mistakes.Error(
            $"{path}:Metadata:Upstream",
            isNamed
                ? $"there is no upstream '{name}': {nearest}"
                : $"is missing, and there is no upstream of the cluster's own name '{name}': {nearest}. Name the upstream whose "
                    + "tokens this cluster takes.",
            because: $"Broker:Upstreams:{name}"
        );
        return false;
    }

    private void CheckAddresses(ClusterConfig cluster, string path)
    {
        var upstream = Find(cluster);
        var allowsInsecure = upstream?.Options.AllowInsecure ?? cluster.Metadata?.GetValueOrDefault("AllowInsecure") == "true";
        var danger = upstream is null
            ? $"what callers send could be read on the way. Use https, or say \"AllowInsecure\": \"true\" in {path}:Metadata."
            : "the upstream's token could be read on the way. Use https, or say \"AllowInsecure\": true at "
                + $"Broker:Upstreams:{upstream.Name}.";
        foreach (var (id, destination) in cluster.Destinations ?? new Dictionary<string, DestinationConfig>())
        {
            CheckAddress($"{path}:Destinations:{id}:Address", destination.Address, allowsInsecure, danger);
            if (!string.IsNullOrEmpty(destination.Host) && !IsHost(destination.Host))
            {
                mistakes.Error(
                    $"{path}:Destinations:{id}:Host",
                    "is no host name, or host name and port, in ASCII: it would be the Host, and for https the name in SNI and in "
                        + "the certificate."
                );
            }

            if (destination.Health is not null)
            {
                CheckAddress($"{path}:Destinations:{id}:Health", destination.Health, allowsInsecure, danger);
            }
        }

        if (cluster.HttpClient?.RequestHeaderEncoding is not null || cluster.HttpClient?.ResponseHeaderEncoding is not null)
        {
            mistakes.Warning(
                $"{path}:HttpClient",
                "names a header encoding, which has no effect: the bytes of headers cross as they are, both ways. Remove it."
            );
        }

        if (cluster.HttpClient?.DangerousAcceptAnyServerCertificate == true && !allowsInsecure)
        {
            mistakes.Error(
                $"{path}:HttpClient:DangerousAcceptAnyServerCertificate",
                $"lets anyone answer in the upstream's name: {danger}"
            );
        }
    }

    private void CheckAddress(string path, string? address, bool allowsInsecure, string danger)
    {
        if (address is null || OriginOf(address) is null)
        {
            mistakes.Error(path, "is no absolute http or https address without user name, query or fragment.");
        }
        else if (!allowsInsecure && !address.StartsWith("https://", StringComparison.OrdinalIgnoreCase))
        {
            mistakes.Error(path, $"is not https: {danger}");
        }
    }

    // What the client would send under another name than it asks the certificate for is no Host here.
    private static bool IsHost(string host) =>
        host.All(c => char.IsAsciiLetterOrDigit(c) || c is '.' or '-' or '_' or ':' or '[' or ']')
        && Uri.TryCreate($"https://{host}/", UriKind.Absolute, out var uri)
        && uri.AbsolutePath == "/"
        && !host.EndsWith(':');

    private static IEnumerable<string> AddressesOf(ClusterConfig cluster) =>
        (cluster.Destinations ?? new Dictionary<string, DestinationConfig>()).Values.Select(destination => destination.Address);

    // The address's own text up to the path, as YARP will join it; what Uri would rewrite (blanks, '\', user info) is no address here.
    private static string? OriginOf(string address)
    {
        if (
            !Uri.TryCreate(address, UriKind.Absolute, out var uri)
            || uri.Scheme is not ("http" or "https")
            || uri.UserInfo.Length > 0
            || uri.Query.Length > 0
            || uri.Fragment.Length > 0
            || address.Contains('\\', StringComparison.Ordinal)
            || address.Any(char.IsWhiteSpace)
        )
        {
            return null;
        }

        var start = uri.Scheme.Length + 3;
        var end = address.IndexOf('/', start);
        return end < 0 ? $"{address}/" : address[..(end + 1)];
    }
}
