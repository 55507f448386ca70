namespace Broker.Forwarding;

/// <summary>Where a request's body is written to, with the number of bytes written so far.</summary>
internal sealed class CountedStream(Stream inner) : AsyncStream
{
    public long Count { get; private set; }

    public override bool CanRead => false;

    public override ValueTask WriteAsync(ReadOnlyMemory<byte> buffer, CancellationToken cancellationToken = default)
    {
        Count += buffer.Length;
        return inner.WriteAsync(buffer, cancellationToken);
    }

    public override Task FlushAsync(CancellationToken cancellationToken) => inner.FlushAsync(cancellationToken);
}
