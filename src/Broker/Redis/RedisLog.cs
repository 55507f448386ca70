namespace Broker.Redis;

/// <summary>Log events 700 to 799.</summary>
internal static partial class RedisLog
{
    [LoggerMessage(700, LogLevel.Warning, "Redis does not answer ({Fault}): tokens that are held serve on; told once until it is back")]
    public static partial void Away(ILogger log, string fault);

    [LoggerMessage(701, LogLevel.Information, "Redis answers")]
    public static partial void Back(ILogger log);

    [LoggerMessage(703, LogLevel.Error, "Redis answers and refuses ({Fault}): tokens that are held serve on; told once until it is over")]
    public static partial void Refused(ILogger log, string fault);

    [LoggerMessage(704, LogLevel.Error, "No connection to Redis at {Endpoints}: {Fault}; told once")]
    public static partial void NotConnected(ILogger log, string endpoints, string fault);

    [LoggerMessage(
        710,
        LogLevel.Error,
        "Redis refuses the step {Step} ({Code}) at {Key} or a key beside it, and does others: what stands there is not the brokers' "
            + "own, or Redis's user may not do it. What needs it is unanswered; told once until it is over"
    )]
    public static partial void StepRefused(ILogger log, string step, string code, string key);

    [LoggerMessage(711, LogLevel.Information, "Redis does the step {Step} at {Key} again")]
    public static partial void StepDone(ILogger log, string step, string key);

    [LoggerMessage(
        712,
        LogLevel.Error,
        "What stands in Redis at {Key} is not the brokers' own: another type, damaged, or too large. "
            + "It counts as absent and gives way; told once until that is over"
    )]
    public static partial void Foreign(ILogger log, string key);

    [LoggerMessage(713, LogLevel.Information, "What stands in Redis at {Key} is the brokers' own again, or nothing")]
    public static partial void Own(ILogger log, string key);

    [LoggerMessage(
        720,
        LogLevel.Error,
        "Redis does not let this broker listen on {Channel} ({Fault}): what other replicas renew is found by asking, and later; "
            + "told once until it does"
    )]
    public static partial void NotHeard(ILogger log, string channel, string fault);
}
