namespace Broker.Forwarding;

/// <summary>What an HTTP/1.1 upstream answered to a request whose body may still be on its way.</summary>
/// <param name="isTokenOurs">Whether a 401 is about the broker's own token, which is replaced, and not for the caller.</param>
internal sealed class EarlyResponse(bool isTokenOurs)
{
    private readonly TaskCompletionSource known = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private int status;
    private volatile bool isWayClosed;

    /// <summary>Whether the upstream has answered, or never will.</summary>
    public bool IsKnown => known.Task.IsCompleted;

    public bool IsTokenRefused => isTokenOurs && Volatile.Read(ref status) == 401;

    /// <summary>
    /// Whether the rest of the body has no reader: the upstream answered with an error, closed the connection without an answer, or
    /// answered and closed the way for the body.
    /// </summary>
    public bool EndsSending => IsKnown && !IsTokenRefused && (isWayClosed || Volatile.Read(ref status) is < 0 or >= 400);

    public Task Known => known.Task;

    /// <summary>The connection that the request went out on; null while there is none, and where the upstream speaks HTTP/2.</summary>
    public EarlyResponseStream? Connection { get; set; }

    /// <param name="code">Below zero where there will be no answer.</param>
    public void Set(int code)
    {
        Volatile.Write(ref status, code);
        known.TrySetResult();
    }

    /// <summary>A write failed. Waits a moment for the answer that the upstream may have sent before; false when there is none.</summary>
    public async Task<bool> IsKnownAfterFailure(CancellationToken cancellation)
    {
        await known.Task.WaitAsync(TimeSpan.FromSeconds(1), cancellation).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        isWayClosed = IsKnown;
        return isWayClosed && !IsTokenRefused;
    }
}

/// <summary>Finds the status of the first answer that is not 1xx in bytes that come in any pieces.</summary>
internal struct EarlyResponseStatus
{
    private const int CodeAt = 9; // HTTP/1.1 401

    private int column;
    private int code;
    private int lineEnds;

    /// <summary>0 while it is not known yet.</summary>
    public int Read(ReadOnlySpan<byte> bytes)
    {
        foreach (var next in bytes)
        {
            if (column is >= CodeAt and < CodeAt + 3)
            {
                code = (code * 10) + next - '0';
            }

            if (++column >= CodeAt + 3 && code is < 100 or >= 200)
            {
                return code is < 200 or > 999 ? -1 : code;
            }

            lineEnds =
                next == '\n' ? lineEnds + 1
                : next == '\r' ? lineEnds
                : 0;
            if (lineEnds == 2)
            {
                this = default; // the head of a 1xx has ended
            }
        }

        return 0;
    }
}
