using System.Runtime.CompilerServices;

namespace Broker.Forwarding;

/// <summary>One HTTP/1.1 connection to an upstream, on which a 401 is seen while the request's body is still on its way.</summary>
/// <remarks>
/// .NET's client reads an HTTP/1.1 answer only when the whole body is sent: an open upload whose token was refused would never hear of it.
/// So while a body is sent, this reads ahead (where the client does not itself), looks at the status, tells it to the body, and keeps what it read for the client.
/// </remarks>
internal sealed class AnswerWatch(Stream inner) : Stream
{
    private static readonly AsyncLocal<EarlyAnswer?> Sending = new();

    private readonly Lock gate = new();
    private readonly byte[] ahead = new byte[1024];
    private EarlyAnswer? watched;
    private AnswerStatus status;
    private Task? reading;
    private int at;
    private int end;
    private bool isClientReading;

    public override bool CanRead => true;

    public override bool CanSeek => false;

    public override bool CanWrite => true;

    public override long Length => throw new NotSupportedException();

    public override long Position { get => throw new NotSupportedException(); set => throw new NotSupportedException(); }

    /// <summary>Who waits for the answer to what is sent from here on in this flow; null for nobody.</summary>
    public static void Begin(EarlyAnswer? answer)
    {
        if (answer is not null || Sending.Value is not null)
        {
            Sending.Value = answer;
        }
    }

    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder<>))]
    public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
    {
        while (OursOrTheClients() is { } ours)
        {
            await ours.WaitAsync(cancellationToken);
            if (Kept(buffer.Span) is var kept && (kept > 0 || buffer.IsEmpty))
            {
                return kept;
            }
        }

        var count = 0;
        try
        {
            count = await inner.ReadAsync(buffer, cancellationToken);
        }
        finally
        {
            Look(buffer.Span[..count], isOurs: false, isReal: !buffer.IsEmpty);
        }

        return count;
    }

    public override ValueTask WriteAsync(ReadOnlyMemory<byte> buffer, CancellationToken cancellationToken = default)
    {
        OnceSent.Hold(this);
        var answer = Sending.Value;
        if (!ReferenceEquals(answer, Volatile.Read(ref watched)) && answer is not { IsKnown: true })
        {
            Watch(answer);
        }

        var writing = inner.WriteAsync(buffer, cancellationToken);
        return answer is null || writing.IsCompletedSuccessfully ? writing : Written(writing, answer, cancellationToken);
    }

    public override Task FlushAsync(CancellationToken cancellationToken) => inner.FlushAsync(cancellationToken);

    public override void Flush() => inner.Flush();

    public override int Read(byte[] buffer, int offset, int count) => throw new NotSupportedException();

    public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();

    public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

    public override void SetLength(long value) => throw new NotSupportedException();

    public override async ValueTask DisposeAsync()
    {
        await inner.DisposeAsync();
        await base.DisposeAsync();
    }

    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            inner.Dispose();
        }

        base.Dispose(disposing);
    }

    /// <summary>A connection that was closed on us may hold the answer still: that is read before the failure is told.</summary>
    private static async ValueTask Written(ValueTask writing, EarlyAnswer answer, CancellationToken cancellation)
    {
        try
        {
            await writing;
        }
        catch (IOException)
        {
            await answer.WhenKnown(cancellation);
            throw;
        }
    }

    /// <summary>A read of ours that goes first; where there is none, the client's own begins.</summary>
    private Task? OursOrTheClients()
    {
        lock (gate)
        {
            isClientReading = reading is null;
            return reading;
        }
    }

    private void Watch(EarlyAnswer? answer)
    {
        lock (gate)
        {
            status = default;
            watched = answer;
            if (answer is not null && !isClientReading && reading is null)
            {
                reading = ReadAhead();
            }
        }
    }

    private async Task ReadAhead()
    {
        await Task.Yield(); // not under the gate
        var count = 0;
        try
        {
            count = await inner.ReadAsync(ahead.AsMemory(end));
        }
        catch (Exception)
        {
            // The client meets it when it writes, or reads.
        }

        Look(ahead.AsSpan(end, count), isOurs: true, isReal: true);
    }

    /// <summary>What was read ahead; when that is used up, the client reads again itself.</summary>
    private int Kept(Span<byte> buffer)
    {
        lock (gate)
        {
            var count = Math.Min(buffer.Length, end - at);
            ahead.AsSpan(at, count).CopyTo(buffer);
            at += count;
            if (at == end && reading is { IsCompleted: true })
            {
                (at, end, reading) = (0, 0, null);
            }

            return count;
        }
    }

    private void Look(ReadOnlySpan<byte> bytes, bool isOurs, bool isReal)
    {
        lock (gate)
        {
            (isClientReading, end) = (isClientReading && isOurs, isOurs ? end + bytes.Length : end);
            if (watched is null || !isReal)
            {
                return;
            }

            var code = bytes.IsEmpty ? -1 : status.Read(bytes);
            if (code != 0)
            {
                watched.Set(code);
                watched = null;
            }
            else if (end < ahead.Length && (isOurs || reading is null))
            {
                reading = ReadAhead(); // cut in the middle of the line, or a 1xx before the answer
            }
        }
    }
}
