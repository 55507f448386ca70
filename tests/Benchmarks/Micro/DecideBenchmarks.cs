using BenchmarkDotNet.Attributes;
using Policies;

namespace Benchmarks.Micro;

/// <summary>The decision alone.</summary>
[MemoryDiagnoser]
public class DecideBenchmarks
{
    private readonly Permissions permissions = new(
        Selection.Of("GetDevice", "GetNetwork"), Selection.Of("12", "13"), Selection.Everything, Selection.Of(Enumerable.Range(40, 100).Select(id => $"{id}")));

    private readonly Demand namedDevice = new("GetDevice", Reached.One("12"), Reached.All, Reached.One("42"));
    private readonly Demand threeDevices = new("GetDevice", Reached.One("12"), Reached.All, Reached.These(["42", "43", "44"]));
    private readonly Demand refused = new("GetDevice", Reached.One("12"), Reached.All, Reached.One("999"));

    [Benchmark]
    public Decision DecideOnANamedDevice() => Policy.Decide(permissions, namedDevice);

    [Benchmark]
    public Decision DecideOnThreeDevices() => Policy.Decide(permissions, threeDevices);

    [Benchmark]
    public Decision Refuse() => Policy.Decide(permissions, refused);
}
