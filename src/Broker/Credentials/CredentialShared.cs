namespace Broker.Credentials;

/// <summary>
/// What outlives a reload: the memory of verified credentials, the bound on password hashes, and the key that names what is remembered.
/// </summary>
internal sealed record CredentialShared(VerifiedCredentialCache Memory, PasswordHashLimiter Gate, byte[] ProcessKey)
{
    public override string ToString() => "***";
}
