using System.Net;

namespace Broker.Forwarding;

/// <summary>A request body on its way to the upstream, of which a copy is kept so that it can be sent once more after a 401.</summary>
/// <remarks>
/// <code>
/// caller --read--> [copy, up to the limit] --write--> upstream
/// </code>
/// An upstream that answers early stops reading; the body is then read on for the copy alone. So reading has a cancellation of its own, and
/// a failed write ends the writing, not the reading. A body over the limit, or one that trickles on, is handed back to YARP's
/// own content, and not kept. On HTTP/1.1 it is <see cref="AnswerWatch"/> that hears a 401 before the body's end, and tells it here.
/// </remarks>
internal sealed partial class KeptContent : HttpContent
{
    private readonly HttpContent original;
    private readonly long? length;
    private readonly Stream body;
    private readonly int limit;
    private readonly TimeSpan handOver;
    private readonly TimeProvider time;
    private readonly CancellationTokenSource reading;
    private readonly TaskCompletionSource<bool> whole = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly TaskCompletionSource ended = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private MemoryStream? kept = new();
    private Exception? writeFailure;
    private int started;
    private bool isCut;

    /// <param name="original">YARP's content, which takes over a body that is not kept.</param>
    /// <param name="body">The caller's body.</param>
    /// <param name="limit">Bytes kept.</param>
    /// <param name="handOver">How long a body may take before it is handed back, so that YARP's idle clock sees it move.</param>
    /// <param name="time">The clock.</param>
    /// <param name="over">The caller went away, or nothing moved for too long: on HTTP/1.1 nothing else ends a read that waits.</param>
    public KeptContent(HttpContent original, Stream body, int limit, TimeSpan handOver, TimeProvider time, CancellationToken over)
    {
        (this.original, this.body, this.limit, this.handOver, this.time) = (original, body, limit, handOver, time);
        reading = CancellationTokenSource.CreateLinkedTokenSource(over);
        length = original.Headers.ContentLength;
        CopyHeaders(original, this);
    }

    /// <summary>What went wrong on the caller's side of the body, if anything did.</summary>
    public Exception? ReadFailure { get; private set; }

    /// <summary>Whether it is the caller who is waited for.</summary>
    public bool IsWaitingForCaller { get; private set; }

    /// <summary>Over HTTP/1.1: the answer, as soon as it begins.</summary>
    public EarlyAnswer Answer { get; private set; } = new();

    /// <summary>The whole body for a second try, waited for no longer than this; null when it was not kept.</summary>
    public async Task<HttpContent?> Again(TimeSpan patience, CancellationToken cancellation)
    {
        if (Volatile.Read(ref started) == 0)
        {
            Answer = new();
            return this; // refused before it was asked for (Expect: 100-continue): it goes whole with the next try
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

        var again = new ByteArrayContent(kept!.GetBuffer(), 0, (int)kept.Length);
        CopyHeaders(this, again);
        return again;
    }

    /// <summary>Ends the reading, so that nobody reads from a request that is over.</summary>
    public async Task Stop()
    {
        await reading.CancelAsync();
        if (Volatile.Read(ref started) == 1)
        {
            await ended.Task;
        }

        reading.Dispose();
    }

    protected override Task SerializeToStreamAsync(Stream stream, TransportContext? context) =>
        SerializeToStreamAsync(stream, context, CancellationToken.None);

    protected override async Task SerializeToStreamAsync(Stream stream, TransportContext? context, CancellationToken cancellationToken)
    {
        if (Interlocked.Exchange(ref started, 1) == 1)
        {
            throw new InvalidOperationException("The body streamed away; only its copy can be sent again.");
        }

        var pumping = PumpToTheEnd(stream, cancellationToken);
        await Task.WhenAny(pumping, Answer.Known);
        if (Answer.IsTokenRefused && !pumping.IsCompleted)
        {
            _ = pumping.ContinueWith(static over => over.Exception, CancellationToken.None, TaskContinuationOptions.OnlyOnFaulted, TaskScheduler.Default);
            throw new IOException("The upstream refused the token before it had the body."); // the copy is read on
        }

        await pumping;
        if (isCut)
        {
            throw new IOException("The upstream refused the token before it had the body."); // not for it to take as the whole
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
}
