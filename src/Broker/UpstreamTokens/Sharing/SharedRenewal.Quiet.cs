namespace Broker.UpstreamTokens;

/// <content>What a call that brought no token leaves behind: for the other replicas, and for this process.</content>
internal sealed partial class SharedRenewal
{
    /// <summary>No token came: refused, not now or unknown. The others keep quiet with us.</summary>
    private async Task<RenewalStep> Quiet(RenewalRequest asked, Lease lease, string call, TokenAnswer answer, bool keepNote)
    {
        var (plan, isRefused, isLogin) = (asked.Plan, answer.Kind == TokenAnswerKind.Refused, call == "login");
        var pause = Backoff.Pause(lease.StoredState.Quiet.FailuresOf(plan.Fingerprint), answer, isLogin, plan.Times);
        var problem = answer.Problem(plan.Source.CanLogin);
        if (isRefused)
        {
            asked.Identity.BackOff(plan.Fingerprint, problem, pause);
        }
        if (answer.IsDefinite)
        {
            asked.Identity.Refused(plan.Fingerprint);
        }
        var fate = keepNote ? SpendIntentFate.Shorten : SpendIntentFate.Withdraw;
        var failure = LastFailure.Write(call, answer, store.Replica);
        await Settle(
            new(fate, pause, pause, problem, plan.Times.MaxRetryDelay * 2, answer.IsDefinite ? plan.Fingerprint : null, failure)
            {
                Whose = isRefused ? plan.Fingerprint : default,
                IsUnknownRefresh = answer.Kind == TokenAnswerKind.Unknown && !isLogin,
            },
            lease
        );
        return RenewalStep.Failed(problem, pause);
    }

    private async Task Settle(Settlement settlement, Lease lease)
    {
        own =
            settlement.Note == SpendIntentFate.Withdraw ? null
            : own is { } mine ? mine with { Note = mine.Note with { Left = settlement.NoteLeft }, At = time.GetTimestamp() }
            : null;
        Saw(await store.Tokens.Settle(name, lease.Attempt, settlement));
    }
}
