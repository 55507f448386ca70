namespace Broker.Forwarding;

/// <summary>Log events of open exchanges (440 to 459).</summary>
internal static partial class ExchangeLog
{
    [LoggerMessage(
        440,
        LogLevel.Information,
        "Ended an open exchange of {Caller} on {Route} (upstream {Upstream}) after {Seconds} s: {Why}"
    )]
    public static partial void Ended(ILogger logger, string? caller, string route, string? upstream, string? why, double seconds);

    [LoggerMessage(441, LogLevel.Error, "Checking the open exchanges failed: {Exception} {StackTrace}")]
    public static partial void SweepFailed(ILogger logger, string exception, string stackTrace);
}
