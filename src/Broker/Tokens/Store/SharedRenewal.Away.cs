using Broker.Configuration;
using Broker.Tokens.Sources;

namespace Broker.Tokens.Store;

/// <content>Redis is away: what this process may do alone.</content>
internal sealed partial class SharedRenewal
{
    /// <summary>Only near the token's end, and nothing that dies at its use is spent. What is got so has no number, and is never published.</summary>
    private async Task<Renewal> Away(Asked asked)
    {
        var (plan, source) = (asked.Plan, asked.Plan.Source);
        if (!IsNearEnd(asked))
        {
            return Renewal.Failed(TokenProblem.Unavailable, plan.Times.QuietTime);
        }
        var at = time.GetTimestamp();
        if (!source.Rotates && (Held?.Refresh ?? source.FirstRefreshToken) is { } refresh && (source.CanLogin || asked.Identity.MayLogIn(plan.Fingerprint)))
        {
            var refreshed = await calls.Ask(plan, "refresh", cancellation => source.Refresh(new(Held?.Access, refresh), cancellation));
            if (refreshed.Kind == AnswerKind.Token || refreshed.Kind != AnswerKind.Refused || !source.CanLogin)
            {
                return Alone(asked, refreshed, at);
            }
        }
        if (!source.CanLogin)
        {
            return Renewal.Failed(TokenProblem.Unavailable);
        }
        if (asked.Identity.IsRefused(plan.Fingerprint))
        {
            return Renewal.Failed(TokenProblem.LoginRefused, plan.Times.QuietTimeMax);
        }
        if (!MayLogInAlone(asked, out var wait))
        {
            TokenLog.BudgetSpent(log, plan.Upstream, plan.Account, wait.TotalSeconds);
            // Redis may be back long before: it is looked for again soon.
            return Renewal.Failed(TokenProblem.BudgetSpent, Min(wait, plan.Times.QuietTime));
        }
        foreach (var scope in Scopes(asked))
        {
            store.LogsInAlone(BudgetOf(asked.Plan, scope.Key), asked.IsRejection);
        }
        at = time.GetTimestamp();
        return Alone(asked, await calls.Ask(plan, "login", source.Login), at);
    }

    private Renewal Alone(Asked asked, TokenAnswer answer, long at)
    {
        switch (answer.Kind)
        {
            case AnswerKind.Token:
                asked.Identity.Accepted(asked.Plan.Fingerprint);
                served = answer.Pair!.Access;
                return new(served, at, answer.Life, TokenProblem.None, null);
            case AnswerKind.Refused:
                asked.Identity.Refused(asked.Plan.Fingerprint);
                return Renewal.Failed(TokenProblem.LoginRefused);
            default:
                return Renewal.Failed(TokenProblem.Unavailable, answer.RetryAfter);
        }
    }

    /// <summary>A quarter of the margin: so much for the time in which Redis may come back.</summary>
    private bool IsNearEnd(Asked asked)
    {
        if (asked.IsRejection || asked.Cell.Held is not { IsOver: false } now)
        {
            return true;
        }
        var margin = time.GetElapsedTime(now.DueAt, now.EndsAt);
        return time.GetElapsedTime(time.GetTimestamp(), now.EndsAt) <= margin / 4;
    }

    /// <summary>A share of the budget, from one window after Redis went away: until then the others may have used it all. Where there is not one for each, each has its turn.</summary>
    private bool MayLogInAlone(Asked asked, out TimeSpan wait)
    {
        var away = store.AwayFor;
        wait = asked.Plan.Logins.Select(window => window.Per - away).Append(TimeSpan.Zero).Max();
        if (wait <= TimeSpan.Zero)
        {
            wait = asked.Plan.Logins.Where(store.Seat.IsNeeded).Select(window => store.Seat.TurnIn(window, away)).Append(TimeSpan.Zero).Max();
        }
        return wait <= TimeSpan.Zero
            && vault.AwayBudget.TryTake(asked.Plan.Endpoint, asked.Plan.Identity, [.. asked.Plan.Logins.Select(Share)], asked.IsRejection, out wait);
    }

    private LoginWindowOptions Share(LoginWindowOptions window) => !store.Seat.IsNeeded(window)
        ? window with { Permit = window.Permit / store.Times.MaxReplicas }
        : window with { Permit = 1, Per = window.Per * store.Times.MaxReplicas / window.Permit };
}
