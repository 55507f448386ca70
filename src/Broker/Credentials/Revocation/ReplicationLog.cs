namespace Broker.Credentials;

/// <summary>Log events of the ledgers, 220 to 239. None names a token, a session or a caller.</summary>
internal static partial class ReplicationLog
{
    [LoggerMessage(
        220,
        LogLevel.Information,
        "Reading the revocations in Redis from the beginning: this Redis has been the same for {Seconds} s"
    )]
    public static partial void Epoch(ILogger log, double seconds);

    [LoggerMessage(221, LogLevel.Information, "Wrote {Count} revocations to Redis that it did not have")]
    public static partial void SaidAgain(ILogger log, int count);

    [LoggerMessage(222, LogLevel.Error, "Removed {Count} entries from the revocations in Redis: they are damaged, or no broker wrote them")]
    public static partial void Doubtful(ILogger log, int count);

    [LoggerMessage(224, LogLevel.Error, "Revocations in Redis could not be read ({Problem}); logged once until they can")]
    public static partial void NotRead(ILogger log, string problem);

    [LoggerMessage(270, LogLevel.Information, "Revocations in Redis can be read again")]
    public static partial void ReadAgain(ILogger log);

    [LoggerMessage(225, LogLevel.Error, "A refresh token's record in Redis is damaged, or no broker wrote it: the token is refused")]
    public static partial void LineDoubtful(ILogger log);

    [LoggerMessage(
        226,
        LogLevel.Error,
        "User logins in Redis are encrypted with key '{Key}', which Broker:Redis:Encryption does not have: these users "
            + "get 503. Add the key to Encryption, after the first one"
    )]
    public static partial void LacksKey(ILogger log, string key);
}
