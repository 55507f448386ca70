using System.Buffers;
using System.Runtime.CompilerServices;
using System.Runtime.ExceptionServices;

namespace Broker.Forwarding;

/// <summary>One HTTP/1.1 connection to an upstream, on which an answer is seen while the request's body is still on its way.</summary>
/// <remarks>
/// .NET's client reads an HTTP/1.1 answer only when the whole body is sent: an upload that was refused at once would be sent to its end
/// first.
/// So while a body is sent, this reads ahead (where the client does not itself), looks at the status, tells it to the body, and keeps what
/// it read for the client. Once the upstream has answered with an error, what is still written is dropped, so that the client goes on to
/// read the answer. The upstream would take the next request for the rest of the body: such a connection serves no other request, and is
/// closed.
/// </remarks>
internal sealed class EarlyResponseStream(Stream inner) : AsyncStream
{
    private static readonly AsyncLocal<EarlyResponse?> Sending = new();

    private readonly Lock gate = new();
    private readonly byte[] ahead = new byte[1024];
    private EarlyResponse? watched;
    private EarlyResponseStatus status;
    private Task? reading;
    private int at;
    private int end;
    private bool isClientReading;
    private Exception? readFailure;
    private volatile bool isSpent;

    /// <summary>Who waits for the answer to what is sent from here on in this flow; null for nobody.</summary>
    public static void Begin(EarlyResponse? answer)
    {
        if (answer is not null || Sending.Value is not null)
        {
            Sending.Value = answer;
        }
    }

    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder<>))]
    public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
    {
        if (isSpent || (IsCut && Sending.Value is { } other && !ReferenceEquals(other, cutBy)))
        {
            return 0; // another request asks whether the connection is of use
        }

        while (OursOrTheClients() is { } ours)
        {
            await ours.WaitAsync(cancellationToken);
            if (Kept(buffer.Span) is var kept && (kept > 0 || buffer.IsEmpty))
            {
                return kept;
            }
        }

        if (readFailure is not null)
        {
            ExceptionDispatchInfo.Throw(readFailure); // a second read after a reset would look like an orderly end
        }

        var count = 0;
        try
        {
            count = await inner.ReadAsync(buffer, cancellationToken);
        }
        catch (Exception) when (isSpent)
        {
            return 0;
        }
        finally
        {
            Look(buffer.Span[..count], isOurs: false, isReal: !buffer.IsEmpty);
        }

        return count;
    }

    public override Task FlushAsync(CancellationToken cancellationToken) => inner.FlushAsync(cancellationToken);

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

    /// <summary>A read of ours that goes first; where there is none, the client's own begins.</summary>
    private Task? OursOrTheClients()
    {
        lock (gate)
        {
            isClientReading = reading is null;
            return reading;
        }
    }

    private void Watch(EarlyResponse? answer)
    {
        lock (gate)
        {
            status = default;
            watched = answer;
            answer?.Connection = this;
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
        catch (Exception failure)
        {
            readFailure = failure; // for the client's next read
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
                if (watched.IsTokenRefused)
                {
                    // Many servers close a connection on which they refused a body: the second try takes another one.
                    Volatile.Write(ref cutBy, watched);
                }

                watched = null;
            }
            else if (end < ahead.Length && (isOurs || reading is null))
            {
                reading = ReadAhead(); // cut in the middle of the line, or a 1xx before the answer
            }
        }
    }

    // How a request with a body is written, and cut short once the upstream no longer reads it.

    private EarlyResponse? cutBy;

    /// <summary>Whether a part of a body was not sent. The upstream would read another request as that part: none goes out here.</summary>
    public bool IsCut => Volatile.Read(ref cutBy) is not null;

    /// <summary>Closes the connection. An upload that was cut short ends so, once its answer is read.</summary>
    public void Abandon() => inner.Dispose();

    public override ValueTask WriteAsync(ReadOnlyMemory<byte> buffer, CancellationToken cancellationToken = default)
    {
        var answer = Sending.Value;
        if (IsCut && !ReferenceEquals(answer, cutBy))
        {
            // The pool has given the connection to another request, of which nothing is sent here. One without a body meets a connection
            // that closed before its answer, and the client takes another one; one with a body is sent again by the token handler.
            isSpent = true;
            Abandon();
            return answer is null ? ValueTask.CompletedTask : ValueTask.FromException(new UnusableConnectionException());
        }

        OnceSent.Hold(this);

        if (!ReferenceEquals(answer, Volatile.Read(ref watched)) && answer is not { IsKnown: true })
        {
            Watch(answer);
        }

        return answer is null ? inner.WriteAsync(buffer, cancellationToken) : Upload(buffer, answer, cancellationToken);
    }

    private async ValueTask Upload(ReadOnlyMemory<byte> buffer, EarlyResponse answer, CancellationToken cancellation)
    {
        if (answer.EndsSending)
        {
            Volatile.Write(ref cutBy, answer);
            return;
        }

        // The client uses its buffer again as soon as this returns, also when a write that nobody reads is left behind: so a copy is
        // written.
        var copy = ArrayPool<byte>.Shared.Rent(buffer.Length);
        buffer.CopyTo(copy);
        var writing = inner.WriteAsync(copy.AsMemory(0, buffer.Length), cancellation).AsTask();
        if (!writing.IsCompleted)
        {
            await Task.WhenAny(writing, answer.Known);
        }

        if (!writing.IsCompleted && answer.EndsSending)
        {
            Volatile.Write(ref cutBy, answer);
            _ = Finish(writing, copy);
            return;
        }

        if (await Finish(writing, copy) is { } failure)
        {
            // The upstream may have answered before it closed the connection: then the client goes on to read that answer.
            if (!await answer.IsKnownAfterFailure(cancellation))
            {
                throw new IOException("The connection to the upstream failed while a body was sent.", failure);
            }

            Volatile.Write(ref cutBy, answer);
        }
    }

    private static async Task<Exception?> Finish(Task writing, byte[] copy)
    {
        try
        {
            await writing;
            return null;
        }
        catch (Exception failure) when (failure is IOException or ObjectDisposedException)
        {
            return failure;
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(copy);
        }
    }
}

/// <summary>A connection on which no further request goes out. Nothing was sent on it, so the request may go out on another one.</summary>
internal sealed class UnusableConnectionException() : IOException("This connection holds an unfinished request.")
{
    /// <summary>Whether a failed try met such a connection.</summary>
    public static bool IsIn(Exception? failure) =>
        failure is not null && (failure is UnusableConnectionException || IsIn(failure.InnerException));
}
