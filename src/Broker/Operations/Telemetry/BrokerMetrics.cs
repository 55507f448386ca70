using System.Diagnostics.Metrics;

namespace Broker.Operations;

/// <summary>
/// The instruments of the request path. Labels are names of the config and codes of the broker: never an id, a caller or a secret.
/// </summary>
internal static class BrokerMetrics
{
    public const string MeterName = "Broker";

    private static readonly Meter Meter = new(MeterName);
    private static readonly Counter<long> Requests = Meter.CreateCounter<long>(
        "broker.requests",
        "{request}",
        "Requests, by decision, refusal, upstream and status."
    );

    private static readonly Histogram<double> Duration = Meter.CreateHistogram<double>(
        "broker.request.duration",
        "s",
        "Time from a request's first byte in to its last byte out."
    );

    private static readonly Counter<long> StrangersLines = Meter.CreateCounter<long>(
        "broker.log.sampled",
        "{line}",
        "Warnings and errors that a stranger can cause, by who logged and event; most are counted only."
    );

    /// <summary>A line that is sampled. The names are the framework's and ours.</summary>
    public static void StrangersLine(string category, string @event)
    {
        if (StrangersLines.Enabled)
        {
            StrangersLines.Add(1, new("category", category), new("event", @event));
        }
    }

    public static void Request(string decision, string? refusal, string? upstream, int status, TimeSpan elapsed)
    {
        if (Requests.Enabled)
        {
            Requests.Add(
                1,
                new("decision", decision),
                new("refusal", refusal ?? ""),
                new("upstream", upstream ?? ""),
                new("status", status)
            );
        }

        if (Duration.Enabled)
        {
            Duration.Record(elapsed.TotalSeconds, new KeyValuePair<string, object?>("decision", decision), new("upstream", upstream ?? ""));
        }
    }
}
