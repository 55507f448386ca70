using BenchmarkDotNet.Attributes;
using Policies;

namespace Benchmarks.Micro;

/// <summary>The decision alone.</summary>
[MemoryDiagnoser]
public class DecideBenchmarks
{
    private readonly Permissions permissions = new(
        Selection.Of("GetDevice", "GetNetwork"),
        Selection.Of("12", "13"),
        Selection.Everything,
        Selection.Of(Enumerable.Range(40, 100).Select(id => $"{id}"))
    );

    private readonly Demand namedDevice = new("GetDevice", Reach.One("12"), Reach.All, Reach.One("42"));
    private readonly Demand threeDevices = new("GetDevice", Reach.One("12"), Reach.All, Reach.These(["42", "43", "44"]));
    private readonly Demand refused = new("GetDevice", Reach.One("12"), Reach.All, Reach.One("999"));

    [Benchmark]
    public Decision DecideOnANamedDevice() => Policy.Decide(permissions, namedDevice);

    [Benchmark]
    public Decision DecideOnThreeDevices() => Policy.Decide(permissions, threeDevices);

    [Benchmark]
    public Decision Refuse() => Policy.Decide(permissions, refused);
}
