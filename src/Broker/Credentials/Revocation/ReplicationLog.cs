namespace Broker.Credentials;

/// <summary>Log events of the ledgers, 220 to 239. None names a token, a session or a caller.</summary>
internal static partial class ReplicationLog
{
    [LoggerMessage(220, LogLevel.Information, "Redis's ledger is read from its begin: it has been as it is for {Seconds} s")]
    public static partial void Epoch(ILogger log, double seconds);

    [LoggerMessage(221, LogLevel.Information, "{Count} entries that Redis did not have were said again")]
    public static partial void SaidAgain(ILogger log, int count);

    [LoggerMessage(
        222,
        LogLevel.Error,
        "{Count} entries of Redis's ledger are not the brokers' own, or damaged: they count for nothing and are taken out"
    )]
    public static partial void Doubtful(ILogger log, int count);

    [LoggerMessage(224, LogLevel.Error, "Redis's ledger could not be read ({Problem}); told once until it can")]
    public static partial void NotRead(ILogger log, string problem);

    [LoggerMessage(270, LogLevel.Information, "Redis's ledger is read again")]
    public static partial void ReadAgain(ILogger log);

    [LoggerMessage(225, LogLevel.Error, "A refresh token's line in Redis is not the brokers' own, or damaged: the token is refused")]
    public static partial void LineDoubtful(ILogger log);

    [LoggerMessage(
        226,
        LogLevel.Error,
        "Logins of users in Redis are sealed under key '{Key}', which this config's Broker:Redis:Encryption lacks: nobody here "
            + "knows what they may, and they are answered 503. Put the key into the ring, behind the first"
    )]
    public static partial void LacksKey(ILogger log, string key);
}
