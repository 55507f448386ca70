using FsCheck.Fluent;
using Shouldly;
using Xunit;

namespace Policies.Tests;

public sealed class PolicyLawTests
{
    private static bool Grants(in Permissions permissions, in Demand demand) => Policy.Decide(permissions, demand) == Decision.Granted;

    [Fact]
    public void Narrowing_never_grants_more() =>
        Anything.Holds(
            from two in Anything.Two(Anything.Permissions)
            from demand in Anything.Demand
            select (two.First, two.Second, demand),
            drawn =>
                !Grants(drawn.First.Intersect(drawn.Second), drawn.demand)
                || (Grants(drawn.First, drawn.demand) && Grants(drawn.Second, drawn.demand))
        );

    [Fact]
    public void What_lies_within_grants_nothing_that_the_whole_does_not() =>
        Anything.Holds(
            from two in Anything.Two(Anything.Permissions)
            from demand in Anything.Demand
            select (two.First, two.Second, demand),
            drawn => !drawn.First.IsWithin(drawn.Second) || !Grants(drawn.First, drawn.demand) || Grants(drawn.Second, drawn.demand)
        );

    [Fact]
    public void What_both_grant_the_intersection_grants() =>
        Anything.Holds(
            from two in Anything.Two(Anything.Permissions)
            from demand in Anything.Demand
            select (two.First, two.Second, demand),
            drawn =>
                !(Grants(drawn.First, drawn.demand) && Grants(drawn.Second, drawn.demand))
                || Grants(drawn.First.Intersect(drawn.Second), drawn.demand)
        );

    [Fact]
    public void An_intersection_lies_within_both() =>
        Anything.Holds(Anything.Two(Anything.Permissions), two =>
            two.First.Intersect(two.Second) is var both && both.IsWithin(two.First) && both.IsWithin(two.Second)
        );

    [Fact]
    public void Within_is_reflexive() => Anything.Holds(Anything.Permissions, one => one.IsWithin(one));

    [Fact]
    public void Within_is_antisymmetric() =>
        Anything.Holds(Anything.Two(Anything.Selection), two =>
            (two.First.IsWithin(two.Second) && two.Second.IsWithin(two.First)) == (two.First == two.Second)
        );

    [Fact]
    public void Within_is_transitive() =>
        Anything.Holds(Anything.Three(Anything.Selection), three =>
            !(three.First.IsWithin(three.Second) && three.Second.IsWithin(three.Third)) || three.First.IsWithin(three.Third)
        );

    [Fact]
    public void Equal_selections_have_equal_hashes() =>
        Anything.Holds(Anything.Two(Anything.Selection), two =>
            two.First != two.Second || two.First.GetHashCode() == two.Second.GetHashCode()
        );

    [Fact]
    public void Everything_contains_all_and_grants_every_demand_that_names_an_action()
    {
        Anything.Holds(Anything.Selection, one =>
            one.IsWithin(Selection.Everything) && (one.IsEverything || !Selection.Everything.IsWithin(one))
        );
        Anything.Holds(Anything.Name, Selection.Everything.Contains);
        Anything.Holds(Anything.Demand, demand => Grants(Permissions.Everything, demand) == (demand.Action is not null));
    }

    [Fact]
    public void Each_id_that_is_reached_must_be_permitted() =>
        Anything.Holds(
            from names in Gen.NonEmptyListOf(Anything.Name)
            from selection in Anything.Selection
            select (names, selection),
            drawn => Reach.These([.. drawn.names]).IsWithin(drawn.selection) == drawn.names.All(name => drawn.selection.Contains(name))
        );

    [Fact]
    public void All_is_within_everything_and_nothing_else() =>
        Anything.Holds(Anything.Selection, selection => Reach.All.IsWithin(selection) == selection.IsEverything);

    [Fact]
    public void The_defaults_refuse()
    {
        default(Decision).ShouldBe(Decision.Denied);
        default(Selection).IsNothing.ShouldBeTrue();
        default(Reach).ShouldBe(Reach.All);
        Anything.Holds(Anything.Demand, demand => !Grants(default, demand));
        Anything.Holds(Anything.Permissions, permissions => !Grants(permissions, default));
        Policy.Decide(Permissions.Everything, default).ShouldBe(Decision.ActionNotGranted);
    }

    [Fact]
    public void A_forgotten_dimension_is_demanded_as_all()
    {
        var narrow = new Permissions(Selection.Everything, Selection.Of("12"), Selection.Of("3"), Selection.Of("d"));
        Policy.Decide(narrow, new("a", default, Reach.One("3"), Reach.One("d"))).ShouldBe(Decision.NetworkNotGranted);
        Policy.Decide(narrow, new("a", Reach.One("12"), default, Reach.One("d"))).ShouldBe(Decision.DeviceTypeNotGranted);
        Policy.Decide(narrow, new("a", Reach.One("12"), Reach.One("3"), default)).ShouldBe(Decision.DeviceNotGranted);
        Policy.Decide(narrow, new("a", Reach.One("12"), Reach.One("3"), Reach.One("d"))).ShouldBe(Decision.Granted);
    }

    [Fact]
    public void The_wildcard_is_no_id_of_a_narrow_selection()
    {
        Selection.Of("a").Contains("*").ShouldBeFalse();
        Reach.One("*").IsWithin(Selection.Of("a")).ShouldBeFalse();
        Selection.Of("a").Contains(null).ShouldBeFalse();
        Selection.Of("a").Contains("").ShouldBeFalse();
        Selection.Of("a").Contains("A").ShouldBeFalse();
        Selection.Of("*", "a").IsEverything.ShouldBeTrue();
    }

    [Fact]
    public void No_ids_are_no_demand()
    {
        Should.Throw<ArgumentException>(() => Reach.These([]));
        Should.Throw<ArgumentException>(() => Reach.These(["a", ""]));
        Should.Throw<ArgumentException>(() => Reach.One(""));
        Should.Throw<ArgumentException>(() => Selection.Of("a", ""));
    }

    [Fact]
    public void An_id_that_reads_like_a_word_of_ours_is_an_id()
    {
        Reach.One("all").ShouldNotBe(Reach.All);
        Reach.One("nothing").ShouldNotBe(Reach.Nothing);
        Reach.One("a,b").ShouldNotBe(Reach.These(["a", "b"]));
        Reach.These(["a", "b"]).ShouldBe(Reach.These(["a", "b"]));
        Reach.One("all").IsWithin(Selection.Of("x")).ShouldBeFalse();
    }

    [Fact]
    public void Deciding_allocates_nothing()
    {
        var permissions = new Permissions(
            Selection.Of("GetDevice"),
            Selection.Of("12", "13"),
            Selection.Everything,
            Selection.Of("a", "b", "c")
        );
        Demand[] demands =
        [
            new("GetDevice", Reach.One("12"), Reach.All, Reach.These(["a", "c"])),
            new("GetDevice", Reach.One("14"), Reach.All, Reach.One("a")),
            new("Other", default, default, default),
            default,
        ];
        var granted = Rounds(100);

        var before = GC.GetAllocatedBytesForCurrentThread();
        granted += Rounds(10_000);
        var allocated = GC.GetAllocatedBytesForCurrentThread() - before;

        granted.ShouldBe(10_100);
        allocated.ShouldBe(0);

        int Rounds(int count)
        {
            var yes = 0;
            for (var i = 0; i < count; i++)
            {
                foreach (ref readonly var demand in demands.AsSpan())
                {
                    yes += Policy.Decide(permissions, demand) == Decision.Granted ? 1 : 0;
                }
            }

            return yes;
        }
    }
}
