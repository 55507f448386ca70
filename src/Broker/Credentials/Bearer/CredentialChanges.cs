namespace Broker.Credentials;

/// <summary>Cheap marks of what the answers to "who asks?" rest on: while they stay the same, nothing has to be verified again.</summary>
internal sealed class CredentialChanges
{
    private long revocations;
    private long callers;
    private object?[] stamps = [];

    /// <summary>Takes the present marks; true when one of them is another than the last time.</summary>
    public bool Take(long revocations, long callers, IReadOnlyList<IssuerReader> issuers)
    {
        var isChanged = this.revocations != revocations || this.callers != callers || stamps.Length != issuers.Count;
        (this.revocations, this.callers) = (revocations, callers);
        stamps = stamps.Length == issuers.Count ? stamps : new object?[issuers.Count];
        for (var i = 0; i < stamps.Length; i++)
        {
            var stamp = issuers[i].Stamp;
            isChanged |= !ReferenceEquals(stamps[i], stamp);
            stamps[i] = stamp;
        }

        return isChanged;
    }
}
