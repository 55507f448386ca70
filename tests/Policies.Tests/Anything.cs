using FsCheck;
using FsCheck.Fluent;
using Policies;

namespace Policies.Tests;

/// <summary>Generators: small alphabets, so that what is drawn meets.</summary>
internal static class Anything
{
    private static readonly string[] Names = ["a", "b", "c", "A", "12", "all", "nothing", "a,b"];

    public static Gen<Selection> Selection { get; } =
        Gen.Frequency(
            (1, Gen.Constant(Policies.Selection.Nothing)),
            (1, Gen.Constant(Policies.Selection.Everything)),
            (6, Gen.SubListOf(Names).Select(names => Policies.Selection.Of(names)))
        );

    public static Gen<Permissions> Permissions { get; } =
        from actions in Selection
        from networks in Selection
        from types in Selection
        from devices in Selection
        select new Permissions(actions, networks, types, devices);

    public static Gen<Reach> Reach { get; } =
        Gen.Frequency(
            (1, Gen.Constant(Policies.Reach.All)),
            (1, Gen.Constant(Policies.Reach.Nothing)),
            (3, Gen.Elements(Names).Select(Policies.Reach.One)),
            (3, Gen.NonEmptyListOf(Gen.Elements(Names)).Select(names => Policies.Reach.These([.. names])))
        );

    public static Gen<Demand> Demand { get; } =
        from action in Gen.Elements<string?>(["a", "b", "A", "*", null])
        from networks in Reach
        from types in Reach
        from devices in Reach
        select new Demand(action, networks, types, devices);

    public static Gen<string> Name { get; } = Gen.Elements(Names);
}
