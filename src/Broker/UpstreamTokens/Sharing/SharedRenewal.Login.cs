using Broker.Configuration;

namespace Broker.UpstreamTokens;

/// <content>Step 6: a permit of the budget, the lease, the login.</content>
internal sealed partial class SharedRenewal
{
    /// <summary>6. Only what was refused, was never there, or may be spent leads here.</summary>
    private async Task<RenewalStep> LogIn(RenewalRequest asked, Lease lease)
    {
        var plan = asked.Plan;
        if (!plan.Source.CanLogin || IsRefused(asked, lease.StoredState))
        {
            return RenewalStep.Failed(TokenProblem.LoginRefused, plan.Times.MaxRetryDelay);
        }
        var (wait, problem) = asked.Identity.Wait(plan.Fingerprint);
        if (wait > TimeSpan.Zero)
        {
            return RenewalStep.Failed(problem, wait); // where two fingerprints take turns, Redis knows the quiet time of one
        }
        if (await Permit(asked, lease) is { } refused)
        {
            return refused;
        }
        if (await StillOurs(asked, lease) is { } stopped)
        {
            return stopped;
        }
        var at = time.GetTimestamp();
        var answer = await Call(asked, lease, "login", plan.Source.Login);
        return answer.Kind == TokenAnswerKind.Token
            ? await Commit(asked, lease, answer, null, at)
            : await Quiet(asked, lease, "login", answer, keepNote: true);
    }

    /// <summary>
    /// Redis counts one fingerprint; where two take turns (a change of the config on its way), this process's own count of each ends it
    /// too.
    /// </summary>
    private static bool IsRefused(RenewalRequest asked, StoredState seen) =>
        (seen.Quiet.Refused == asked.Plan.Fingerprint && seen.Quiet.Refusals >= LoginIdentity.MaxRefusals)
        || !asked.Identity.MayLogIn(asked.Plan.Fingerprint);

    /// <summary>A permit of the endpoint's windows and one of the account's; null when there are both.</summary>
    private async Task<RenewalStep?> Permit(RenewalRequest asked, Lease lease)
    {
        if (store.StillToBeTold(asked.Plan.Logins) is var pause && pause > TimeSpan.Zero)
        {
            return RenewalStep.Pause(pause); // who logged in while Redis was away says so now
        }
        foreach (var scope in Scopes(asked))
        {
            var permission = await Permit(asked, lease.Attempt, scope);
            if (permission.Outcome == StoreOutcome.Unknown)
            {
                return new(await Away(asked), default);
            }
            if (permission.Outcome == StoreOutcome.Lost)
            {
                TokenLog.BudgetSpent(log, asked.Plan.Upstream, asked.Plan.Account, permission.Wait.TotalSeconds);
                return RenewalStep.Failed(TokenProblem.BudgetSpent, permission.Wait);
            }
        }
        return null;
    }

    private Task<Permission> Permit(RenewalRequest asked, Attempt attempt, IGrouping<LoginScope, LoginWindowOptions> scope) =>
        store.Permit(
            asked.Plan.BudgetOf(scope.Key),
            attempt,
            [.. scope.Select(window => new BudgetWindow(window.Permit, window.Per))],
            asked.IsRejection
        );

    private static IEnumerable<IGrouping<LoginScope, LoginWindowOptions>> Scopes(RenewalRequest asked) =>
        asked.Plan.Logins.GroupBy(window => window.Scope).OrderBy(scope => scope.Key);
}
