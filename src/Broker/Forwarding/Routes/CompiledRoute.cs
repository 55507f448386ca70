using Broker.Configuration;
using Broker.Credentials;
using Broker.UpstreamTokens;
using Microsoft.AspNetCore.Http;
using Yarp.ReverseProxy.Configuration;

namespace Broker.Forwarding;

/// <summary>A route's policy as its snapshot has it; hangs on the endpoint, so that one request sees one reading of the config.</summary>
internal sealed class CompiledRoute
{
    public required string Id { get; init; }

    public required Snapshot Snapshot { get; init; }

    /// <summary>Which requests it is for.</summary>
    public required RouteMatch Match { get; init; }

    public required CredentialTable Credentials { get; init; }

    /// <summary>Open to anyone: YARP's own <c>"AuthorizationPolicy": "Anonymous"</c>.</summary>
    public required bool IsPublic { get; init; }

    public required CredentialKinds Accepts { get; init; }

    /// <summary>The action demanded; null on a public route and on one that denies all.</summary>
    public required string? Action { get; init; }

    public required Selectors Selectors { get; init; }

    public required bool DeniesAll { get; init; }

    /// <summary>Each says whether a request is denied, whoever asks.</summary>
    public required IReadOnlyList<Func<HttpContext, bool>> Denials { get; init; }

    public required bool IsPathLoose { get; init; }

    /// <summary>How the path that leaves is made of the raw one.</summary>
    public required LeavingPath Path { get; init; }

    /// <summary>The values of the Path that something is decided on, or that leave elsewhere than in the path.</summary>
    public required UsedValues Values { get; init; }

    public required QueryRule Query { get; init; }

    public required BodyRule Body { get; init; }

    public required HeaderRule Headers { get; init; }

    /// <summary>Null for a public route whose cluster has no upstream: no token is put on.</summary>
    public required Upstream? Upstream { get; init; }

    /// <summary>The account that the route names: it goes before the caller's.</summary>
    public required Account? OwnAccount { get; init; }

    /// <summary>The upstream's account <c>default</c>, for a caller that names none.</summary>
    public required Account? SharedAccount { get; init; }

    /// <summary>Scheme, host and port of the upstream's clusters' destinations, each with a '/' behind it.</summary>
    public required IReadOnlyList<string> Origins { get; init; }

    /// <summary>The destinations of the upstream's clusters: a token goes to one of these, and under its name.</summary>
    public required Origin[] Destinations { get; init; }

    /// <summary>Nothing may stand still for longer: the cluster's ActivityTimeout, else the broker's.</summary>
    public required TimeSpan IdleTimeout { get; init; }

    /// <summary>A transfer goes on after the mere expiry of its token.</summary>
    public required bool FinishesAtExpiry { get; init; }

    /// <summary>A bearer token may stand in the query.</summary>
    public required bool TakesQueryCredential { get; init; }

    public required bool On401IsResource { get; init; }

    public required bool LetsSetCookie { get; init; }

    public required bool LetsUpstreamCache { get; init; }

    /// <summary>What an answer that may be cached varies by, besides what the upstream says.</summary>
    public required IReadOnlyList<string> CredentialHeaders { get; init; }

    /// <summary>With whose token? Null when this caller has no account at the upstream.</summary>
    public Account? AccountFor(Caller? caller)
    {
        // An upstream's own user goes there with their own account or not at all: a shared account's "*" is more than the user has.
        if (caller?.Source == UpstreamUser.Source)
        {
            return OwnAccount is null ? Upstream?.Users : null;
        }

        if (OwnAccount is not null || caller is null || Upstream is null)
        {
            return OwnAccount;
        }

        if (caller.Accounts.Count > 0 && caller.Accounts.TryGetValue(Upstream.Name, out var name))
        {
            return Upstream.Accounts.GetValueOrDefault(name);
        }

        return SharedAccount;
    }

    /// <summary>Whether a request may leave with a token: to a destination of the upstream, under its name (rights.md 16).</summary>
    public bool MaySend(HttpRequestMessage request)
    {
        foreach (var destination in Destinations)
        {
            if (destination.IsOf(request))
            {
                return true;
            }
        }

        return false;
    }
}
