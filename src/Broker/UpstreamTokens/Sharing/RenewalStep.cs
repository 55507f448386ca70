namespace Broker.UpstreamTokens;

/// <summary>What a renewal is asked for.</summary>
internal sealed record RenewalRequest(CellPlan Plan, TokenCell Cell, LoginIdentity Identity, bool IsRejection);

/// <summary>One look at the store: the renewal's end, or how long to wait before the next look.</summary>
internal readonly record struct RenewalStep(RenewalResult? End, TimeSpan Wait)
{
    public static readonly RenewalStep Again = new(null, TimeSpan.Zero);

    /// <summary>Whether only time ends the wait: what others do to the lease meanwhile is no reason to look.</summary>
    public bool IsPause { get; private init; }

    public static RenewalStep Pause(TimeSpan wait) => new(null, wait) { IsPause = true };

    public static RenewalStep Failed(TokenProblem problem, TimeSpan? retryAfter = null) =>
        new(RenewalResult.Failed(problem, retryAfter), default);
}
