using Microsoft.Extensions.Logging;

namespace Broker.Configuration;

/// <summary>What the reading of the config logs; event ids 100 to 199.</summary>
internal static partial class ConfigurationLog
{
    [LoggerMessage(100, LogLevel.Information, "Config version {Version} loaded with {Warnings} warnings")]
    public static partial void Loaded(ILogger logger, long version, int warnings);

    [LoggerMessage(
        101,
        LogLevel.Error,
        "Config rejected with {Errors} errors, version {Version} stays in use. First error at {Path}: {Mistake}"
    )]
    public static partial void Refused(ILogger logger, long version, int errors, string path, string mistake);

    [LoggerMessage(102, LogLevel.Error, "Checking the config for changes failed; the next check comes after PollInterval")]
    public static partial void PollFailed(ILogger logger, Exception exception);

    [LoggerMessage(103, LogLevel.Warning, "Config warning at {Path}: {Mistake}")]
    public static partial void Warned(ILogger logger, string path, string mistake);

    [LoggerMessage(104, LogLevel.Warning, "{Section} has changed in the config: the change takes effect at the next start")]
    public static partial void NextStart(ILogger logger, string section);
}
