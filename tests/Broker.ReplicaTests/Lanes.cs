using Xunit;

// One test after the other, each with processes of its own; beside them, in a lane of their own, those that mostly wait for the epochs of
// the token service.
[assembly: CollectionBehavior(CollectionBehavior.CollectionPerAssembly)]
[assembly: Xunit.v3.Parallelization(MaxThreads = 2)]

namespace Broker.ReplicaTests;

internal static class Lanes
{
    public const string TokenService = "The token service";
}
