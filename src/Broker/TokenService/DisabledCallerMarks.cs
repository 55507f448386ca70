using Broker.Configuration;
using Broker.Credentials;

namespace Broker.TokenService;

/// <summary>Ends all that came of a caller whom a config disables or has no more: enabled again, he starts anew.</summary>
/// <remarks>
/// <code>
/// enabled --a config disables him--> disabled: ends what came before --a config enables him--> enabled: ends what came meanwhile
///    ^                                  |    ^                                                     (for certain: a reload saw the change)
///    '------ last one replaced ---- enabled in doubt: a broker started with him enabled; who has him disabled says so again
/// </code>
/// A config that changes while the broker runs says so itself. Brokers that are replaced with their config see only the one or the other,
/// and there the generation's number tells. It is a fact like any other: said again where Redis forgot it, and read by all without a step
/// that two could take, or none. Who begins with him enabled may have the newer config or an old one. As long as a running broker has him
/// disabled, it is taken for the old one: while brokers are replaced one by one with a config that enables him, each of them may end his
/// fresh logins.
/// </remarks>
internal sealed class DisabledCallerMarks
{
    private readonly RevocationList revocations;
    private readonly Lock turn = new();
    private HashSet<string> enabled = [];
    private HashSet<string> disabled = []; // or gone
    private bool isSettled;
    private bool isDue = true;

    public DisabledCallerMarks(SnapshotStore snapshots, RevocationList revocations)
    {
        this.revocations = revocations;
        snapshots.Published += Compare;
    }

    /// <summary>All that others said is known.</summary>
    public void Settle()
    {
        lock (turn)
        {
            foreach (var identity in disabled)
            {
                if (isDue || revocations.IsEnabledInDoubt(identity))
                {
                    revocations.Disable(identity);
                }
            }

            foreach (var identity in isSettled ? [] : enabled)
            {
                revocations.StartEnabled(identity);
            }

            (isSettled, isDue) = (true, false);
        }
    }

    private void Compare(Snapshot snapshot)
    {
        var table = snapshot.Part<CredentialTable>();
        lock (turn)
        {
            var (before, now) = (enabled, table.EnabledIdentities.ToHashSet(StringComparer.Ordinal));
            foreach (var identity in now.Intersect(disabled))
            {
                // Whatever others said of him that is not known here yet: he was disabled here.
                revocations.Enable(identity, isCertain: !isSettled);
            }

            foreach (var identity in before.Except(now))
            {
                // Refused at once by the config itself, on every replica that has it; this is for the others, and for the day when he is
                // enabled again.
                revocations.Disable(identity);
            }

            (enabled, disabled, isDue) = (now, [.. disabled.Union(before).Union(table.DisabledIdentities).Except(now)], true);
        }
    }
}
