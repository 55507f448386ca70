namespace Broker.UpstreamTokens;

/// <summary>
/// What an operator does with one shared token: looks, has it replaced, has it taken away. One replica more, by the very steps of the
/// others.
/// </summary>
internal sealed class TokenAdmin(SharedTokenStore open)
{
    private readonly SharedStore store = open.Store;
    private readonly RedisTokens tokens = open.Tokens;

    /// <summary>Waits until Redis answers; a connection takes a moment.</summary>
    public async Task<bool> Answers(TokenCell cell, TimeSpan atMost)
    {
        var from = store.Time.GetTimestamp();
        while ((await tokens.Read(NameOf(cell))).Outcome != StoreOutcome.Done)
        {
            if (store.Time.GetElapsedTime(from) > atMost)
            {
                return false;
            }
            await Task.Delay(TimeSpan.FromMilliseconds(100), store.Time);
        }
        return true;
    }

    /// <summary>What is known of the token; null when Redis did not answer.</summary>
    public async Task<TokenStatus?> Look(TokenCell cell)
    {
        var (plan, name) = (cell.Renewer!.Plan, NameOf(cell));
        if (await tokens.Read(name) is not { Outcome: StoreOutcome.Done } seen)
        {
            return null;
        }
        var failure = await tokens.Failure(name);
        List<(Configuration.LoginScope Scope, BudgetLeft Left)> budgets = [];
        foreach (var scope in plan.Logins.GroupBy(window => window.Scope).OrderBy(scope => scope.Key))
        {
            var windows = scope.Select(window => new BudgetWindow(window.Permit, window.Per)).ToList();
            if (await tokens.Left(plan.BudgetOf(scope.Key), windows) is not { } left)
            {
                return null;
            }
            budgets.AddRange(left.Select(window => (scope.Key, window)));
        }
        return TokenStatus.Of(plan, cell.Name, seen, failure, budgets, store.Time);
    }

    /// <summary>
    /// Replaces the token as if an upstream had refused it: under the lease, the quiet time and the half of the budget that rejections
    /// have.
    /// </summary>
    public async Task<TokenAdminResult> Renew(TokenCell cell)
    {
        var (renewer, name) = (cell.Renewer!, NameOf(cell));
        var before = await tokens.Read(name);
        if (before.Outcome != StoreOutcome.Done)
        {
            return TokenAdminResult.Away;
        }
        // First what is stored is taken, as any replica takes it; only where that is all it came to is it refused.
        var renewal = await renewer.Run(cell, isRejection: false);
        if (renewal.Access is not null && await IsStill(before, name))
        {
            renewal = await renewer.Run(cell, isRejection: true);
        }
        if (renewal.Access is not null && !await IsStill(before, name))
        {
            await tokens.AskToLook(name);
            return new(
                true,
                "renewed: the replicas are told, and take the new token; one that misses the word does when its own is due or refused"
            );
        }
        return store.IsAway ? TokenAdminResult.Away
            : before.LacksKey is { } key ? TokenAdminResult.Lacks(key)
            : new(
                false,
                "not renewed: "
                    + renewal.Problem switch
                    {
                        TokenProblem.LoginRefused => "the upstream refuses the account's credentials" + After(renewal.RetryAfter),
                        TokenProblem.BudgetSpent => "the login budget is spent" + After(renewal.RetryAfter),
                        _ => "the token endpoint is down, slow or left in quiet" + After(renewal.RetryAfter),
                    }
            );
    }

    /// <summary>
    /// Takes the token away: what is stored instead has a number of its own, above all that went before, so nobody brings those back.
    /// </summary>
    /// <remarks>Notes are waited for, and the budget stays as it is. Quiet time and refusals end with it: the next request logs
    /// in.</remarks>
    public async Task<TokenAdminResult> Forget(TokenCell cell)
    {
        var (name, from) = (NameOf(cell), store.Time.GetTimestamp());
        var longest = (cell.Renewer!.Plan.Times.CallDeadline + store.Times.Lease) * 2;
        while (true)
        {
            var attempt = store.NewAttempt();
            var taken = await tokens.Take(name, attempt, store.Times.Lease);
            var wait = taken.LeaseLeft;
            try
            {
                if (taken.Outcome != StoreOutcome.Done)
                {
                    return TokenAdminResult.Away;
                }
                if (taken.LacksKey is { } key)
                {
                    return TokenAdminResult.Lacks(key);
                }
                if (taken.Number > 0)
                {
                    wait = taken.Note?.Left ?? TimeSpan.Zero;
                    if (wait <= TimeSpan.Zero)
                    {
                        return await TakeAway(cell, name, attempt, taken);
                    }
                }
            }
            finally
            {
                await tokens.Release(name, attempt);
            }
            if (store.Time.GetElapsedTime(from) >= longest)
            {
                return new(false, "not forgotten: a replica renews it, or did not say what became of that");
            }
            await tokens.Changed(name, wait < store.Times.Poll ? wait : store.Times.Poll);
        }
    }

    private static RecordKey NameOf(TokenCell cell) => cell.Renewer!.NameOf(cell);

    private static string After(TimeSpan? wait) =>
        wait is { } known && known > TimeSpan.Zero ? $"; try again in {Math.Ceiling(known.TotalSeconds):0} s" : "";

    private async Task<TokenAdminResult> TakeAway(TokenCell cell, RecordKey name, Attempt attempt, StoredState taken)
    {
        var plan = cell.Renewer!.Plan;
        var none = new SharedPair
        {
            FencingToken = taken.Number,
            RunId = taken.Run,
            Record = cell.Name,
            // The config's first refresh token was spent for what is taken away; where the newest is kept in a file, that goes on from
            // there.
            Spent = plan.RefreshTokenFile is null
                ? SharedRenewal.SpentBefore(cell.Renewer!.Names, taken.Pair, of: default)
                : taken.Pair?.Spent ?? [],
            Access = "",
            Refresh = null,
            Life = store.Times.RefreshTokenTtl,
            EndsAt = taken.Now + (long)store.Times.RefreshTokenTtl.TotalMicroseconds,
            EndsAtUtc = store.Time.GetUtcNow() + store.Times.RefreshTokenTtl,
            By = store.Replica,
        };
        var outcome = StoreOutcome.Unknown;
        for (var i = 0; i < store.Times.CommitTries && outcome == StoreOutcome.Unknown; i++)
        {
            outcome = await tokens.Commit(name, attempt, none, store.Times.RefreshTokenTtl);
        }
        if (outcome == StoreOutcome.Done)
        {
            await tokens.AskToLook(name);
            return new(
                true,
                $"forgotten: the replicas are told, and drop it; {Next(cell, none)}. One that misses the word serves its own until "
                    + "that is due or refused"
            );
        }
        return outcome == StoreOutcome.Unknown ? TokenAdminResult.Away : new(false, "not forgotten: a newer token came meanwhile");
    }

    private static string Next(TokenCell cell, SharedPair none) =>
        cell.Renewer!.Plan.Source is { CanLogin: false, FirstRefreshToken: { } first }
        && none.Spent.Contains(SharedRenewal.Origin(cell.Renewer.Names, first))
            ? "the account cannot log in, and its first refresh token is spent: give it a new one in the config"
            : "the next request gets another";

    private async Task<bool> IsStill(StoredState before, RecordKey name) =>
        await tokens.Read(name) is not { Outcome: StoreOutcome.Done } now
        || (now.Pair?.FencingToken ?? 0) <= (before.Pair?.FencingToken ?? 0);
}

/// <summary>What became of an operator's wish, in one line.</summary>
internal sealed record TokenAdminResult(bool IsDone, string Word)
{
    public static readonly TokenAdminResult Away = new(
        false,
        "Redis did not answer: whether it was done is not known; look at it with 'upstream-tokens show'"
    );

    public static TokenAdminResult Lacks(string key) =>
        new(
            false,
            $"the stored token is encrypted with key '{LastFailure.Plain(key)}', which Broker:Redis:Encryption does not name: "
                + "nothing was done"
        );
}
