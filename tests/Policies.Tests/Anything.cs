using FsCheck;
using FsCheck.Fluent;
using Policies;

namespace Policies.Tests;

/// <summary>Generators: small alphabets, so that what is drawn meets.</summary>
internal static class Anything
{
    private static readonly string[] Names = ["a", "b", "c", "A", "12", "all", "nothing", "a,b"];

    public static Gen<Selection> Selection { get; } = Gen.Frequency(
        (1, Gen.Constant(Policies.Selection.Nothing)),
        (1, Gen.Constant(Policies.Selection.Everything)),
        (6, Gen.SubListOf(Names).Select(names => Policies.Selection.Of(names))));

    public static Gen<Permissions> Permissions { get; } =
        from actions in Selection
        from networks in Selection
        from types in Selection
        from devices in Selection
        select new Permissions(actions, networks, types, devices);

    public static Gen<Reached> Reached { get; } = Gen.Frequency(
        (1, Gen.Constant(Policies.Reached.All)),
        (1, Gen.Constant(Policies.Reached.Nothing)),
        (3, Gen.Elements(Names).Select(Policies.Reached.One)),
        (3, Gen.NonEmptyListOf(Gen.Elements(Names)).Select(names => Policies.Reached.These([.. names]))));

    public static Gen<Demand> Demand { get; } =
        from action in Gen.Elements<string?>(["a", "b", "A", "*", null])
        from networks in Reached
        from types in Reached
        from devices in Reached
        select new Demand(action, networks, types, devices);

    public static Gen<string> Name { get; } = Gen.Elements(Names);
}
