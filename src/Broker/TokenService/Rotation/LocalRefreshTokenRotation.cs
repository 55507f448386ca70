namespace Broker.TokenService;

/// <summary>The refresh tokens that one process saw used; of lines that another process began it knows nothing.</summary>
internal sealed class LocalRefreshTokenRotation(TimeProvider time) : IRefreshRotation
{
    private const int Dropped = -1;

    private static readonly TimeSpan SweepAfter = TimeSpan.FromMinutes(1);

    private readonly string epoch = TokenIssuer.NewId() + ".";
    private readonly Lock turn = new();
    private readonly Dictionary<string, Entry> lines = new(StringComparer.Ordinal);
    private DateTimeOffset sweepAt;

    /// <summary>How many lines stand here.</summary>
    public int Count
    {
        get
        {
            lock (turn)
            {
                return lines.Count;
            }
        }
    }

    public ValueTask<string?> Begin(DateTimeOffset until, CancellationToken cancellation) => new(epoch + TokenIssuer.NewId());

    public ValueTask<RotationAnswer> Use(RefreshUse use, CancellationToken cancellation)
    {
        if (!use.Family.StartsWith(epoch, StringComparison.Ordinal))
        {
            return new(new RotationAnswer(RotationVerdict.UnknownFamily, null));
        }

        lock (turn)
        {
            var now = time.GetUtcNow();
            Sweep(now);
            var (next, successor, graceEnd, _) = lines.GetValueOrDefault(use.Family) ?? new(0, "", default, default);
            if (next == Dropped)
            {
                return new(new RotationAnswer(RotationVerdict.UnknownFamily, null));
            }

            if (use.Sequence == next)
            {
                lines[use.Family] = new(next + 1, use.Successor, now + use.Grace, use.Until);
                return new(new RotationAnswer(RotationVerdict.First, use.Successor));
            }

            return new(
                use.Sequence == next - 1 && now < graceEnd
                    ? new RotationAnswer(RotationVerdict.WithinGrace, successor)
                    : new RotationAnswer(RotationVerdict.Reused, null)
            );
        }
    }

    public ValueTask Drop(string line, DateTimeOffset until, CancellationToken cancellation)
    {
        lock (turn)
        {
            // A line that is not here is one whose first token was not used yet: it has to be told from that.
            lines[line] = new(Dropped, "", default, until);
        }

        return default;
    }

    private void Sweep(DateTimeOffset now)
    {
        if (now < sweepAt)
        {
            return;
        }

        sweepAt = now + SweepAfter;
        foreach (var line in lines.Where(pair => pair.Value.Until <= now).Select(pair => pair.Key).ToList())
        {
            lines.Remove(line);
        }
    }

    private sealed record Entry(int Next, string Successor, DateTimeOffset GraceEnd, DateTimeOffset Until);
}
