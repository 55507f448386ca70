namespace Broker.UpstreamTokens;

/// <content>What this process holds, where another Redis knows less of it, and where it knows more.</content>
internal sealed partial class SharedRenewal
{
    /// <summary>The highest generation seen that was of no use here; zero since something was.</summary>
    private long highest;

    /// <summary>
    /// The store knows less than we do. After an epoch it is told; else somebody took the pair away on purpose, and it is gone.
    /// </summary>
    private async Task<RenewalStep?> Restore(RenewalRequest asked, Holding mine, StoredState seen)
    {
        if ((mine.Pair.RunId == seen.Run && asked.Plan.Source.CanLogin) || mine.HasEnded(asked.Plan, time) || IsBelow(mine.Pair))
        {
            holding = null;
            return RenewalStep.Again;
        }
        var outcome = Saw(await store.Tokens.Republish(name, mine.Pair, mine.Lives(asked.Plan, store.Times, time), note, seen.Damaged));
        if (outcome == StoreOutcome.Lost)
        {
            holding = null; // what was committed under the present run id counts
        }
        return outcome == StoreOutcome.Unknown ? new(await Away(asked), default) : RenewalStep.Again;
    }

    /// <summary>A pair that is of no use here, or not yet: what stands below it is told to no Redis any more.</summary>
    private void GiveWay(RenewalRequest asked, SharedPair above, StoredState seen)
    {
        highest = Math.Max(highest, above.FencingToken);
        var now = holding;
        if (above.FencingToken > (now?.Pair.FencingToken ?? 0) && above.Record == asked.Cell.Name)
        {
            // What an operator took away meanwhile stands above this one.
            Interlocked.CompareExchange(ref holding, new(above, seen.AskedAt + Ticks(Left(above, seen))), now);
        }
    }

    /// <summary>What was taken away stays so.</summary>
    private bool IsBelow(SharedPair mine) => mine.FencingToken < Interlocked.Read(ref highest) && !mine.IsForgotten;
}
