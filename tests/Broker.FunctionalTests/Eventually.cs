namespace Broker.FunctionalTests;

/// <summary>A wait on a condition; fails with its words when it does not come.</summary>
internal static class Eventually
{
    public static async Task Holds(Func<bool> condition, string what) => await Holds(() => Task.FromResult(condition()), what);

    public static async Task Holds(Func<Task<bool>> condition, string what)
    {
        var end = Environment.TickCount64 + 60_000;
        while (!await condition())
        {
            if (Environment.TickCount64 > end)
            {
                throw new TimeoutException($"In 60 s it did not come about that {what}.");
            }

            await Task.Delay(5);
        }
    }
}
