namespace Broker.ReplicaTests;

/// <summary>What takes minutes more: <c>tests/run --long</c> runs it.</summary>
public static class LongRun
{
    public const string Word = "A Cluster's wires and slots are for 'tests/run --long' (or BROKER_LONG_TESTS=1).";

    public static bool IsOn => Environment.GetEnvironmentVariable("BROKER_LONG_TESTS") == "1";
}
