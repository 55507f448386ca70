using Broker.Configuration;

namespace Broker.Operations;

/// <summary>Whether requests should be sent here: a config is loaded and the process is not draining. Never whether an upstream is well.</summary>
internal sealed class Readiness(SnapshotStore snapshots)
{
    private volatile bool isDraining;

    public bool IsReady => snapshots.IsLoaded && !isDraining;

    public bool IsDraining => isDraining;

    public void Drain() => isDraining = true;
}
