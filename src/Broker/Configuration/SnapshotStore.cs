namespace Broker.Configuration;

/// <summary>The snapshot in force, and why the last candidate was refused, if it was.</summary>
internal sealed class SnapshotStore
{
    private volatile Snapshot? current;

    /// <summary>The snapshot in force.</summary>
    public Snapshot Current => current ?? throw new InvalidOperationException("No config has been loaded.");

    public bool IsLoaded => current is not null;

    /// <summary>The mistakes for which the last candidate was refused; empty when the files and the snapshot agree.</summary>
    public IReadOnlyList<ConfigError> Refused { get; private set; } = [];

    /// <summary>Called after a snapshot was published, in order of publication.</summary>
    public event Action<Snapshot>? Published;

    public void Publish(Snapshot snapshot)
    {
        current = snapshot;
        Refused = [];
        Published?.Invoke(snapshot);
    }

    public void Refuse(IReadOnlyList<ConfigError> mistakes) => Refused = mistakes;
}
