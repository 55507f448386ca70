namespace Broker.Credentials;

/// <summary>Log events of credentials, 200 to 299. None holds a credential, and what a refused one claims is only written as
/// <see cref="RefusalLog"/> makes it plain.</summary>
internal static partial class CredentialLog
{
    [LoggerMessage(200, LogLevel.Debug, "A {Kind} credential was refused: {Reason}")]
    public static partial void Refused(ILogger logger, CredentialKinds kind, string reason);

    [LoggerMessage(
        201,
        LogLevel.Warning,
        "Keys of issuer authority {Authority} could not be fetched ({Problem}); keys known before stay in use: " + "{KnownBefore}"
    )]
    public static partial void AuthorityUnreachable(ILogger logger, string authority, string problem, bool knownBefore);

    [LoggerMessage(202, LogLevel.Information, "Fetched {Count} keys of issuer authority {Authority}")]
    public static partial void AuthorityRead(ILogger logger, string authority, int count);

    [LoggerMessage(
        203,
        LogLevel.Warning,
        "A password was not checked: {Limit} checks are running, and the queue of the caller's address is full or too " + "slow"
    )]
    public static partial void PasswordsBusy(ILogger logger, int limit);

    [LoggerMessage(
        240,
        LogLevel.Information,
        "A login at {Upstream} was refused without asking the upstream: its name is that of the broker's own account " + "{Account}"
    )]
    public static partial void OwnAccount(ILogger logger, string upstream, string account);

    [LoggerMessage(
        250,
        LogLevel.Information,
        "A bearer token of issuer {Issuer} was refused by the rule '{Rule}': expected {Expected}; found '{Found}' "
            + "(since the last such line: {Omitted} more)"
    )]
    public static partial void TokenRefused(ILogger logger, string issuer, string rule, string expected, string found, long omitted);

    [LoggerMessage(251, LogLevel.Information, "{Count} entries in the key set of issuer authority {Authority} are not used: {Reasons}")]
    public static partial void KeysLeftOut(ILogger logger, string authority, int count, string reasons);

    [LoggerMessage(
        290,
        LogLevel.Warning,
        "Ignored a key of issuer authority {Authority} with kid {KeyId}: it has the ROCA weakness (CVE-2017-15361), so "
            + "anybody could sign with it"
    )]
    public static partial void WeakKey(ILogger logger, string authority, string keyId);
}
