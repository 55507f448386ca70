using Microsoft.Extensions.Logging;

namespace Broker.Configuration;

/// <summary>What the reading of the config logs; event ids 100 to 199.</summary>
internal static partial class ConfigurationLog
{
    [LoggerMessage(100, LogLevel.Information, "Config loaded as version {Version}, {Warnings} warnings")]
    public static partial void Loaded(ILogger logger, long version, int warnings);

    [LoggerMessage(101, LogLevel.Error, "Config refused, version {Version} serves on; {Errors} errors, the first at {Path}: {Mistake}")]
    public static partial void Refused(ILogger logger, long version, int errors, string path, string mistake);

    [LoggerMessage(102, LogLevel.Error, "Looking at the config failed; it is tried again")]
    public static partial void PollFailed(ILogger logger, Exception exception);

    [LoggerMessage(103, LogLevel.Warning, "Config: {Path}: {Mistake}")]
    public static partial void Warned(ILogger logger, string path, string mistake);

    [LoggerMessage(104, LogLevel.Warning, "Config: {Section} is not what this process started with: it takes effect at the next start")]
    public static partial void NextStart(ILogger logger, string section);
}
