using Broker.Configuration;

namespace Broker.UpstreamTokens;

/// <content>Redis is away, or of a Cluster the node of this record or its budget: what this process may do alone.</content>
internal sealed partial class SharedRenewal
{
    /// <summary>Since when no step of this record was answered, other records' or not; null when the last one was.</summary>
    private volatile Silence? silence;

    private readonly OutageHistory absences = new(vault.Time);
    private long heardAt = long.MinValue;

    /// <summary>
    /// Only near the token's end, and nothing that dies at its use is spent. What is got so has no number, and is never published.
    /// </summary>
    private async Task<RenewalResult> Away(RenewalRequest asked)
    {
        var (plan, source) = (asked.Plan, asked.Plan.Source);
        if (!IsNearEnd(asked))
        {
            return RenewalResult.Failed(TokenProblem.Unavailable, plan.Times.RetryDelay);
        }
        var at = time.GetTimestamp();
        if (
            !source.Rotates
            && (Held?.Refresh ?? source.FirstRefreshToken) is { } refresh
            && (source.CanLogin || asked.Identity.MayLogIn(plan.Fingerprint))
        )
        {
            var refreshed = await calls.Ask(plan, "refresh", cancellation => source.Refresh(new(Held?.Access, refresh), cancellation));
            var leadsToLogin =
                refreshed.Kind == TokenAnswerKind.Refused || (refreshed.Kind == TokenAnswerKind.Unknown && IsEnough(Held, shared: 0));
            if (!source.CanLogin || !leadsToLogin)
            {
                return Alone(asked, refreshed, at, isLogin: false);
            }
        }
        if (!source.CanLogin)
        {
            return RenewalResult.Failed(TokenProblem.Unavailable);
        }
        if (asked.Identity.IsRefused(plan.Fingerprint))
        {
            return RenewalResult.Failed(TokenProblem.LoginRefused, plan.Times.MaxRetryDelay);
        }
        var (quiet, problem) = asked.Identity.Wait(plan.Fingerprint);
        if (quiet > TimeSpan.Zero)
        {
            return RenewalResult.Failed(problem, quiet);
        }
        if (await WaitAlone(asked) is { } wait)
        {
            TokenLog.BudgetSpent(log, plan.Upstream, plan.Account, wait.TotalSeconds);
            // Redis may be back long before: it is looked for again soon.
            return RenewalResult.Failed(TokenProblem.BudgetSpent, Min(wait, plan.Times.RetryDelay));
        }
        at = time.GetTimestamp();
        return Alone(asked, await calls.Ask(plan, "login", source.Login), at, isLogin: true);
    }

    private RenewalResult Alone(RenewalRequest asked, TokenAnswer answer, long at, bool isLogin)
    {
        var plan = asked.Plan;
        if (answer.Kind == TokenAnswerKind.Token)
        {
            asked.Identity.Accepted(plan.Fingerprint);
            (served, unknowns) = (answer.Pair!.Access, 0);
            return new(served, at, answer.Life, TokenProblem.None, null);
        }
        if (answer.IsDefinite)
        {
            asked.Identity.Refused(plan.Fingerprint);
        }
        // Of what is no refusal the cell's own pause is enough: Redis may be back long before.
        var problem = answer.Problem(plan.Source.CanLogin);
        return RenewalResult.Failed(
            problem,
            answer.Kind == TokenAnswerKind.Refused
                ? asked.Identity.Fails(plan.Fingerprint, problem, answer, isLogin, plan.Times)
                : answer.RetryAfter
        );
    }

    /// <summary>A quarter of the margin: so much for the time in which Redis may come back.</summary>
    private bool IsNearEnd(RenewalRequest asked)
    {
        if (asked.IsRejection || asked.Cell.Held is not { IsOver: false } now)
        {
            return true;
        }
        var margin = time.GetElapsedTime(now.DueAt, now.EndsAt);
        return time.GetElapsedTime(time.GetTimestamp(), now.EndsAt) <= margin / 4;
    }

    /// <summary>
    /// A share of the budget, from one window after Redis went away: until then the others may have used it all. Where there is not one for
    /// each, each has its turn.
    /// </summary>
    /// <remarks>Of a Cluster the budget's node may be there: others go on using it, and it is asked. One that is not counts from its own
    /// absence.</remarks>
    /// <returns>How long until there is one; null when it was taken.</returns>
    private async Task<TimeSpan?> WaitAlone(RenewalRequest asked)
    {
        var longest = asked.Plan.Logins.Select(window => window.Per).Append(TimeSpan.Zero).Max();
        foreach (var scope in Scopes(asked).Where(_ => store.Tokens.IsSpread))
        {
            await store.Remind(asked.Plan.BudgetOf(scope.Key)); // takes nothing, and tells whether its node is there, or there again
        }
        if (
            Longer(longest - AwayFor(asked), Unsure(asked, Scopes(asked).Where(scope => SilenceOf(asked, scope) > TimeSpan.Zero)))
                is var left
            && left > TimeSpan.Zero
        )
        {
            return left;
        }
        TimeSpan Turn() =>
            asked
                .Plan.Logins.Where(store.Seat.IsNeeded)
                .Select(window => store.Seat.TurnIn(window, store.AwayFor))
                .Append(TimeSpan.Zero)
                .Max();
        if (Turn() is var turn && turn > TimeSpan.Zero)
        {
            return turn; // before anything is taken: permits are never given back
        }
        List<IGrouping<LoginScope, LoginWindowOptions>> alone = [];
        foreach (var scope in Scopes(asked))
        {
            // Where there is one server, and nobody has heard of it for so long, there is nobody to ask.
            var permission = !store.Tokens.IsSpread && store.AwayFor >= longest ? default : await Permit(asked, store.NewAttempt(), scope);
            if (permission.Outcome == StoreOutcome.Lost)
            {
                return permission.Wait;
            }
            if (permission.Outcome == StoreOutcome.Unknown)
            {
                alone.Add(scope);
            }
        }
        if (AwayFor(asked) < longest)
        {
            return TimeSpan.Zero; // it came back meanwhile: there is a lease to be had
        }
        if (Longer(Unsure(asked, alone), Turn()) is var late && late > TimeSpan.Zero)
        {
            return late;
        }
        if (!vault.AwayBudget.TryTake(asked.Plan, [.. alone.SelectMany(scope => scope).Select(Share)], asked.IsRejection, out var wait))
        {
            return wait;
        }
        foreach (var scope in alone)
        {
            store.LogsInAlone(asked.Plan.BudgetOf(scope.Key), asked.IsRejection);
        }
        return null;
    }

    private TimeSpan SilenceOf(RenewalRequest asked, IGrouping<LoginScope, LoginWindowOptions> scope) =>
        store.SilenceOf(asked.Plan.BudgetOf(scope.Key));

    /// <summary>How long until the others cannot have used these budgets since they were heard of the last time.</summary>
    private TimeSpan Unsure(RenewalRequest asked, IEnumerable<IGrouping<LoginScope, LoginWindowOptions>> scopes) =>
        !store.Tokens.IsSpread
            ? TimeSpan.Zero
            : scopes.Select(scope => scope.Max(window => window.Per) - SilenceOf(asked, scope)).Append(TimeSpan.Zero).Max();

    private static TimeSpan Longer(TimeSpan a, TimeSpan b) => a > b ? a : b;

    /// <summary>How long all of Redis is away; of a Cluster, the node of this record or of a budget of it.</summary>
    private TimeSpan AwayFor(RenewalRequest asked) =>
        !store.Tokens.IsSpread
            ? store.AwayFor
            : Scopes(asked)
                .Select(scope => SilenceOf(asked, scope))
                .Append(silence is { } now && now.Returns == store.Returns ? time.GetElapsedTime(now.Since) : TimeSpan.Zero)
                .Append(store.AwayFor)
                .Max();

    private LoginWindowOptions Share(LoginWindowOptions window) =>
        !store.Seat.IsNeeded(window)
            ? window with
            {
                Permit = window.Permit / store.Times.MaxReplicas,
            }
            : window with
            {
                Permit = 1,
                Per = window.Per * store.Times.MaxReplicas / window.Permit,
            };

    private sealed record Silence(long Since, int Returns);
}
