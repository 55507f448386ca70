using Microsoft.Extensions.Logging;

namespace Broker.Forwarding;

/// <summary>Log events 400 to 499: names of the config and words of ours, never what an upstream or a caller sent.</summary>
internal static partial class ForwardingLog
{
    [LoggerMessage(400, LogLevel.Warning,
        "Upstream {Upstream}, destination {Destination}: {Code}, {Reason} (route {Route}, trace {TraceId})")]
    public static partial void UpstreamFailed(
        ILogger log, string upstream, string destination, string code, string reason, string? route, string traceId);
}
