namespace Broker.Redis;

/// <summary>Log events 700 to 799.</summary>
internal static partial class RedisLog
{
    [LoggerMessage(700, LogLevel.Warning, "Redis does not answer ({Fault}): held tokens stay in use; logged once until Redis is back")]
    public static partial void Away(ILogger log, string fault);

    [LoggerMessage(701, LogLevel.Information, "Redis answers again")]
    public static partial void Back(ILogger log);

    [LoggerMessage(703, LogLevel.Error, "Redis answers with an error ({Fault}): held tokens stay in use; logged once until it is over")]
    public static partial void Refused(ILogger log, string fault);

    [LoggerMessage(704, LogLevel.Error, "No connection to Redis at {Endpoints}: {Fault}; logged once")]
    public static partial void NotConnected(ILogger log, string endpoints, string fault);

    [LoggerMessage(
        710,
        LogLevel.Error,
        "Redis refuses step {Step} ({Code}) at {Key} or a key beside it, while other steps work: another value is "
            + "there, or Redis's user lacks a right. Logged once until it is over"
    )]
    public static partial void StepRefused(ILogger log, string step, string code, string key);

    [LoggerMessage(711, LogLevel.Information, "Redis accepts step {Step} at {Key} again")]
    public static partial void StepDone(ILogger log, string step, string key);

    [LoggerMessage(
        712,
        LogLevel.Error,
        "The value in Redis at {Key} is of another type, damaged or too large: it counts as absent and is replaced. "
            + "Logged once until it is over"
    )]
    public static partial void Foreign(ILogger log, string key);

    [LoggerMessage(713, LogLevel.Information, "The value in Redis at {Key} is in order again")]
    public static partial void Own(ILogger log, string key);

    [LoggerMessage(
        720,
        LogLevel.Error,
        "Redis does not let this broker subscribe to {Channel} ({Fault}): renewals of other replicas are found later, "
            + "by polling; logged once until it does"
    )]
    public static partial void NotHeard(ILogger log, string channel, string fault);
}
