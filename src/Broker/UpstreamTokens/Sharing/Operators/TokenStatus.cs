using Broker.Configuration;

namespace Broker.UpstreamTokens;

/// <summary>What an operator is shown of one shared token; never the token.</summary>
internal sealed record TokenStatus
{
    public required string Upstream { get; init; }

    public required string Account { get; init; }

    /// <summary>live, over, none, forgotten, or lacks-key.</summary>
    public required string State { get; init; }

    /// <summary>The number that order goes by; zero where there is no token.</summary>
    public long Generation { get; init; }

    public TimeSpan Left { get; init; }

    /// <summary>Who got it, or took it away.</summary>
    public string? By { get; init; }

    /// <summary>When it was asked for, by the clock of the replica that asked.</summary>
    public DateTimeOffset? At { get; init; }

    /// <summary>Whether it was got by another revision of the config: this one gets its own.</summary>
    public bool IsOfOtherConfig { get; init; }

    public string? LacksKey { get; init; }

    /// <summary>Whether a replica has the lease now.</summary>
    public bool IsBeingRenewed { get; init; }

    /// <summary>How long nobody asks the token endpoint, and why.</summary>
    public TimeSpan Quiet { get; init; }

    public TokenProblem QuietProblem { get; init; }

    /// <summary>How often these very credentials were refused; the third time is the last.</summary>
    public int Refusals { get; init; }

    public LastFailure? Failure { get; init; }

    public required IReadOnlyList<(LoginScope Scope, BudgetLeft Left)> Budgets { get; init; }

    public static TokenStatus Of(
        CellPlan plan,
        OpaqueName record,
        StoredState seen,
        LastFailure? failure,
        IReadOnlyList<(LoginScope Scope, BudgetLeft Left)> budgets,
        TimeProvider time
    )
    {
        var pair = seen.Pair;
        var left = pair is null
            ? TimeSpan.Zero
            : Least(TimeSpan.FromMicroseconds(pair.EndsAt - seen.Now), pair.EndsAtUtc - time.GetUtcNow(), seen.PairLeft ?? pair.Life);
        return new()
        {
            Upstream = plan.Upstream,
            Account = plan.Account,
            State =
                seen.LacksKey is not null ? "lacks-key"
                : pair is null ? "none"
                : pair.IsForgotten ? "forgotten"
                : left > TimeSpan.Zero ? "live"
                : "over",
            Generation = pair?.FencingToken ?? 0,
            Left = pair is { IsForgotten: false } && left > TimeSpan.Zero ? left : TimeSpan.Zero,
            By = pair is null ? null : LastFailure.Plain(pair.By),
            At = pair is null ? null : pair.EndsAtUtc - pair.Life,
            IsOfOtherConfig = pair is { IsForgotten: false } && pair.Record != record,
            LacksKey = seen.LacksKey is { } key ? LastFailure.Plain(key) : null,
            IsBeingRenewed = seen.LeaseLeft > TimeSpan.Zero,
            Quiet = seen.Quiet.Left,
            QuietProblem = seen.Quiet.Problem,
            Refusals = seen.Quiet.Refused == plan.Fingerprint ? seen.Quiet.Refusals : 0,
            Failure = failure,
            Budgets = budgets,
        };
    }

    private static TimeSpan Least(params ReadOnlySpan<TimeSpan> times)
    {
        var least = times[0];
        foreach (var time in times)
        {
            least = time < least ? time : least;
        }
        return least;
    }
}
