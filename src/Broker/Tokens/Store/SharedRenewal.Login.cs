using Broker.Configuration;
using Broker.Tokens.Sources;

namespace Broker.Tokens.Store;

/// <content>Step 6: a permit of the budget, the lease, the login.</content>
internal sealed partial class SharedRenewal
{
    /// <summary>6. Only what was refused, was never there, or may be spent leads here.</summary>
    private async Task<Step> LogIn(Asked asked, Lease lease)
    {
        var plan = asked.Plan;
        if (!plan.Source.CanLogin || IsRefused(asked, lease.Seen))
        {
            return Step.Failed(TokenProblem.LoginRefused, plan.Times.QuietTimeMax);
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
        return answer.Kind == AnswerKind.Token ? await Commit(asked, lease, answer, null, at) : await Quiet(asked, lease, answer, keepNote: true);
    }

    private static bool IsRefused(Asked asked, Seen seen) =>
        seen.Quiet.Refused == asked.Plan.Fingerprint && seen.Quiet.Refusals >= LoginIdentity.MaxRefusals;

    /// <summary>A permit of the endpoint's windows and one of the account's; null when there are both.</summary>
    private async Task<Step?> Permit(Asked asked, Lease lease)
    {
        if (store.PauseAfterAbsence(AlonePast(asked)) is var pause && pause > TimeSpan.Zero)
        {
            return new(null, pause);
        }
        foreach (var ask in BudgetsOf(asked, lease.Attempt))
        {
            var permission = await store.Permit(ask);
            if (permission.Outcome == StoreOutcome.Unknown)
            {
                return new(await Away(asked), default);
            }
            if (permission.Outcome == StoreOutcome.Lost)
            {
                TokenLog.BudgetSpent(log, asked.Plan.Upstream, asked.Plan.Account, permission.Wait.TotalSeconds);
                return Step.Failed(TokenProblem.BudgetSpent, permission.Wait);
            }
        }
        return null;
    }

    private IEnumerable<BudgetAsk> BudgetsOf(Asked asked, Attempt attempt) =>
        from scope in asked.Plan.Logins.GroupBy(window => window.Scope).OrderBy(scope => scope.Key)
        let budget = scope.Key == LoginScope.Endpoint ? asked.Plan.Endpoint : asked.Plan.Identity
        select new BudgetAsk(
            budget, attempt, [.. scope.Select(window => new BudgetWindow(window.Permit, window.Per))], asked.IsRejection, store.Known(budget));
}
