namespace Broker.ReplicaTests;

/// <summary>The tests that kill, pause and cut: minutes, and at the mercy of a machine's hiccups. <c>tests/run --long</c> runs them.</summary>
public static class LongRun
{
    public const string Word = "Killing, pausing and cutting is for 'tests/run --long' (or BROKER_LONG_TESTS=1).";

    public static bool IsOn => Environment.GetEnvironmentVariable("BROKER_LONG_TESTS") == "1" || Environment.GetEnvironmentVariable("KILLER_ROUNDS") is not null;
}
