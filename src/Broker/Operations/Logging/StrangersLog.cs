namespace Broker.Operations;

/// <summary>What stands in the log in place of lines that a stranger can cause without end (event ids 530-549).</summary>
internal static partial class StrangersLog
{
    [LoggerMessage(530, LogLevel.Warning, "Suppressed {Count} further lines of {Category}, event {Event}, in {Seconds} s")]
    public static partial void NotWritten(ILogger logger, long count, string category, string @event, double seconds);

    [LoggerMessage(
        531,
        LogLevel.Warning,
        "Suppressed {Count} request lines in {Seconds} s, of callers who are unknown or gave their request up: there "
            + "were more than Broker:Limits:AnonymousLogLinesPerSecond"
    )]
    public static partial void RequestsNotWritten(ILogger logger, long count, double seconds);
}
