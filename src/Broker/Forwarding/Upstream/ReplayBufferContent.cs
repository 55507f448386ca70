using System.Net;
using System.Runtime.ExceptionServices;
using Microsoft.AspNetCore.Http;

namespace Broker.Forwarding;

/// <summary>A request body on its way to the upstream, of which a copy is kept so that it can be sent once more after a 401.</summary>
/// <remarks>
/// <code>
/// caller --read--> [copy, up to the limit] --write--> upstream
/// </code>
/// An upstream that answers early stops reading; the body is then read on for the copy alone. So reading has a cancellation of its own, and
/// a failed write ends the writing, not the reading. A body over the limit, or one that trickles on, is handed back to YARP's
/// own content, and not kept. On HTTP/1.1 it is <see cref="EarlyResponseStream"/> that hears an answer before the body's end, and tells it
/// here.
/// A 401 about our token ends the sending, and the body is read on for the second try. Any other error of the upstream is the answer: the
/// body is cut short, so that the client goes on to read that answer, and the connection serves no other request.
/// </remarks>
internal sealed class ReplayBufferContent : HttpContent
{
    // What is left of a larger body is not filled up: its answer is lost, and no request may take a thread for long.
    private const long LongestFill = 1L << 36;

    private static readonly byte[] Filler = new byte[1024 * 1024];

    private readonly HttpContent original;
    private readonly long? length;
    private readonly CuttableBody body;
    private readonly int limit;
    private readonly TimeSpan handOver;
    private readonly TimeProvider time;
    private readonly CancellationTokenSource reading;
    private readonly TaskCompletionSource<bool> whole = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly TaskCompletionSource ended = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private MemoryStream? kept = new();
    private Exception? writeFailure;
    private ReplayBufferContent? second;
    private int started;
    private bool isRefused;
    private volatile bool isStopped;
    private volatile TaskCompletionSource? stopped;

    /// <param name="original">YARP's content, which takes over a body that is not kept.</param>
    /// <param name="incoming">The caller's request. Its body is replaced by one that can be cut short.</param>
    /// <param name="limit">Bytes kept; 0 for a body that is never sent again.</param>
    /// <param name="handOver">How long a body may take before it is handed back, so that YARP's idle clock sees it move.</param>
    /// <param name="time">The clock.</param>
    /// <param name="over">The caller went away, or nothing moved for too long: on HTTP/1.1 nothing else ends a read that waits.</param>
    public ReplayBufferContent(
        HttpContent original,
        HttpRequest incoming,
        int limit,
        TimeSpan handOver,
        TimeProvider time,
        CancellationToken over
    )
        : this(original, limit, handOver, time, over) => incoming.Body = body = new(incoming.Body, reading);

    /// <summary>The second try, whose body is a copy.</summary>
    private ReplayBufferContent(HttpContent copy, CuttableBody body, TimeSpan handOver, TimeProvider time, CancellationToken over)
        : this(copy, limit: 0, handOver, time, over) => this.body = body;

    private ReplayBufferContent(HttpContent original, int limit, TimeSpan handOver, TimeProvider time, CancellationToken over)
    {
        (this.original, this.limit, this.handOver, this.time) = (original, limit, handOver, time);
        reading = CancellationTokenSource.CreateLinkedTokenSource(over);
        length = original.Headers.ContentLength;
        CopyHeaders(original, this);
        Answer = new(IsSentAgain);
        body = null!;
    }

    /// <summary>What went wrong on the caller's side of the body, if anything did.</summary>
    public Exception? ReadFailure { get; private set; }

    /// <summary>Whether it is the caller who is waited for.</summary>
    public bool IsWaitingForCaller => body.IsWaiting;

    /// <summary>Over HTTP/1.1: the answer, as soon as it begins.</summary>
    public EarlyResponse Answer { get; private set; }

    /// <summary>Whether it is sent again when the upstream refuses the token.</summary>
    public bool IsSentAgain => limit > 0;

    /// <summary>The whole body for a second try, waited for no longer than this; null when it was not kept.</summary>
    public async Task<ReplayBufferContent?> Again(TimeSpan patience, CancellationToken cancellation)
    {
        if (Volatile.Read(ref started) == 0)
        {
            Answer = new(IsSentAgain);
            return this; // refused before the client came to the body: it goes whole with the next try
        }

        try
        {
            if (!await whole.Task.WaitAsync(patience, time, cancellation))
            {
                return null;
            }
        }
        catch (TimeoutException)
        {
            return null;
        }

        var copy = new ByteArrayContent(kept!.GetBuffer(), 0, (int)kept.Length);
        CopyHeaders(this, copy);
        return second = new(copy, body, handOver, time, cancellation);
    }

    /// <summary>The upstream answered with an error before it had the body: what is left of it is not sent.</summary>
    public void CutShort()
    {
        if (!ended.Task.IsCompleted && Volatile.Read(ref started) == 1)
        {
            body.Cut();
        }
    }

    /// <summary>Ends the reading, so that nobody reads from a request that is over.</summary>
    public async Task Stop()
    {
        isStopped = true;
        stopped?.TrySetResult();
        await reading.CancelAsync();
        if (Volatile.Read(ref started) == 1)
        {
            await ended.Task;
        }

        reading.Dispose();
        await (second?.Stop() ?? Task.CompletedTask);
    }

    protected override Task SerializeToStreamAsync(Stream stream, TransportContext? context) =>
        SerializeToStreamAsync(stream, context, CancellationToken.None);

    protected override async Task SerializeToStreamAsync(Stream stream, TransportContext? context, CancellationToken cancellationToken)
    {
        if (Interlocked.Exchange(ref started, 1) == 1)
        {
            throw new InvalidOperationException("The body streamed away; only its copy can be sent again.");
        }

        var upstream = new CountedStream(stream);
        await Write(upstream, default, cancellationToken); // the head leaves at once: a stream may wait for an answer before its first byte
        if (UnusableConnectionException.IsIn(writeFailure))
        {
            (started, writeFailure) = (0, null); // nothing was sent, and nothing read: the same content goes with the next try
            throw new UnusableConnectionException();
        }

        var pumping = PumpToTheEnd(upstream, cancellationToken);
        await Task.WhenAny(pumping, Answer.Known);
        if (Answer.IsTokenRefused && !pumping.IsCompleted)
        {
            _ = pumping.ContinueWith(
                static over => over.Exception,
                CancellationToken.None,
                TaskContinuationOptions.OnlyOnFaulted,
                TaskScheduler.Default
            );
            throw new IOException("The upstream refused the token before it had the body."); // the copy is read on
        }

        if (Answer.EndsSending && !reading.IsCancellationRequested) // a request that was given up closes its connection, too
        {
            CutShort();
        }

        await pumping;
        if (isRefused)
        {
            throw new IOException("The upstream refused the token before it had the body."); // not for it to take as the whole
        }

        if (body.IsCut)
        {
            await EndCutShort(upstream);
        }
    }

    protected override bool TryComputeLength(out long computed)
    {
        computed = length ?? 0;
        return length is not null;
    }

    // As they came: a parsed value would be written anew, with other blanks.
    private static void CopyHeaders(HttpContent from, HttpContent to)
    {
        foreach (var (name, values) in from.Headers.NonValidated)
        {
            to.Headers.TryAddWithoutValidation(name, values);
        }
    }

    // How it flows from the caller to the upstream and into the copy.

    private async Task PumpToTheEnd(Stream upstream, CancellationToken writing)
    {
        var isWhole = false;
        try
        {
            isWhole = await Pump(upstream, writing);
        }
        finally
        {
            whole.TrySetResult(isWhole);
            ended.SetResult();
        }
    }

    /// <summary>Whether the copy holds the whole body.</summary>
    private async Task<bool> Pump(Stream upstream, CancellationToken writing)
    {
        var start = time.GetTimestamp();
        var buffer = new byte[Math.Min(Math.Min(limit, length ?? limit), 16 * 1024) + 1];
        if (limit == 0 || length > limit)
        {
            return await HandBack(upstream, writing);
        }

        while (true)
        {
            var count = await Read(buffer);
            if (count == 0)
            {
                return !body.IsCut;
            }

            var isKept = kept!.Length + count <= limit && time.GetElapsedTime(start) < handOver;
            if (isKept)
            {
                kept.Write(buffer, 0, count);
            }

            await Write(upstream, buffer.AsMemory(0, count), writing);
            if (!isKept)
            {
                return await HandBack(upstream, writing);
            }
        }
    }

    private async Task<bool> HandBack(Stream upstream, CancellationToken writing)
    {
        kept = null;
        whole.TrySetResult(false); // who waits for the copy need not wait for the body's end
        if (writeFailure is not null)
        {
            ExceptionDispatchInfo.Throw(writeFailure);
        }

        if (!Answer.IsTokenRefused)
        {
            original.Headers.ContentLength = null; // it would count what it copies against the whole
            await original.CopyToAsync(upstream, writing);
        }

        return false;
    }

    private async Task<int> Read(byte[] buffer)
    {
        try
        {
            return await body.ReadAsync(buffer, reading.Token);
        }
        catch (Exception failure) when (!reading.IsCancellationRequested) // that we stopped reading is no fault of the caller's
        {
            ReadFailure = failure;
            throw;
        }
    }

    private async Task Write(Stream upstream, ReadOnlyMemory<byte> bytes, CancellationToken writing)
    {
        if (Answer.IsTokenRefused)
        {
            isRefused = true;
            return; // the connection is given up
        }

        try
        {
            // Also after a failure: the client counts what is written to it, and gives up the answer it has read when the count falls
            // short.
            await upstream.WriteAsync(bytes, writing);
            await upstream.FlushAsync(writing);
        }
        catch (Exception failure)
        {
            // An early answer closes the way for the body. The answer counts; if there is none, that failure is reported instead of this
            // one.
            writeFailure ??= failure;
        }

        if (Answer.EndsSending)
        {
            body.Cut();
        }
    }

    /// <summary>On HTTP/1.1 the connection drops what is written from here on; HTTP/2 reads the answer while the body stays open.</summary>
    private async Task EndCutShort(CountedStream upstream)
    {
        if (Answer.Connection is null)
        {
            stopped = new(TaskCreationOptions.RunContinuationsAsynchronously);
            await (isStopped ? Task.CompletedTask : stopped.Task);
            throw new IOException("The upstream answered before it had the body."); // the answer is passed on: the stream ends unfinished
        }

        // The client gives up an answer when fewer bytes were written than the length says.
        var rest = (length ?? 0) - upstream.Count;
        if (rest > LongestFill)
        {
            throw new IOException("The upstream answered before it had the body, and too much of it is left.");
        }

        for (; rest > 0; rest -= Filler.Length)
        {
            await upstream.WriteAsync(Filler.AsMemory(0, (int)Math.Min(rest, Filler.Length)), CancellationToken.None);
        }
    }
}
