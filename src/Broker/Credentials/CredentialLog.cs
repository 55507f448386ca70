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
        "The keys of issuer authority {Authority} could not be fetched ({Problem}); keys known before stay in use: {KnownBefore}"
    )]
    public static partial void AuthorityUnreachable(ILogger logger, string authority, string problem, bool knownBefore);

    [LoggerMessage(202, LogLevel.Information, "The keys of issuer authority {Authority} were fetched: {Count}")]
    public static partial void AuthorityRead(ILogger logger, string authority, int count);

    [LoggerMessage(
        203,
        LogLevel.Warning,
        "A password could not be checked: {Limit} checks are under way, and the line of the caller's address is full or too slow"
    )]
    public static partial void PasswordsBusy(ILogger logger, int limit);

    [LoggerMessage(
        240,
        LogLevel.Information,
        "A login at {Upstream} was refused without asking it: the name must be a user's, and is the broker's own account {Account} there"
    )]
    public static partial void OwnAccount(ILogger logger, string upstream, string account);

    [LoggerMessage(
        250,
        LogLevel.Information,
        "A bearer token of issuer {Issuer} was refused by the rule '{Rule}': expected {Expected}; found '{Found}' "
            + "(since the last such line: {Omitted} more)"
    )]
    public static partial void TokenRefused(ILogger logger, string issuer, string rule, string expected, string found, long omitted);

    [LoggerMessage(251, LogLevel.Information, "Of the key set of issuer authority {Authority} {Count} entries are not used: {Reasons}")]
    public static partial void KeysLeftOut(ILogger logger, string authority, int count, string reasons);

    [LoggerMessage(
        290,
        LogLevel.Warning,
        "A key of issuer authority {Authority} is ignored, its kid is {KeyId}: "
            + "an RSA key without the ROCA weakness (CVE-2017-15361) is expected, and this one has it, so anybody could sign with it"
    )]
    public static partial void WeakKey(ILogger logger, string authority, string keyId);
}
