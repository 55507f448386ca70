using Broker.Configuration;
using Broker.Credentials;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;

namespace Broker.Forwarding;

/// <summary>Ends every exchange that outlives a moment and would not be admitted any more.</summary>
/// <remarks>
/// One timer for all. A tick walks those under way, and looks at one again only when what it rests on changed, or its token ended:
/// <code>
/// admitted --a moment--> looked at --in order--> left alone until: its end | a revocation | new keys or users | a reload | RecheckAfter
///                            '--not--> told to end: close frame, or cut --> cut at last, whoever holds it
/// </code>
/// </remarks>
internal sealed class ExchangeSweep(
    OpenExchanges open,
    Readmission readmission,
    SnapshotStore snapshots,
    TimeProvider time,
    ILogger<ExchangeSweep> logger
) : BackgroundService
{
    private const int Http2Cancel = 8; // RFC 9113, 7

    private static readonly TimeSpan Tick = TimeSpan.FromMilliseconds(200);

    // What is over sooner is an ordinary request: it was admitted, and is answered.
    private static readonly TimeSpan Moment = TimeSpan.FromMilliseconds(300);

    // For the frame of a WebSocket that is on its way; all together within a second.
    private static readonly TimeSpan ToBoundary = TimeSpan.FromMilliseconds(400);
    private static readonly TimeSpan ToAnswer = TimeSpan.FromMilliseconds(1500);

    // What is forgotten to be told of, or comes with time alone, is found by then.
    private static readonly TimeSpan RecheckAfter = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan RecheckTimeout = TimeSpan.FromSeconds(5);

    private readonly List<BrokeredRequest> due = [];
    private readonly CredentialChanges changes = new();
    private Snapshot? snapshot;
    private long state;
    private long now;
    private long utcNow;

    /// <summary>One look at all; it waits for nobody.</summary>
    public void Sweep()
    {
        var isChanged = !ReferenceEquals(snapshot, snapshots.Current);
        snapshot = snapshots.Current;
        isChanged |= snapshot.Part<CredentialTable>().HaveChanged(changes);
        state += isChanged || state == 0 ? 1 : 0;
        (now, utcNow) = (time.GetTimestamp(), time.GetUtcNow().UtcTicks);
        due.Clear();
        open.Collect(due, IsDue);
        foreach (var passage in due)
        {
            _ = Look(passage, state);
        }
    }

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        using var timer = new PeriodicTimer(Tick, time);
        try
        {
            while (await timer.WaitForNextTickAsync(stoppingToken))
            {
                try
                {
                    Sweep();
                }
                catch (Exception failure)
                {
                    ExchangeLog.SweepFailed(logger, failure.GetType().FullName ?? "exception", failure.StackTrace ?? "");
                }
            }
        }
        catch (OperationCanceledException) when (stoppingToken.IsCancellationRequested)
        {
            // Told to stop.
        }
    }

    private bool IsDue(BrokeredRequest passage)
    {
        if (passage.EndedAt != 0)
        {
            var since = time.GetElapsedTime(passage.EndedAt, now);
            if (passage.Socket is { } socket && (since >= ToAnswer || (since >= ToBoundary && !socket.IsReleased)))
            {
                Cut(passage);
            }

            return false;
        }

        if (passage.IsLookedAt || time.GetElapsedTime(passage.AdmittedAt, now) < Moment)
        {
            return false;
        }

        return passage.IsLookedAt =
            passage.SeenState != state || utcNow >= passage.OverAt || time.GetElapsedTime(passage.SeenAt, now) >= RecheckAfter;
    }

    private async Task Look(BrokeredRequest passage, long state)
    {
        var verdict = default(Verdict);
        try
        {
            var judged = readmission.Judge(passage);
            verdict = judged.IsCompletedSuccessfully ? judged.Result : await judged.AsTask().WaitAsync(RecheckTimeout, time);
        }
        catch (TimeoutException)
        {
            verdict = new(Refusal.CredentialUnverified) { IsUnknown = true };
        }
        catch (Exception failure)
        {
            ExchangeLog.SweepFailed(logger, failure.GetType().FullName ?? "exception", failure.StackTrace ?? "");
            verdict = new(Refusal.CredentialUnverified) { IsUnknown = true };
        }

        var isEnded = false;
        if (OpenExchanges.While(passage, exchange => isEnded = Conclude(exchange, verdict, state)) && isEnded)
        {
            var seconds = Math.Round(time.GetElapsedTime(passage.AdmittedAt).TotalSeconds, 1);
            ExchangeLog.Ended(logger, passage.Caller?.Identity, passage.Route!.Id, passage.Route.Upstream?.Name, verdict.Why, seconds);
        }
    }

    private bool Conclude(BrokeredRequest passage, in Verdict verdict, long state)
    {
        var at = time.GetTimestamp();
        passage.IsLookedAt = false;
        if (verdict.Route is not null)
        {
            (passage.SeenState, passage.SeenAt, passage.UnknownSince, passage.OverAt) = (state, at, 0, verdict.OverAt);
            (passage.PresentRoute, passage.PresentDemand) = (verdict.Route, verdict.Demand);
            return false;
        }

        if (verdict.Refusal is null)
        {
            return false; // looked at again at the next tick
        }

        if (verdict.IsUnknown)
        {
            passage.UnknownSince = passage.UnknownSince == 0 ? at : passage.UnknownSince;
            if (time.GetElapsedTime(passage.UnknownSince) < RecheckTimeout)
            {
                return false;
            }
        }

        passage.Refusal ??= verdict.Refusal; // for the request's own line; nothing of it is written
        passage.EndedAt = at;
        if (passage.Socket is { } socket)
        {
            socket.End(verdict.Refusal.Code);
        }
        else
        {
            Cut(passage);
        }

        return true;
    }

    /// <summary>The caller sees an answer that broke off, not one that ended: a reset of the stream, or of the connection.</summary>
    private static void Cut(BrokeredRequest passage)
    {
        var context = passage.Incoming!.HttpContext;
        var protocol = context.Features.GetRequiredFeature<IHttpRequestFeature>().Protocol;
        if (HttpProtocol.IsHttp2(protocol) && context.Features.Get<IHttpResetFeature>() is { } stream)
        {
            stream.Reset(Http2Cancel);
        }
        else
        {
            context.Abort();
        }
    }
}
