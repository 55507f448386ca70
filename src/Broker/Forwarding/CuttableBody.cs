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
            return await inner.ReadAsync(buffer, cancellationToken == reading.Token ? cancellationToken : Linked(cancellationToken));
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
