using Broker.Configuration;
using Broker.Credentials;
using Broker.Credentials.Ledgers;
using Broker.Redis;

namespace Broker.Issuing;

/// <summary>Ends all that came of a caller whom a config disables or has no more: enabled again, he starts anew.</summary>
/// <remarks>
/// A config that changes while the broker runs says so itself. Brokers that are replaced with their config see only the one or the other: there the
/// mark in Redis tells, and all that came of him before ends when he is enabled.
/// </remarks>
internal sealed class EndedCallers
{
    private readonly IRevocations revocations;
    private readonly Lock turn = new();
    private readonly TaskCompletionSource told = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private DisabledMarks? marks;
    private HashSet<string> enabled = [];
    private HashSet<string> toMark = [];
    private HashSet<string> toClear = [];

    public EndedCallers(SnapshotStore snapshots, IRevocations revocations)
    {
        this.revocations = revocations;
        snapshots.Published += Compare;
    }

    /// <summary>Keeps marks from now on, and whenever Redis is back. Ends once those of the present config are told.</summary>
    public Task Share(RedisLink link, DisabledMarks with)
    {
        marks = with;
        link.Returned += () => _ = Tell();
        _ = Tell();
        return told.Task;
    }

    private void Compare(Snapshot snapshot)
    {
        var table = snapshot.Part<CredentialTable>();
        var now = table.EnabledIdentities.ToHashSet(StringComparer.Ordinal);
        List<string> gone;
        lock (turn)
        {
            gone = [.. enabled.Except(now)];
            (toClear, toMark, enabled) = ([.. toClear.Intersect(now), .. now.Except(enabled)], [.. table.DisabledIdentities], now);
        }

        foreach (var identity in gone)
        {
            // Refused at once by the config itself, on every replica that has it; this is for the day when he is enabled again.
            _ = revocations.EndAllOf(identity, CancellationToken.None).AsTask();
        }

        _ = Tell();
    }

    private async Task Tell()
    {
        HashSet<string> disabled, others;
        lock (turn)
        {
            (disabled, others) = ([.. toMark], [.. toClear]);
        }

        if (marks is not { } kept || !await kept.Set(disabled) || await kept.Clear(others) is not { } before)
        {
            return; // when Redis is back
        }

        lock (turn)
        {
            toMark.ExceptWith(disabled);
            toClear.ExceptWith(others);
        }

        foreach (var identity in before)
        {
            await revocations.EndAllOf(identity, CancellationToken.None);
        }

        told.TrySetResult();
    }
}
