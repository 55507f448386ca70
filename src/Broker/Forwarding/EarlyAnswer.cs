namespace Broker.Forwarding;

/// <summary>What an upstream of HTTP/1.1 answered to a request whose body may still be on its way.</summary>
internal sealed class EarlyAnswer
{
    private readonly TaskCompletionSource known = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private int status;

    /// <summary>Whether it has answered, or never will.</summary>
    public bool IsKnown => known.Task.IsCompleted;

    public bool IsTokenRefused => Volatile.Read(ref status) == 401;

    public Task Known => known.Task;

    /// <param name="code">Below zero where there will be none.</param>
    public void Set(int code)
    {
        Volatile.Write(ref status, code);
        known.TrySetResult();
    }

    /// <summary>For a connection that is closed: soon there is an answer, or there will be none.</summary>
    public async Task WhenKnown(CancellationToken cancellation) =>
        await known.Task.WaitAsync(TimeSpan.FromSeconds(1), cancellation).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
}

/// <summary>Finds the status of the first answer that is not 1xx in bytes that come in any pieces.</summary>
internal struct AnswerStatus
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

            lineEnds = next == '\n' ? lineEnds + 1 : next == '\r' ? lineEnds : 0;
            if (lineEnds == 2)
            {
                this = default; // the head of a 1xx has ended
            }
        }

        return 0;
    }
}
