using FsCheck;
using FsCheck.Fluent;
using FsCheck.Xunit;

namespace Policies.Tests;

/// <summary>
/// A property that holds for whatever is drawn: 2,000 times, or 50,000 times with <c>BROKER_LONG_TESTS=1</c>. A failure prints its seed,
/// which is set as <c>Replay</c> to draw the same again.
/// </summary>
[AttributeUsage(AttributeTargets.Method)]
#pragma warning disable xUnit3003 // FsCheck's own attribute takes no place in the source.
internal sealed class LawAttribute : PropertyAttribute
#pragma warning restore xUnit3003
{
    public LawAttribute()
    {
        MaxTest = Environment.GetEnvironmentVariable("BROKER_LONG_TESTS") == "1" ? 50_000 : 2000;
        Arbitrary = [typeof(Drawn)];
        QuietOnSuccess = true;
    }
}

/// <summary>What the parameters of a law are drawn from.</summary>
internal static class Drawn
{
    public static Arbitrary<Selection> Selections() => Anything.Selection.ToArbitrary();

    public static Arbitrary<Permissions> Permissions() => Anything.Permissions.ToArbitrary();

    public static Arbitrary<Demand> Demands() => Anything.Demand.ToArbitrary();

    public static Arbitrary<string> Names() => Anything.Name.ToArbitrary();

    public static Arbitrary<string[]> SomeNames() => Gen.NonEmptyListOf(Anything.Name).Select(names => names.ToArray()).ToArbitrary();
}
