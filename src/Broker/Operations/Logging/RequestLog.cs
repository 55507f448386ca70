namespace Broker.Operations;

/// <summary>One line a request (event ids 500-599).</summary>
internal static partial class RequestLog
{
    [LoggerMessage(
        500,
        LogLevel.Information,
        "{Method} {Route} by {Caller}: {Decision}, {Status} in {Milliseconds} ms (action {Action}, refusal {Refusal}, "
            + "upstream {Upstream}, account {Account}, trace {TraceId})"
    )]
    public static partial void Request(
        ILogger logger,
        string method,
        string? route,
        string? caller,
        string? action,
        string decision,
        string? refusal,
        string? upstream,
        string? account,
        int status,
        double milliseconds,
        string traceId
    );

    [LoggerMessage(501, LogLevel.Error, "A request failed in the broker: {Exception} {StackTrace} (trace {TraceId})")]
    public static partial void Failed(ILogger logger, string exception, string stackTrace, string traceId);
}
