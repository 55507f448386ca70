using Microsoft.Extensions.Logging;

namespace Broker.UpstreamTokens;

/// <summary>Calls a source, and tells log and metrics what came of it.</summary>
internal sealed class TokenCalls(TimeProvider time, ILogger log)
{
    /// <summary>A call with its own deadline; what is thrown, even out of a source's own fault, is an answer that nobody knows.</summary>
    /// <param name="now">The account's plan.</param>
    /// <param name="call">Which of the source's two calls.</param>
    /// <param name="ask">The call.</param>
    /// <param name="lost">Set when the right to make the call is lost.</param>
    public async Task<TokenAnswer> Ask(
        CellPlan now,
        string call,
        Func<CancellationToken, Task<TokenAnswer>> ask,
        CancellationToken lost = default
    )
    {
        var from = time.GetTimestamp();
        using var deadline = new CancellationTokenSource(now.Times.CallDeadline, time);
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(deadline.Token, lost);
        TokenAnswer answer;
        try
        {
            answer = await ask(stop.Token);
        }
        catch (OperationCanceledException) when (deadline.IsCancellationRequested)
        {
            answer = TokenAnswer.Unknown("timed-out");
        }
        catch (OperationCanceledException) when (lost.IsCancellationRequested)
        {
            answer = TokenAnswer.Unknown("lease-lost");
        }
        catch (Exception fault)
        {
            answer = TokenAnswer.Unknown("fault-" + fault.GetType().Name);
        }
        var took = time.GetElapsedTime(from);
        // Where it is the only way in, what gets the next one is kept: the one before is spent.
        if (answer.Kind == TokenAnswerKind.Token && took >= answer.Life && (now.Source.CanLogin || answer.Pair!.Refresh is null))
        {
            answer = TokenAnswer.Unknown("over-on-arrival");
        }
        TokenLog.Renewed(log, now, call, answer, took);
        TokenMetrics.Renewed(now, call, answer, took);
        return answer;
    }
}
