namespace Broker.Credentials;

/// <summary>
/// Lets a bounded number of password hashes be computed at the same time; the others wait, each address in a line of its own.
/// </summary>
/// <remarks>
/// <para>A flood of passwords takes so many processors and no more.</para>
/// <para>
/// A turn that becomes free goes to the address that has the fewest turns, and among equals to the one that was served longest ago. When
/// there is no room to wait, the longest line gives up its end to an address with a shorter one. So an address can fill its own line and no
/// other: a login from elsewhere waits for one hash and one more for each other address that waits.
/// </para>
/// </remarks>
internal sealed class PasswordHashLimiter(int limit, TimeProvider time)
{
    /// <summary>How long a password waits for its turn, if two hashes do not take longer than that.</summary>
    public static readonly TimeSpan QueueTimeout = TimeSpan.FromSeconds(1);

    /// <summary>No wait is longer than this, however long a hash takes.</summary>
    public static readonly TimeSpan MostPatience = TimeSpan.FromSeconds(10);

    private const int QueueFactor = 32;

    private readonly Lock state = new();
    private readonly Dictionary<string, PasswordLine> addresses = new(StringComparer.Ordinal);

    /// <summary>The addresses that wait; the one that was served longest ago is first.</summary>
    private readonly LinkedList<PasswordLine> lines = [];
    private TimeSpan hash;
    private int waiting;

    public int Limit { get; } = limit;

    /// <summary>How many turns are given out now.</summary>
    public int Running { get; private set; }

    /// <summary>A turn, which must be given back by <see cref="Leave"/>; null when there is none in time.</summary>
    /// <param name="from">The caller's address, as <see cref="CallerAddress"/> names it.</param>
    /// <param name="cancellation">The caller gave up.</param>
    public async ValueTask<PasswordTurn?> Enter(string from, CancellationToken cancellation)
    {
        PasswordTurn turn;
        TimeSpan patience;
        lock (state)
        {
            turn = new(LineOf(from));
            if (Running < Limit)
            {
                Start(turn);
                return turn;
            }

            if (waiting >= Limit * QueueFactor && !MakeRoomFor(turn.Line))
            {
                return null;
            }

            Wait(turn);
            patience = hash * 2 > QueueTimeout ? hash * 2 : QueueTimeout;
        }

        try
        {
            await turn.Came.WaitAsync(patience < MostPatience ? patience : MostPatience, time, cancellation);
        }
        catch (Exception ended) when (ended is TimeoutException or OperationCanceledException)
        {
            if (StopWaiting(turn))
            {
                cancellation.ThrowIfCancellationRequested();
                return null;
            }
        }

        // Whatever ended the wait, a turn that came in the same moment has to be given back.
        return await turn.Came ? turn : null;
    }

    public void Leave(PasswordTurn turn)
    {
        lock (state)
        {
            var took = time.GetElapsedTime(turn.Began);
            hash = took > hash * 0.875 ? took : hash * 0.875;
            Running--;
            // It is chosen before the address gives its turn back: the address that was served just now does not go first again.
            if (Next() is { } next)
            {
                Start(next);
            }

            turn.Line.Running--;
            ForgetIfIdle(turn.Line);
        }
    }

    private void Start(PasswordTurn turn)
    {
        Running++;
        turn.Line.Running++;
        turn.Begin(time.GetTimestamp());
    }

    private PasswordTurn? Next()
    {
        var best = lines.First;
        for (var line = best; line is not null && best!.Value.Running > 0; line = line.Next)
        {
            best = line.Value.Running < best.Value.Running ? line : best;
        }

        if (best is null)
        {
            return null;
        }

        var turn = best.Value.Waiting.First!.Value;
        TakeOut(turn);
        if (best.Value.Waiting.Count > 0)
        {
            lines.Remove(best);
            lines.AddLast(best);
        }

        return turn;
    }

    private void Wait(PasswordTurn turn)
    {
        waiting++;
        turn.Line.Waiting.AddLast(turn.Place);
        if (turn.Line.Waiting.Count == 1)
        {
            lines.AddLast(turn.Line.Place);
        }
    }

    private void TakeOut(PasswordTurn turn)
    {
        waiting--;
        turn.Line.Waiting.Remove(turn.Place);
        if (turn.Line.Waiting.Count == 0)
        {
            lines.Remove(turn.Line.Place);
        }
    }

    private bool StopWaiting(PasswordTurn turn)
    {
        lock (state)
        {
            if (turn.Place.List is null)
            {
                return false;
            }

            TakeOut(turn);
            ForgetIfIdle(turn.Line);
            return true;
        }
    }

    /// <summary>The last one of the longest line goes, unless the line of this address would then be as long.</summary>
    private bool MakeRoomFor(PasswordLine address)
    {
        var longest = lines.MaxBy(line => line.Waiting.Count)!;
        if (longest.Waiting.Count <= address.Waiting.Count + 1)
        {
            ForgetIfIdle(address);
            return false;
        }

        var last = longest.Waiting.Last!.Value;
        TakeOut(last);
        last.Refuse();
        return true;
    }

    private PasswordLine LineOf(string from)
    {
        if (!addresses.TryGetValue(from, out var address))
        {
            addresses[from] = address = new(from);
        }

        return address;
    }

    private void ForgetIfIdle(PasswordLine address)
    {
        if (address.Running == 0 && address.Waiting.Count == 0)
        {
            addresses.Remove(address.Address);
        }
    }
}
