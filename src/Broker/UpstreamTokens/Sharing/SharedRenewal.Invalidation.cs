namespace Broker.UpstreamTokens;

/// <summary>What an operator's word about a shared token comes to in a process that holds one.</summary>
internal enum Heard
{
    Nothing,

    /// <summary>There is a newer one to be taken.</summary>
    Newer,

    /// <summary>It was taken away.</summary>
    Gone,
}

/// <content>An operator replaced the token, or took it away, and tells the replicas that hold an older one.</content>
internal sealed partial class SharedRenewal
{
    /// <summary>
    /// Looks at what is stored, and changes nothing there. May run beside <see cref="Run"/>: whoever publishes on Redis makes us read, no
    /// more.
    /// </summary>
    public async Task<Heard> Look()
    {
        var before = Held;
        var seen = await store.Tokens.Read(name);
        if (seen.Outcome != StoreOutcome.Done || seen.Pair is not { } pair || pair.FencingToken <= (before?.FencingToken ?? 0))
        {
            return Heard.Nothing;
        }
        Heed(pair);
        return pair.IsForgotten ? Heard.Gone : Heard.Newer;
    }

    /// <summary>
    /// Whether it was taken away since the last look. It is held as a pair is: so that a Redis that loses its memory is told of it, and not
    /// of what was there before.
    /// </summary>
    private bool Heed(SharedPair? pair)
    {
        var now = holding;
        if (pair is { IsForgotten: true } && pair.FencingToken > (now?.Pair.FencingToken ?? 0))
        {
            // One that is newer still may have come meanwhile.
            Interlocked.CompareExchange(ref holding, new(pair, time.GetTimestamp() + Ticks(store.Times.RefreshTokenTtl)), now);
            return true;
        }
        return false;
    }
}
