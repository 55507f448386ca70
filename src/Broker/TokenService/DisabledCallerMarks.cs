using Broker.Configuration;
using Broker.Credentials;

namespace Broker.TokenService;

/// <summary>
/// Revokes everything issued to a caller whom a config disables or no longer has: enabled again, the caller starts anew.
/// </summary>
/// <remarks>
/// <code>
/// enabled --a config disables them--> disabled: revokes what came before --a config enables them--> enabled: revokes what came meanwhile
///    ^                                  |    ^                                                     (for certain: a reload saw the change)
///    '------ last one replaced ---- enabled in doubt: a broker started with them enabled; one that has them disabled says so again
/// </code>
/// A config that changes while the broker runs says so itself. Brokers that are replaced with their config see only the one or the other,
/// and there the generation's number tells. It is a fact like any other: said again where Redis forgot it, and read by all without a step
/// that two could take, or none. A broker that starts with the caller enabled may have the newer config or an old one. As long as a running
/// broker has the caller disabled, it is taken for the old one: while brokers are replaced one by one with a config that enables the
/// caller, each of them may revoke the caller's fresh logins.
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
                // Whatever others said of the caller that is not known here yet: the caller was disabled here.
                revocations.Enable(identity, isCertain: !isSettled);
            }

            foreach (var identity in before.Except(now))
            {
                // The config itself refuses the caller at once, on every replica that has it. This is for the others, and for the day when
                // the caller is enabled again.
                revocations.Disable(identity);
            }

            (enabled, disabled, isDue) = (now, [.. disabled.Union(before).Union(table.DisabledIdentities).Except(now)], true);
        }
    }
}
