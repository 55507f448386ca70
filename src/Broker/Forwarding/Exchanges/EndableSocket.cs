using System.Buffers.Binary;
using System.Runtime.CompilerServices;
using System.Text;

namespace Broker.Forwarding;

/// <summary>The caller's side of a WebSocket, as bytes both ways, which the broker can close with a close frame of its own.</summary>
/// <remarks>
/// <code>
/// caller ===== read =====> upstream     told to end: nothing more is taken from the caller
/// caller &lt;==== write ==== upstream     told to end: the frame on its way goes on to its boundary, then our close frame, then nothing
/// </code>
/// Then both directions fail, so that YARP gives up the upstream; and the caller has a moment to answer the close frame. Who does not come
/// to a boundary, or does not read, is cut by <see cref="ExchangeSweep"/>.
/// </remarks>
internal sealed class EndableSocket(Stream inner) : Stream
{
    /// <summary>4000 to 4999 are for applications (RFC 6455, 7.4.2); this is what servers commonly say for HTTP's 401.</summary>
    public const ushort Status = 4401;

    private readonly Lock gate = new();
    private readonly CancellationTokenSource ended = new();
    private readonly TaskCompletionSource never = new();
    private CancellationTokenSource? reading;
    private CancellationToken readingFor;
    private FrameTrack toCaller;
    private FrameTrack fromCaller;
    private bool isWriting;
    private volatile byte[]? close;

    public override bool CanRead => true;

    public override bool CanSeek => false;

    public override bool CanWrite => true;

    public override long Length => throw new NotSupportedException();

    public override long Position
    {
        get => throw new NotSupportedException();
        set => throw new NotSupportedException();
    }

    public bool IsEnding => close is not null;

    /// <summary>YARP has let go of both directions, and of the upstream.</summary>
    public bool IsReleased { get; private set; }

    /// <summary>Closes it. Waits for nobody.</summary>
    /// <param name="reason">For the caller to read; short.</param>
    public void End(string reason)
    {
        lock (gate)
        {
            if (close is not null)
            {
                return;
            }

            close = CloseFrame(reason);
            if (isWriting || !toCaller.IsAtBoundary)
            {
                return; // whoever writes comes to the boundary
            }

            isWriting = true;
        }

        _ = SayClose();
    }

    /// <summary>After YARP let go: gives the caller its moment to answer the close frame. What it sends until then is for nobody.</summary>
    public async Task Finish(CancellationToken cancellation)
    {
        var buffer = new byte[4096];
        try
        {
            while (!fromCaller.SawClose && await inner.ReadAsync(buffer, cancellation) is > 0 and var count)
            {
                fromCaller.Take(buffer.AsSpan(0, count));
            }
        }
        catch (Exception failure) when (failure is IOException or OperationCanceledException)
        {
            // The caller is gone, or its moment is over.
        }

        await inner.DisposeAsync();
    }

    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder<>))]
    public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
    {
        if (reading is null || readingFor != cancellationToken)
        {
            reading?.Dispose();
            (reading, readingFor) = (CancellationTokenSource.CreateLinkedTokenSource(cancellationToken, ended.Token), cancellationToken);
        }

        var cancellation = reading.Token;
        var count = IsEnding ? 0 : await inner.ReadAsync(buffer, cancellation);
        fromCaller.Take(buffer.Span[..count]);
        if (IsEnding)
        {
            await never.Task.WaitAsync(cancellation); // until the close frame is on its way
        }

        return count;
    }

    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder))]
    public override async ValueTask WriteAsync(ReadOnlyMemory<byte> buffer, CancellationToken cancellationToken = default)
    {
        lock (gate)
        {
            if (IsEnding && (isWriting || toCaller.IsAtBoundary))
            {
                throw Ended();
            }

            isWriting = true;
            buffer = buffer[..toCaller.Take(buffer.Span, toBoundary: IsEnding)];
        }

        await inner.WriteAsync(buffer, cancellationToken);
        lock (gate)
        {
            isWriting = IsEnding && toCaller.IsAtBoundary;
        }

        if (isWriting)
        {
            await SayClose();
            throw Ended();
        }
    }

    public override Task FlushAsync(CancellationToken cancellationToken) => inner.FlushAsync(cancellationToken);

    public override void Flush() => throw new NotSupportedException();

    public override int Read(byte[] buffer, int offset, int count) => throw new NotSupportedException();

    public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();

    public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

    public override void SetLength(long value) => throw new NotSupportedException();

    protected override void Dispose(bool disposing)
    {
        IsReleased = true;
        reading?.Dispose();
        if (!IsEnding)
        {
            inner.Dispose();
        }

        base.Dispose(disposing);
    }

    /// <summary>Two bytes of head, two of status, at most 123 of reason (RFC 6455, 5.5.1); from a server, so without a mask.</summary>
    private static byte[] CloseFrame(string reason)
    {
        var text = Encoding.ASCII.GetBytes(reason[..Math.Min(reason.Length, 123)]);
        var frame = new byte[4 + text.Length];
        (frame[0], frame[1]) = (0x88, (byte)(2 + text.Length));
        BinaryPrimitives.WriteUInt16BigEndian(frame.AsSpan(2), Status);
        text.CopyTo(frame, 4);
        return frame;
    }

    private static IOException Ended() => new("The broker ended the WebSocket.");

    private async Task SayClose()
    {
        try
        {
            if (!toCaller.SawClose)
            {
                await inner.WriteAsync(close);
                await inner.FlushAsync();
            }
        }
        catch (Exception failure) when (failure is IOException or OperationCanceledException or InvalidOperationException)
        {
            // The caller is gone: nobody is left to be told.
        }

        await ended.CancelAsync();
    }
}
