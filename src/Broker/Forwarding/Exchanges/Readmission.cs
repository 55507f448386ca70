using Broker.Configuration;
using Broker.Credentials;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.Extensions.Primitives;
using Policies;

namespace Broker.Forwarding;

/// <summary>Whether an open exchange would be admitted now: by the code that admits, on the config in force.</summary>
/// <remarks>Within one snapshot the credential is read again and the demand decided again. After a reload the request itself is routed and
/// judged again, on a copy.</remarks>
internal sealed class Readmission(SnapshotStore snapshots, IServiceProvider services)
{
    /// <summary>Finds the route of a request, and does nothing more.</summary>
    public RequestDelegate Routing { get; set; } = _ => throw new InvalidOperationException("There is no routing.");

    public ValueTask<Verdict> Judge(BrokeredRequest passage) =>
        ReferenceEquals(passage.PresentRoute.Snapshot, snapshots.Current)
            ? Again(passage, passage.PresentRoute)
            : Anew(passage, snapshots.Current);

    private static async ValueTask<Verdict> Again(BrokeredRequest passage, CompiledRoute route)
    {
        if (route.IsPublic)
        {
            return new(route, passage.PresentDemand, null);
        }

        var credential = await route.Credentials.ReadAgain(passage.Shown, route.Accepts, MayBeOver(passage, route), CancellationToken.None);
        if (Problem(passage, route, credential) is { } problem)
        {
            return problem;
        }

        var decision = Policy.Decide(credential.Caller!.Permissions, passage.PresentDemand);
        return decision != Decision.Granted ? new(Refusal.Of(decision))
            : route.AccountFor(credential.Caller)?.Name != passage.Account?.Name ? Verdict.OtherAccount
            : new(route, passage.PresentDemand, MayBeOver(passage, route) ? null : EndOf(credential.Caller));
    }

    private async ValueTask<Verdict> Anew(BrokeredRequest passage, Snapshot snapshot)
    {
        DefaultHttpContext? copy = null;
        if (!OpenExchanges.While(passage, open => copy = CopyOf(open)))
        {
            return default; // it is over: nobody waits for a verdict
        }

        if (SameByHeaders(passage, snapshot) is not { } route)
        {
            await Routing(copy!);
            if (copy!.GetEndpoint()?.Metadata.GetMetadata<CompiledRoute>() is not { } found)
            {
                return Verdict.NoRoute; // the routes of before have one
            }

            route = found;
        }

        if (!ReferenceEquals(route.Snapshot, snapshots.Current))
        {
            return default; // the routes of before still: the new ones follow in a moment
        }

        var seen = new BrokeredRequest
        {
            Route = route,
            Incoming = copy!.Request,
            IsExtendedConnect = passage.IsExtendedConnect,
        };
        copy.Features.Set(seen);
        var credential = default(CredentialResult);
        if (!route.IsPublic)
        {
            credential =
                passage.Shown.Place == CredentialPlace.Query && !route.TakesQueryCredential
                    ? new(null, CredentialProblem.Invalid)
                    : await route.Credentials.ReadAgain(passage.Shown, route.Accepts, MayBeOver(passage, route), CancellationToken.None);
            if (Problem(passage, route, credential) is { } problem)
            {
                return problem;
            }
        }

        return (Admission.TargetProblem(copy, seen) ?? Admission.Judge(copy, seen, credential)) is { } refusal ? new(refusal)
            : (route.Upstream?.Name, seen.Account?.Name) != (passage.Route!.Upstream?.Name, passage.Account?.Name) ? Verdict.OtherAccount
            : new(route, seen.Demand, credential.Caller is null || MayBeOver(passage, route) ? null : EndOf(credential.Caller));
    }

    private static Verdict? Problem(BrokeredRequest passage, CompiledRoute route, in CredentialResult credential)
    {
        if (credential is { Caller: { } caller, Problem: CredentialProblem.None })
        {
            // A key that is another caller's now is not the one that was let in.
            return passage.Caller is { } admitted && caller.Identity == admitted.Identity ? null : Verdict.OtherCaller;
        }

        var why = passage.Caller is null ? "credential-missing" : route.Credentials.WhyNot(passage.Caller, credential.Problem);
        return new(Refusal.Of(credential), why) { IsUnknown = credential.Problem == CredentialProblem.Unknown };
    }

    /// <summary>Whether it may finish after its token's end: what has an end of its own, where the route says so.</summary>
    private static bool MayBeOver(BrokeredRequest passage, CompiledRoute route) =>
        route.FinishesAtExpiry && !passage.IsHandshake && !passage.IsEndless;

    private static DateTimeOffset? EndOf(Caller caller) => caller.Token?.End ?? caller.TokenEnd;

    /// <summary>
    /// The present route of a request that was found by headers too: those that may not cross are gone, and find it no more.
    /// </summary>
    private static CompiledRoute? SameByHeaders(BrokeredRequest passage, Snapshot snapshot) =>
        passage.Route!.Match.Headers is { Count: > 0 }
        && snapshot.Part<RouteTable>().Compiled.GetValueOrDefault(passage.Route.Id) is { } same
        && same.Match.Equals(passage.Route.Match)
            ? same
            : null;

    /// <summary>The request as it was admitted, without its body. For while it cannot leave: the server uses its parts again.</summary>
    private DefaultHttpContext CopyOf(BrokeredRequest passage)
    {
        var context = passage.Incoming!.HttpContext;
        var request = context.Features.GetRequiredFeature<IHttpRequestFeature>();
        var copy = new HttpRequestFeature
        {
            Protocol = request.Protocol,
            Scheme = request.Scheme,
            Method = passage.IsExtendedConnect ? HttpMethods.Get : request.Method, // so it is routed, as by the edge
            PathBase = request.PathBase,
            Path = request.Path,
            QueryString = request.QueryString,
            RawTarget = request.RawTarget,
            Headers = new HeaderDictionary(new Dictionary<string, StringValues>(request.Headers, StringComparer.OrdinalIgnoreCase)),
        };
        var features = new FeatureCollection();
        features.Set<IHttpRequestFeature>(copy);
        features.Set<IHttpResponseFeature>(new HttpResponseFeature());
        features.Set<IHttpResponseBodyFeature>(new StreamResponseBodyFeature(Stream.Null));
        features.Set(context.Features.Get<IHttpRequestBodyDetectionFeature>() is { CanHaveBody: true } ? HasBody : null);
        var values = new RouteValueDictionary(context.Features.Get<IRouteValuesFeature>()?.RouteValues);
        return new(features) { RequestServices = services, Request = { RouteValues = values } };
    }

    private static readonly IHttpRequestBodyDetectionFeature HasBody = new Body();

    private sealed class Body : IHttpRequestBodyDetectionFeature
    {
        public bool CanHaveBody => true;
    }
}

/// <summary>What became of an open exchange: in order by a route, or refused; the default says neither, and is asked for again.</summary>
internal readonly record struct Verdict
{
    public static readonly Verdict NoRoute = new(Refusal.NotFound, "route-removed");
    public static readonly Verdict OtherCaller = new(Refusal.CredentialInvalid, "credential-not-accepted");
    public static readonly Verdict OtherAccount = new(Refusal.Denied, "account-changed");

    public Verdict(Refusal refusal, string? why = null) => (Refusal, Why) = (refusal, why ?? refusal.Code);

    public Verdict(CompiledRoute route, Demand demand, DateTimeOffset? end) =>
        (Route, Demand, OverAt) = (route, demand, end?.UtcTicks ?? long.MaxValue);

    /// <summary>What the caller would read if it asked now.</summary>
    public Refusal? Refusal { get; }

    /// <summary>Why, for the log: more than the caller is told.</summary>
    public string? Why { get; }

    /// <summary>Nobody can say now.</summary>
    public bool IsUnknown { get; init; }

    /// <summary>The route that it is in order by.</summary>
    public CompiledRoute? Route { get; }

    public Demand Demand { get; }

    /// <summary>UTC ticks from which its credential is over.</summary>
    public long OverAt { get; }
}
