using Broker.Credentials;
using Broker.Limits;
using Broker.UpstreamTokens;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Policies;

namespace Broker.Forwarding;

/// <summary>Decides whether a routed request may pass, and gets the token that it passes with.</summary>
internal sealed class Admission(
    ConcurrencyLimit limit,
    AnonymousLimit anonymous,
    OpenExchanges open,
    TimeProvider time,
    RequestDelegate next
)
{
    public Task Invoke(HttpContext context)
    {
        var passage = BrokeredRequest.Of(context);
        var admitted = Admit(context, passage);
        return admitted.IsCompletedSuccessfully ? Pass(context, passage, admitted.Result) : Wait(context, passage, admitted);
    }

    private async Task Wait(HttpContext context, BrokeredRequest passage, ValueTask<Refusal?> admitted) =>
        await Pass(context, passage, await admitted);

    private Task Pass(HttpContext context, BrokeredRequest passage, Refusal? refusal)
    {
        passage.Refusal = refusal;
        return refusal is not null ? Task.CompletedTask
            : passage.IsHandshake ? PassSocket(context, passage)
            : next(context);
    }

    private async Task PassSocket(HttpContext context, BrokeredRequest passage)
    {
        SocketUpgrade.Wrap(context, passage);
        await next(context);
        if (passage.Socket is { IsEnding: true } socket)
        {
            await socket.Finish(context.RequestAborted);
        }
    }

    /// <summary>
    /// The steps of the walk; the first that says no ends it. Nothing here waits for a caller or a token that was seen a moment ago.
    /// </summary>
    private async ValueTask<Refusal?> Admit(HttpContext context, BrokeredRequest passage)
    {
        var route = passage.Route = context.GetEndpoint()!.Metadata.GetMetadata<CompiledRoute>()!;
        if (TargetProblem(context, passage) is { } unclear)
        {
            return unclear;
        }

        var request = context.Request;
        passage.IsHandshake =
            passage.IsExtendedConnect
            || (request.Headers.Upgrade.Count > 0 && context.Features.Get<IHttpUpgradeFeature>() is { IsUpgradableRequest: true });
        if (BrowserCredential.Take(context, passage, out var browser) is { } misplaced)
        {
            return misplaced;
        }

        var reading = default(ValueTask<CredentialResult>);
        if (!route.IsPublic)
        {
            passage.Shown = ShownCredential.In(request.Headers).And(browser);
            reading = route.Credentials.Read(
                passage.Shown,
                request.Headers,
                route.Accepts,
                context.Connection.RemoteIpAddress,
                context.RequestAborted
            );
        }

        // A credential that was verified a moment ago is read at once, and its request is never counted as a stranger's.
        if ((route.IsPublic || !reading.IsCompleted) && passage.EnterUnknown(context, anonymous) is { } full)
        {
            _ = reading.AsTask().ContinueWith(static over => over.Exception, TaskScheduler.Default); // it ends by itself
            return full;
        }

        var credential = await reading;
        (route.IsPublic ? null : passage.Anonymous)?.Leave();
        if (Judge(context, passage, credential) is { } refused)
        {
            return refused;
        }

        if (
            passage.Caller is not null
            && !limit.TryEnter(passage.Caller, route.Snapshot.Broker.Limits.ConcurrentRequestsPerCaller, out passage.Slot)
        )
        {
            return Refusal.RateLimited(passage.Caller.ConcurrentRequests ?? route.Snapshot.Broker.Limits.ConcurrentRequestsPerCaller);
        }

        passage.PresentDemand = passage.Demand;
        passage.IsEndless =
            route.FinishesAtExpiry && request.ContentType?.StartsWith("application/grpc", StringComparison.OrdinalIgnoreCase) == true;
        open.Enter(passage, time.GetTimestamp());
        return passage.Account is null ? null : await TakeToken(context, passage);
    }

    /// <summary>Step 1: one clear path, one clear method. <c>explain</c> runs this very code.</summary>
    public static Refusal? TargetProblem(HttpContext context, BrokeredRequest passage)
    {
        var request = context.Request;
        if (passage.IsExtendedConnect)
        {
            request.Method = "CONNECT"; // it was routed as the GET that it is (rights.md 12)
            passage.IsWebSocket = true;
        }
        else if (request.Method is "CONNECT" or "TRACE")
        {
            return Refusal.MethodNotAllowed;
        }

        // YARP would open a tunnel for any Upgrade that it knows, and send a GET for whatever method was decided on.
        if (request.Headers.Upgrade.Count > 0)
        {
            passage.IsWebSocket |=
                request.Method == "GET"
                && request.Headers.Upgrade.ToString().Equals("websocket", StringComparison.OrdinalIgnoreCase)
                && context.Features.Get<IHttpUpgradeFeature>() is { IsUpgradableRequest: true };
            if (!passage.IsWebSocket)
            {
                request.Headers.Remove("Upgrade");
            }
        }

        var route = passage.Route!;
        var target = context.Features.GetRequiredFeature<IHttpRequestFeature>().RawTarget;
        if (!PathRule.IsRoutedAsItLeaves(target, request.Path.Value))
        {
            return Refusal.BadPath("The request's target is an address whose path can be read in two ways; send the path alone.");
        }

        return (PathRule.Problem(target, route.IsPathLoose) ?? route.Values.Settle(request, target, route.Path)) is { } problem
            ? Refusal.BadPath(problem)
            : null;
    }

    /// <summary>Steps 2 to 4: who asks, what for, and may they? <c>explain</c> runs this very code.</summary>
    public static Refusal? Judge(HttpContext context, BrokeredRequest passage, in CredentialResult credential)
    {
        var route = passage.Route!;
        if (!route.IsPublic && (credential.Caller is null || credential.Problem != CredentialProblem.None))
        {
            return Refusal.Of(credential);
        }

        passage.Caller = credential.Caller;

        passage.ForwardedBy = ForwardedBy.Of(context, route.Credentials.Proxies);

        // The headers first: an id in a header that does not cross was never named.
        if (
            (
                route.Headers.Apply(context.Request.Headers)
                ?? route.Query.Check(context.Request.QueryString)
                ?? (passage.IsExtendedConnect ? null : BodyRules.Check(route.Body, context))
            ) is
            { } notAllowed
        )
        {
            return notAllowed;
        }

        if (route.DeniesAll)
        {
            return Refusal.Denied;
        }

        foreach (var denial in route.Denials)
        {
            if (denial(context))
            {
                return Refusal.Denied;
            }
        }

        return route.IsPublic ? Admitted(passage) : Decide(context, passage);
    }

    private static Refusal? Decide(HttpContext context, BrokeredRequest passage)
    {
        if (passage.Route!.Selectors.Read(context, out var demand) is { } unreadable)
        {
            return unreadable;
        }

        passage.Demand = demand;
        passage.Decision = Policy.Decide(passage.Caller!.Permissions, demand);
        return passage.Decision == Decision.Granted ? Admitted(passage) : Refusal.Of(passage.Decision);
    }

    private static Refusal? Admitted(BrokeredRequest passage)
    {
        passage.Account = passage.Route!.AccountFor(passage.Caller);
        passage.Cell = passage.Account?.Cell(passage.Caller?.TemplateValues ?? NoValues);
        passage.IsAdmitted = passage.Account is null ? passage.Route.IsPublic : passage.Cell is not null;

        // This caller has no account at the upstream, or the account is a template over an identity that it does not have.
        return passage.IsAdmitted ? null : Refusal.Denied;
    }

    /// <summary>Step 5: with whose token?</summary>
    private static async ValueTask<Refusal?> TakeToken(HttpContext context, BrokeredRequest passage)
    {
        var cell = passage.Cell!;
        if (cell.TryGet(out var token))
        {
            passage.Token = token;
            return null;
        }

        var result = await cell.Get(context.RequestAborted);
        passage.Token = result.Token;
        return result.Token is null ? MissingToken.RefusalOf(result, passage) : null;
    }

    private static readonly IReadOnlyDictionary<string, string> NoValues = new Dictionary<string, string>();
}
