using Broker.Configuration;

namespace Broker.Operations;

/// <summary>
/// Whether requests should be sent here: a config is loaded and the process is not draining. Never whether an upstream is well.
/// </summary>
/// <param name="snapshots">What is loaded.</param>
/// <param name="obstacle">What else stands in the way, in words; null when nothing does.</param>
internal sealed class Readiness(SnapshotStore snapshots, Func<string?> obstacle)
{
    private volatile bool isDraining;

    public bool IsReady => snapshots.IsLoaded && !isDraining && obstacle() is null;

    public string? Obstacle => obstacle();

    public bool IsDraining => isDraining;

    public void Drain() => isDraining = true;
}
