using System.Buffers;
using System.IO.Pipelines;
using System.Runtime.CompilerServices;

namespace Broker.Forwarding;

/// <summary>The caller's body, whose reading can be given up without harm to the connection.</summary>
/// <remarks>
/// A read of Kestrel's own stream that a token ends stays open on HTTP/1.1: when the request is over, Kestrel cannot read the rest,
/// logs an error with a stack trace, and drops the connection. A pending read that is cancelled at the reader is closed.
/// </remarks>
internal sealed class CallerBody(PipeReader reader) : AsyncStream
{
    public override bool CanWrite => false;

    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder<>))]
    public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
    {
        cancellationToken.ThrowIfCancellationRequested();
        while (true)
        {
            var result = await Read(cancellationToken);
            if (result.Buffer.IsEmpty && result.IsCanceled)
            {
                reader.AdvanceTo(result.Buffer.Start);
                cancellationToken.ThrowIfCancellationRequested();
                continue; // meant for a read that had ended by itself
            }

            var part = result.Buffer.Slice(0, Math.Min(result.Buffer.Length, buffer.Length));
            var count = (int)part.Length;
            part.CopyTo(buffer.Span);
            reader.AdvanceTo(part.End); // from here on the bytes, and their number, are the reader's again
            if (count > 0 || result.IsCompleted || buffer.IsEmpty)
            {
                return count;
            }
        }
    }

    private ValueTask<ReadResult> Read(CancellationToken cancellation)
    {
        var reading = reader.ReadAsync(CancellationToken.None);
        return reading.IsCompleted || !cancellation.CanBeCanceled ? reading : Pending(reading, cancellation);
    }

    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder<>))]
    private async ValueTask<ReadResult> Pending(ValueTask<ReadResult> reading, CancellationToken cancellation)
    {
        await using var registration = cancellation.UnsafeRegister(static reader => ((PipeReader)reader!).CancelPendingRead(), reader);
        return await reading;
    }
}
