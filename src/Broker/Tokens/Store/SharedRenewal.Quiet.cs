using Broker.Tokens.Sources;

namespace Broker.Tokens.Store;

/// <content>What a call that brought no token leaves behind: for the other replicas, and for this process.</content>
internal sealed partial class SharedRenewal
{
    /// <summary>No token came: refused, not now or unknown. The others keep quiet with us.</summary>
    private async Task<Step> Quiet(Asked asked, Lease lease, string call, TokenAnswer answer, bool keepNote)
    {
        var (plan, isRefused, isLogin) = (asked.Plan, answer.Kind == AnswerKind.Refused, call == "login");
        var pause = QuietTime.Pause(lease.Seen.Quiet.FailuresOf(plan.Fingerprint), answer, isLogin, plan.Times);
        var problem = answer.Problem(plan.Source.CanLogin);
        if (isRefused)
        {
            asked.Identity.Waits(plan.Fingerprint, problem, pause);
        }
        if (answer.IsDefinite)
        {
            asked.Identity.Refused(plan.Fingerprint);
        }
        var fate = keepNote ? NoteFate.Shorten : NoteFate.Withdraw;
        var failure = LastFailure.Write(call, answer, store.Replica);
        await Settle(
            new(fate, pause, pause, problem, plan.Times.QuietTimeMax * 2, answer.IsDefinite ? plan.Fingerprint : null, failure)
            {
                Whose = isRefused ? plan.Fingerprint : default,
                IsUnknownRefresh = answer.Kind == AnswerKind.Unknown && !isLogin,
            },
            lease);
        return Step.Failed(problem, pause);
    }

    private async Task Settle(Settlement settlement, Lease lease)
    {
        own = settlement.Note == NoteFate.Withdraw ? null
            : own is { } mine ? mine with { Note = mine.Note with { Left = settlement.NoteLeft }, At = time.GetTimestamp() } : null;
        Saw(await store.Tokens.Settle(name, lease.Attempt, settlement));
    }
}
