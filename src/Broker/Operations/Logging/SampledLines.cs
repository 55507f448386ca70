using System.Collections.Concurrent;

namespace Broker.Operations;

/// <summary>Stands before a log. Of warnings and errors that a stranger can cause, the first of a kind in a period is written.</summary>
/// <remarks>The others are counted, and at the end of the period a line says how many there were.</remarks>
internal sealed class SampledLines : ILoggerProvider, ISupportExternalScope
{
    public static readonly TimeSpan Period = TimeSpan.FromSeconds(10);

    // Kinds that are told apart in a period: what varies without end is one kind from there on.
    private const int MaxKinds = 256;

    // The server, YARP and the framework below them; and our own folders that a request runs through.
    private static readonly string[] Sampled =
    [
        "Microsoft.AspNetCore.",
        "System.Net.",
        "Yarp.",
        "Broker.Forwarding.",
        "Broker.TokenService.",
        "Broker.Credentials",
        "Broker.DeviceHiveLogins",
    ];

    private readonly ILoggerProvider provider;
    private readonly ILogger own;
    private readonly ITimer timer;
    private ConcurrentDictionary<LineKind, LineCount> period = new();

    public SampledLines(ILoggerProvider provider, TimeProvider time)
    {
        (this.provider, own) = (provider, provider.CreateLogger(typeof(SampledLines).FullName!));
        timer = time.CreateTimer(_ => Tell(), null, Period, Period);
    }

    public ILogger CreateLogger(string categoryName)
    {
        var logger = provider.CreateLogger(categoryName);
        var isSampled = Sampled.Any(prefix => categoryName.StartsWith(prefix, StringComparison.Ordinal));
        return isSampled ? new SampledLogger(this, categoryName, logger) : logger;
    }

    public void SetScopeProvider(IExternalScopeProvider scopeProvider) =>
        (provider as ISupportExternalScope)?.SetScopeProvider(scopeProvider);

    public void Dispose()
    {
        timer.Dispose();
        Tell();
        provider.Dispose();
    }

    /// <summary>Counts a line; whether it is the first of its kind in this period.</summary>
    public bool IsFirst(LineKind kind)
    {
        BrokerMetrics.StrangersLine(kind.Category, kind.Event);
        var counts = Volatile.Read(ref period);
        if (!counts.TryGetValue(kind, out var count))
        {
            kind = counts.Count < MaxKinds ? kind : kind with { Text = "" };
            count = counts.GetOrAdd(kind, static _ => new());
        }

        return Interlocked.Increment(ref count.Total) == 1;
    }

    private void Tell()
    {
        foreach (var (kind, count) in Interlocked.Exchange(ref period, new()))
        {
            if (Volatile.Read(ref count.Total) is > 1 and var total)
            {
                StrangersLog.NotWritten(own, total - 1, kind.Category, kind.Event, Period.TotalSeconds);
            }
        }
    }

    private sealed class LineCount
    {
        public long Total;
    }
}

/// <summary>What makes two lines the same for a reader.</summary>
/// <param name="Category">Who logged.</param>
/// <param name="Event">The event's name, else its number.</param>
/// <param name="Text">A failure's type or, of our own lines, the whole text.</param>
internal readonly record struct LineKind(string Category, string Event, string Text);
