namespace Broker.ReplicaTests;

/// <summary>A wait on a condition. Its bound only tells "for ever" from "in the end": no test depends on being quick.</summary>
internal static class Eventually
{
    private static readonly TimeSpan Longest = TimeSpan.FromSeconds(90);

    public static Task Holds(Func<bool> condition, string what) => Holds(() => Task.FromResult(condition()), what);

    public static async Task Holds(Func<Task<bool>> condition, string what)
    {
        var from = TimeProvider.System.GetTimestamp();
        while (!await condition())
        {
            if (TimeProvider.System.GetElapsedTime(from) > Longest)
            {
                throw new TimeoutException($"In {Longest.TotalSeconds} s it did not come about that {what}.");
            }
            await Task.Delay(10);
        }
    }
}
