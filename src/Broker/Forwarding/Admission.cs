using Broker.Credentials;
using Broker.Limits;
using Broker.Tokens;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Policies;

namespace Broker.Forwarding;

/// <summary>Decides whether a routed request may pass, and gets the token that it passes with.</summary>
internal sealed class Admission(ConcurrencyLimit limit, AnonymousLimit anonymous, RequestDelegate next)
{
    public Task Invoke(HttpContext context)
    {
        var passage = Passage.Of(context);
        var admitted = Admit(context, passage);
        return admitted.IsCompletedSuccessfully ? Pass(context, passage, admitted.Result) : Wait(context, passage, admitted);
    }

    private async Task Wait(HttpContext context, Passage passage, ValueTask<Refusal?> admitted) => await Pass(context, passage, await admitted);

    private Task Pass(HttpContext context, Passage passage, Refusal? refusal)
    {
        passage.Refusal = refusal;
        return refusal is null ? next(context) : Task.CompletedTask;
    }

    /// <summary>The steps of the walk; the first that says no ends it. Nothing here waits for a caller or a token that was seen a moment ago.</summary>
    private async ValueTask<Refusal?> Admit(HttpContext context, Passage passage)
    {
        var route = passage.Route = context.GetEndpoint()!.Metadata.GetMetadata<CompiledRoute>()!;
        if (TargetProblem(context, passage) is { } unclear)
        {
            return unclear;
        }

        var from = context.Connection.RemoteIpAddress;
        var headers = context.Request.Headers;
        var reading = route.IsPublic ? default : route.Credentials.Read(headers, route.Accepts, context.RequestAborted, from);

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

        if (passage.Caller is not null && !limit.TryEnter(passage.Caller, route.Snapshot.Broker.Limits.ConcurrentRequestsPerCaller, out passage.Slot))
        {
            return Refusal.RateLimited(passage.Caller.ConcurrentRequests ?? route.Snapshot.Broker.Limits.ConcurrentRequestsPerCaller);
        }

        return passage.Account is null ? null : await TakeToken(context, passage);
    }

    /// <summary>Step 1: one clear path, one clear method. <c>explain</c> runs this very code.</summary>
    public static Refusal? TargetProblem(HttpContext context, Passage passage)
    {
        var request = context.Request;
        if (passage.IsExtendedConnect)
        {
            request.Method = HttpMethods.Connect; // it was routed as the GET that it is (rights.md 12)
        }
        else if (HttpMethods.IsConnect(request.Method) || HttpMethods.IsTrace(request.Method))
        {
            return Refusal.MethodNotAllowed;
        }

        // YARP would open a tunnel for any Upgrade that it knows, and send a GET for whatever method was decided on.
        if (request.Headers.Upgrade.Count > 0
            && !(HttpMethods.IsGet(request.Method) && request.Headers.Upgrade.ToString().Equals("websocket", StringComparison.OrdinalIgnoreCase)))
        {
            request.Headers.Remove("Upgrade");
        }

        return !passage.Route!.IsPathLoose && PathRule.Problem(context.Features.GetRequiredFeature<IHttpRequestFeature>().RawTarget) is { } problem
            ? Refusal.BadPath(problem)
            : null;
    }

    /// <summary>Steps 2 to 4: who asks, what for, and may they? <c>explain</c> runs this very code.</summary>
    public static Refusal? Judge(HttpContext context, Passage passage, in CredentialResult credential)
    {
        var route = passage.Route!;
        if (!route.IsPublic && (credential.Caller is null || credential.Problem != CredentialProblem.None))
        {
            return RefusalOf(credential);
        }

        passage.Caller = credential.Caller;

        // The headers first: an id in a header that does not cross was never named.
        if ((route.Headers.Apply(context.Request.Headers) ?? route.Query.Check(context.Request.QueryString)
            ?? (passage.IsExtendedConnect ? null : BodyRules.Check(route.Body, context))) is { } notAllowed)
        {
            return notAllowed;
        }

        if (route.DeniesAll)
        {
            return Refusal.Denied;
        }

        foreach (var denial in route.Denials)
        {
            if (denial.Hits(context))
            {
                return Refusal.Denied;
            }
        }

        return route.IsPublic ? Admitted(passage) : Decide(context, passage);
    }

    private static Refusal? Decide(HttpContext context, Passage passage)
    {
        if (passage.Route!.Selectors.Read(context, out var demand) is { } unreadable)
        {
            return unreadable;
        }

        passage.Demand = demand;
        passage.Decision = Policy.Decide(passage.Caller!.Permissions, demand);
        return passage.Decision == Decision.Granted ? Admitted(passage) : RefusalOf(passage.Decision);
    }

    private static Refusal? Admitted(Passage passage)
    {
        passage.Account = passage.Route!.AccountFor(passage.Caller);
        passage.Cell = passage.Account?.Cell(passage.Caller?.TemplateValues ?? NoValues);
        passage.IsAdmitted = passage.Account is null ? passage.Route.IsPublic : passage.Cell is not null;

        // This caller has no account at the upstream, or the account is a template over an identity that it does not have.
        return passage.IsAdmitted ? null : Refusal.Denied;
    }

    /// <summary>Step 5: with whose token?</summary>
    private static async ValueTask<Refusal?> TakeToken(HttpContext context, Passage passage)
    {
        var cell = passage.Cell!;
        if (cell.TryGet(out var token))
        {
            passage.Token = token;
            return null;
        }

        var result = await cell.Get(context.RequestAborted);
        passage.Token = result.Token;
        return result.Token is null ? RefusalOf(result, passage) : null;
    }

    private static readonly IReadOnlyDictionary<string, string> NoValues = new Dictionary<string, string>();

    /// <summary>What a caller reads when there is no token.</summary>
    public static Refusal RefusalOf(in TokenResult result, Passage passage) => result.Problem switch
    {
        TokenProblem.BudgetSpent => Refusal.BudgetSpent(result.RetryAfter),
        TokenProblem.LoginRefused => RefusedLogin(passage),
        TokenProblem.TokenRefused => passage.Route!.On401IsResource ? Refusal.UpstreamDenied : Refusal.UpstreamRefusedToken,
        _ => Refusal.TokenUnavailable(result.RetryAfter),
    };

    // An account of ours that is refused is our fault. His own is the user's: he is disabled there, or his login is over, and so is all that came of it.
    private static Refusal RefusedLogin(Passage passage)
    {
        if (passage.Caller is not { Source: LoggedInUser.Source } user)
        {
            return Refusal.UpstreamRefusedLogin;
        }

        _ = passage.Route!.Credentials.EndUser(user);
        return Refusal.CredentialInvalid;
    }

    private static Refusal RefusalOf(in CredentialResult credential) => credential.Problem switch
    {
        CredentialProblem.Missing => Refusal.CredentialMissing,
        CredentialProblem.Expired => Refusal.TokenExpired,
        CredentialProblem.Ambiguous => Refusal.AmbiguousCredential,
        CredentialProblem.Unknown => Refusal.CredentialUnverified,
        CredentialProblem.Waits => Refusal.LoginWaits(credential.Wait),
        _ => Refusal.CredentialInvalid,
    };

    private static Refusal RefusalOf(Decision decision) => decision switch
    {
        Decision.ActionNotGranted => Refusal.ActionNotGranted,
        Decision.NetworkNotGranted => Refusal.NetworkNotGranted,
        Decision.DeviceTypeNotGranted => Refusal.DeviceTypeNotGranted,
        Decision.DeviceNotGranted => Refusal.DeviceNotGranted,
        _ => Refusal.Denied,
    };
}
