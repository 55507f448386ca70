using System.Collections.Concurrent;
using System.Diagnostics;
using System.Reflection;
using Xunit.v3;

[assembly: HangGuard]

/// <summary>Ends the run, and names the tests that hung, when one takes longer than any should: the runner alone would wait for it for ever.</summary>
[AttributeUsage(AttributeTargets.Assembly)]
internal sealed class HangGuardAttribute : BeforeAfterTestAttribute
{
    private static readonly TimeSpan Limit = TimeSpan.FromMinutes(Environment.GetEnvironmentVariable("BROKER_LONG_TESTS") is null ? 10 : 120);

    private static readonly ConcurrentDictionary<string, (string Name, long Start)> Running = new();

    // A thread of its own: a test may have taken all of the pool's.
    static HangGuardAttribute() => new Thread(Watch) { IsBackground = true, Name = "hang guard" }.Start();

    public override void Before(MethodInfo methodUnderTest, IXunitTest test) => Running[test.UniqueID] = (test.TestDisplayName, Stopwatch.GetTimestamp());

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
