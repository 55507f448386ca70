namespace Broker.Operations;

/// <summary>A process's life in three lines (event ids 520-529).</summary>
internal static partial class ServeLog
{
    [LoggerMessage(
        520,
        LogLevel.Information,
        "The broker listens on {Addresses}, health on {Management}; config version {Version}, {Warnings} warnings"
    )]
    public static partial void Started(ILogger logger, string addresses, string management, long version, int warnings);

    [LoggerMessage(521, LogLevel.Information, "Told to stop: not ready any more, requests are taken for {Seconds} s")]
    public static partial void Draining(ILogger logger, double seconds);

    [LoggerMessage(522, LogLevel.Information, "The broker has stopped")]
    public static partial void Stopped(ILogger logger);
}
