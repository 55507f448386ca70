using System.Diagnostics.Metrics;

namespace Broker.Redis;

/// <summary>How Redis answers.</summary>
internal static class RedisMetrics
{
    public const string Name = "Broker.Redis";

    private static readonly Meter Meter = new(Name);
    private static readonly Counter<long> Calls = Meter.CreateCounter<long>(
        "broker.redis.calls",
        description: "Commands to Redis, by what became of them."
    );
    private static readonly Histogram<double> Duration = Meter.CreateHistogram<double>("broker.redis.duration", "s", "How long they took.");

    public static void Called(string step, bool isAnswered, TimeSpan took)
    {
        var outcome = isAnswered ? "answered" : "unanswered";
        Calls.Add(1, new("step", step), new("outcome", outcome));
        Duration.Record(took.TotalSeconds, new KeyValuePair<string, object?>("step", step));
    }
}
