namespace Broker.Credentials;

/// <summary>Log events of credentials, 200 to 299. None holds a credential, nor a name that a refused one claims.</summary>
internal static partial class CredentialLog
{
    [LoggerMessage(200, LogLevel.Debug, "A {Kind} credential was refused: {Reason}")]
    public static partial void Refused(ILogger logger, CredentialKinds kind, string reason);

    [LoggerMessage(201, LogLevel.Warning, "The keys of issuer authority {Authority} could not be fetched ({Problem}); keys known before stay in use: {KnownBefore}")]
    public static partial void AuthorityUnreachable(ILogger logger, string authority, string problem, bool knownBefore);

    [LoggerMessage(202, LogLevel.Information, "The keys of issuer authority {Authority} were fetched: {Count}")]
    public static partial void AuthorityRead(ILogger logger, string authority, int count);

    [LoggerMessage(203, LogLevel.Warning, "A password could not be checked: {Limit} checks are under way, and the line of the caller's address is full or too slow")]
    public static partial void PasswordsBusy(ILogger logger, int limit);
}
