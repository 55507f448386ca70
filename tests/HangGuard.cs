using System.Collections.Concurrent;
using System.Diagnostics;
using System.Reflection;
using Xunit.v3;

[assembly: HangGuard]

/// <summary>
/// Ends the run, and names the tests that hung, when one takes longer than any should: the runner alone would wait for it for ever.
/// </summary>
/// <remarks>Not a run by hand that was told to be long.</remarks>
[AttributeUsage(AttributeTargets.Assembly)]
internal sealed class HangGuardAttribute : BeforeAfterTestAttribute
{
    private static readonly TimeSpan Limit = TimeSpan.FromMinutes(10);

    private static readonly bool IsLong = new[] { "BROKER_LONG_TESTS", "KILLER_ROUNDS", "SIMULATION_SEEDS", "SIMULATION_SEED" }.Any(name =>
        Environment.GetEnvironmentVariable(name) is not null
    );

    private static readonly ConcurrentDictionary<string, (string Name, long Start)> Running = new();

    // A thread of its own: a test may have taken all of the pool's.
    static HangGuardAttribute()
    {
        if (!IsLong)
        {
            new Thread(Watch) { IsBackground = true, Name = "hang guard" }.Start();
        }
    }

    public override void Before(MethodInfo methodUnderTest, IXunitTest test) =>
        Running[test.UniqueID] = (test.TestDisplayName, Stopwatch.GetTimestamp());

    public override void After(MethodInfo methodUnderTest, IXunitTest test) => Running.TryRemove(test.UniqueID, out _);

    private static void Watch()
    {
        while (true)
        {
            Thread.Sleep(TimeSpan.FromSeconds(1));
            var hung = Running.Values.Where(test => Stopwatch.GetElapsedTime(test.Start) > Limit).Select(test => test.Name).ToList();
            if (hung.Count > 0)
            {
                Console.Error.WriteLine($"Hung for {Limit.TotalMinutes:0} minutes, so the run was ended:\n  {string.Join("\n  ", hung)}");
                Environment.Exit(3);
            }
        }
    }
}
