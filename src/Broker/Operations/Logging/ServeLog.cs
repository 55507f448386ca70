namespace Broker.Operations;

/// <summary>A process's life in three lines (event ids 520-529).</summary>
internal static partial class ServeLog
{
    [LoggerMessage(
        520,
        LogLevel.Information,
        "Listening on {Addresses}, health on {Management}; config version {Version}, {Warnings} warnings"
    )]
    public static partial void Started(ILogger logger, string addresses, string management, long version, int warnings);

    [LoggerMessage(521, LogLevel.Information, "Shutdown requested: failing readiness, draining for {Seconds} s")]
    public static partial void Draining(ILogger logger, double seconds);

    [LoggerMessage(522, LogLevel.Information, "Stopped")]
    public static partial void Stopped(ILogger logger);
}
