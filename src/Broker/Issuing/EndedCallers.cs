using Broker.Configuration;
using Broker.Credentials;

namespace Broker.Issuing;

/// <summary>Ends all that came of a caller whom a new config disables or has no more: enabled again, he starts anew.</summary>
internal sealed class EndedCallers
{
    private readonly IRevocations revocations;
    private HashSet<string> enabled = [];

    public EndedCallers(SnapshotStore snapshots, IRevocations revocations)
    {
        this.revocations = revocations;
        snapshots.Published += Compare;
    }

    private void Compare(Snapshot snapshot)
    {
        var now = snapshot.Part<CredentialTable>().EnabledIdentities.ToHashSet(StringComparer.Ordinal);
        foreach (var gone in enabled.Except(now))
        {
            // Refused at once by the config itself, on every replica that has it; this is for the day when he is enabled again.
            _ = revocations.EndAllOf(gone, CancellationToken.None).AsTask();
        }

        enabled = now;
    }
}
