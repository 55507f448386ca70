namespace Broker.Tests;

/// <summary>Bytes that a call allocates on this thread.</summary>
internal static class Allocations
{
    /// <summary>
    /// The least of some goes: what the runtime itself allocates once, while it warms up, does not count; what each call does shows in
    /// each.
    /// </summary>
    public static long Of(Action call)
    {
        var least = long.MaxValue;
        for (var i = 0; i < 20 && least > 0; i++)
        {
            var before = GC.GetAllocatedBytesForCurrentThread();
            call();
            least = Math.Min(least, GC.GetAllocatedBytesForCurrentThread() - before);
        }

        return least;
    }
}
