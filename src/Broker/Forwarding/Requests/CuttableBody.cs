namespace Broker.Forwarding;

/// <summary>A caller's request body that can be cut short: from then on it reads as ended, also where a read waits.</summary>
/// <param name="inner">The body as it comes.</param>
/// <param name="reading">Ends a read that waits.</param>
internal sealed class CuttableBody(Stream inner, CancellationTokenSource reading) : AsyncStream
{
    private volatile bool isCut;
    private CancellationTokenSource? linked;
    private CancellationToken linkedTo;

    public override bool CanWrite => false;

    public bool IsCut => isCut;

    /// <summary>Whether a read waits for the caller, or did when it was ended.</summary>
    public bool IsWaiting { get; private set; }

    public void Cut()
    {
        isCut = true;
        reading.Cancel();
    }

    public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
    {
        if (isCut)
        {
            return 0;
        }

        try
        {
            IsWaiting = true;
            var count = await inner.ReadAsync(buffer, cancellationToken == reading.Token ? cancellationToken : Linked(cancellationToken));
            IsWaiting = isCut; // not after a failure, or where the wait was ended: then it is known who was waited for
            return count;
        }
        catch (OperationCanceledException) when (isCut)
        {
            return 0;
        }
    }

    /// <summary>One for all reads: who reads a body reads it with one token.</summary>
    private CancellationToken Linked(CancellationToken cancellation)
    {
        if (linked is null || linkedTo != cancellation)
        {
            (linked, linkedTo) = (CancellationTokenSource.CreateLinkedTokenSource(cancellation, reading.Token), cancellation);
        }

        return linked.Token;
    }
}
