using System.Runtime.ExceptionServices;

namespace Broker.Forwarding;

/// <content>How it flows from the caller to the upstream and into the copy.</content>
internal sealed partial class KeptContent
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
        await Write(upstream, default, writing); // the head leaves at once: a stream may wait for an answer before its first byte
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
            // Also after a failure: the client counts what is written to it, and gives up the answer it has read when the count falls short.
            await upstream.WriteAsync(bytes, writing);
            await upstream.FlushAsync(writing);
        }
        catch (Exception failure)
        {
            // An early answer closes the way for the body. The answer counts; if there is none, that failure is reported instead of this one.
            writeFailure ??= failure;
        }

        if (Answer.EndsSending)
        {
            body.Cut();
        }
    }
}
