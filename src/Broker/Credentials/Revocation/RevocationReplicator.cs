using Broker.Redis;

namespace Broker.Credentials;

/// <summary>
/// Keeps what this replica knows and what stands in Redis the same: reads what is new, and says again what Redis has lost.
/// </summary>
/// <remarks>
/// <code>
/// word on the channel, or Poll ran out --> read since the cursor --> same epoch: told, heard now
///                                                            \-> another epoch: read all;
///                                                                what is known here and was not there is said again
/// </code>
/// It has heard once it has read all of an epoch that is old enough: before that, other replicas may still have to say theirs again.
/// </remarks>
internal sealed class RevocationReplicator : IDisposable
{
    private const int AtOnce = 64;

    private readonly RedisRevocationLog ledger;
    private readonly IReplicatedState state;
    private readonly ReplicationTimes times;
    private readonly TimeProvider time;
    private readonly ILogger log;
    private readonly SemaphoreSlim turn = new(1, 1);
    private readonly CancellationTokenSource stop = new();
    private readonly RevocationLogCursor cursor = new();
    private readonly Outbox unsaid = new();
    private readonly ReadTrouble trouble;
    private TaskCompletionSource wake = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private volatile Contact? contact;
    private TimeSpan young;
    private bool isToAgree;

    public RevocationReplicator(RedisRevocationLog ledger, IReplicatedState state, ReplicationTimes times, TimeProvider time, ILogger log)
    {
        (this.ledger, this.state, this.times, this.time, this.log) = (ledger, state, times, time, log);
        trouble = new(log);
        ledger.Link.Returned += () => LookNow();
        ledger.Link.Heard += message => _ = message == ledger.Names.Message && LookNow();
    }

    public void Start()
    {
        using (ExecutionContext.IsFlowSuppressed() ? default : ExecutionContext.SuppressFlow())
        {
            _ = Run();
        }
    }

    /// <summary>
    /// Whether all that stood in Redis so long ago, or less, is known here. Asked on each request: no lock, no allocation, no call.
    /// </summary>
    /// <remarks>By both clocks: the one stands still while the machine sleeps, the other can be set.</remarks>
    public bool HasHeardWithin(TimeSpan span) =>
        contact is { } last && time.GetElapsedTime(last.Stamp) < span && time.GetUtcNow() - last.Utc < span;

    /// <summary>Says it to all. False when it is not known whether Redis has it; it is said again until it has.</summary>
    public async Task<bool> Say(RevocationEvent fact)
    {
        unsaid.Put(fact);
        if (!await ledger.Add([fact]))
        {
            return false;
        }

        unsaid.Said(fact);
        return true;
    }

    /// <summary>Whether something of this is not known to stand in Redis.</summary>
    public bool IsToSay(RevocationEventKind kind, string name) => unsaid.Has(kind, name);

    /// <summary>Says it to all as soon as that is possible; nobody waits for it.</summary>
    public void SayLater(RevocationEvent fact)
    {
        unsaid.Put(fact);
        LookNow();
    }

    /// <summary>Reads all that is new now; false when that was not possible.</summary>
    /// <exception cref="OperationCanceledException">Who asked did not wait for its turn.</exception>
    public async Task<bool> CatchUp(CancellationToken cancellation)
    {
        await turn.WaitAsync(cancellation);
        try
        {
            while (true)
            {
                if (await ReadPage() is not { } more)
                {
                    return false;
                }

                if (!more)
                {
                    return true;
                }
            }
        }
        finally
        {
            turn.Release();
        }
    }

    public void Dispose()
    {
        stop.Cancel();
        LookNow();
    }

    private bool LookNow() => Volatile.Read(ref wake).TrySetResult();

    private async Task Run()
    {
        while (!stop.IsCancellationRequested)
        {
            var word = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
            Volatile.Write(ref wake, word); // what is said from here on wakes
            try
            {
                await CatchUp(stop.Token);
                trouble.IsOver();
            }
            catch (Exception problem) when (problem is not OperationCanceledException)
            {
                trouble.Met(problem); // whatever stands in Redis must not end the watch
            }

            var pause = young > TimeSpan.Zero && young < times.Poll ? young : times.Poll * trouble.Slower;
            await word.Task.WaitAsync(pause, time, stop.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    /// <summary>Whether there is more to do at once; null when Redis did not answer.</summary>
    private async Task<bool?> ReadPage()
    {
        var (stamp, utc) = (time.GetTimestamp(), time.GetUtcNow());
        // A clock that was set back: what was over by it, and is forgotten here, may not be over.
        var before = cursor.Epoch = utc < contact?.Utc - TokenReader.Skew ? "" : cursor.Epoch;
        if (await ledger.Since(cursor) is not { } page)
        {
            return null;
        }

        if (page.Epoch != before)
        {
            unsaid.BeginReading();
        }

        foreach (var fact in page.Facts)
        {
            state.Hear(fact);
            unsaid.Saw(fact);
        }

        trouble.Doubts(page.Doubtful);
        if (page.Doubtful > 0 || page.HasMore)
        {
            return true;
        }

        trouble.AllRead();
        if (unsaid.EndReading(state.Known))
        {
            ReplicationLog.Epoch(log, page.EpochAge.TotalSeconds);
            isToAgree = true;
        }

        // Of a word that came and went while nothing was heard there is no trace in the log.
        isToAgree |= contact is not null && !HasHeardWithin(RevocationEvent.WordLives / 2);
        if ((isToAgree || state.IsBehind) && !await state.Agree())
        {
            return null;
        }

        isToAgree = false;
        young = times.RecoveryDelay - page.EpochAge;
        if (young <= TimeSpan.Zero)
        {
            state.Settle();
            contact = new(stamp, utc);
        }

        return await SayAgain();
    }

    private async Task<bool?> SayAgain()
    {
        var some = unsaid.Some(AtOnce, time.GetUtcNow() - TokenReader.Skew);
        if (some.Count == 0 || !await ledger.Add(some))
        {
            return some.Count == 0 ? false : null;
        }

        some.ForEach(unsaid.Said);
        ReplicationLog.SaidAgain(log, some.Count);
        return true;
    }
}
