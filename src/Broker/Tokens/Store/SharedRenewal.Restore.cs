namespace Broker.Tokens.Store;

/// <content>What this process holds, where another Redis knows less of it, and where it knows more.</content>
internal sealed partial class SharedRenewal
{
    /// <summary>The highest generation seen that was of no use here; zero since something was.</summary>
    private long highest;

    /// <summary>The store knows less than we do. After an epoch it is told; else somebody took the pair away on purpose, and it is gone.</summary>
    private async Task<Step?> Restore(Asked asked, Holding mine, Seen seen)
    {
        if ((mine.Pair.Run == seen.Run && asked.Plan.Source.CanLogin) || mine.HasEnded(asked.Plan, time) || IsBelow(mine.Pair))
        {
            holding = null;
            return Step.Again;
        }
        var outcome = Saw(await store.Tokens.Republish(name, mine.Pair, mine.Lives(asked.Plan, store.Times, time), note, seen.Damaged));
        if (outcome == StoreOutcome.Lost)
        {
            holding = null; // what was committed under the present run id counts
        }
        return outcome == StoreOutcome.Unknown ? new(await Away(asked), default) : Step.Again;
    }

    /// <summary>A pair that is of no use here, or not yet: what stands below it is told to no Redis any more.</summary>
    private void GiveWay(Asked asked, SharedPair above, Seen seen)
    {
        highest = Math.Max(highest, above.Generation);
        var now = holding;
        if (above.Generation > (now?.Pair.Generation ?? 0) && above.Record == asked.Cell.Name)
        {
            // What an operator took away meanwhile stands above this one.
            Interlocked.CompareExchange(ref holding, new(above, seen.AskedAt + Ticks(Left(above, seen))), now);
        }
    }

    /// <summary>What was taken away stays so.</summary>
    private bool IsBelow(SharedPair mine) => mine.Generation < Interlocked.Read(ref highest) && !mine.IsForgotten;
}
