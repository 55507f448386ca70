namespace Broker.Tokens.Store;

/// <summary>What a renewal is asked for.</summary>
internal sealed record Asked(CellPlan Plan, TokenCell Cell, LoginIdentity Identity, bool IsRejection);

/// <summary>One look at the store: the renewal's end, or how long to wait before the next look.</summary>
internal readonly record struct Step(Renewal? End, TimeSpan Wait)
{
    public static readonly Step Again = new(null, TimeSpan.Zero);

    /// <summary>Whether only time ends the wait: what others do to the lease meanwhile is no reason to look.</summary>
    public bool IsPause { get; private init; }

    public static Step Pause(TimeSpan wait) => new(null, wait) { IsPause = true };

    public static Step Failed(TokenProblem problem, TimeSpan? retryAfter = null) => new(Renewal.Failed(problem, retryAfter), default);
}
