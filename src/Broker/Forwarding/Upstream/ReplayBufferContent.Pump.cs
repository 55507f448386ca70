using System.Runtime.ExceptionServices;

namespace Broker.Forwarding;

/// <content>How it flows from the caller to the upstream and into the copy.</content>
internal sealed partial class ReplayBufferContent
{
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
