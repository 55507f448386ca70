using System.Buffers;

namespace Broker.Forwarding;

/// <content>How a request with a body is written, and cut short once the upstream no longer reads it.</content>
internal sealed partial class EarlyResponseStream
{
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
            // that
            // closed before its answer, and the client takes another one; one with a body is sent again by the token handler.
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
