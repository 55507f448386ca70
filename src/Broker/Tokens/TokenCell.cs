namespace Broker.Tokens;

/// <summary>One account's token in this process: empty, fresh, due, stale.</summary>
internal sealed class TokenCell
{
    /// <summary>The token when it may be handed out at once (fresh, or due and then renewed behind it): no lock, no allocation.</summary>
    public bool TryGet(out UpstreamToken token) => throw new NotImplementedException();

    /// <summary>The token, after a renewal when there is none; the wait is the caller's own (its patience, its cancellation), the renewal is not.</summary>
    public ValueTask<TokenResult> Get(CancellationToken cancellation) => throw new NotImplementedException();

    /// <summary>Says that the upstream refused this token (401) on a request sent at <paramref name="sentAt"/>, and gets its successor.</summary>
    /// <param name="refused">The token that was refused.</param>
    /// <param name="sentAt">When the refused request was sent.</param>
    /// <param name="subject">Route and ids: one that got 401 with two successive tokens rejects none for ten minutes.</param>
    /// <param name="cancellation">The caller's own.</param>
    public ValueTask<TokenResult> Replace(UpstreamToken refused, long sentAt, string subject, CancellationToken cancellation) =>
        throw new NotImplementedException();

    /// <summary>Says that the successor was refused as well on the same subject.</summary>
    public void RefusedAgain(UpstreamToken refused, string subject) => throw new NotImplementedException();
}
