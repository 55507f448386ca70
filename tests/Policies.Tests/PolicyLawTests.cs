using Shouldly;
using Xunit;

namespace Policies.Tests;

public sealed class PolicyLawTests
{
    private static bool Grants(in Permissions permissions, in Demand demand) => Policy.Decide(permissions, demand) == Decision.Granted;

    [Law]
    public bool Narrowing_never_grants_more(Permissions one, Permissions other, Demand demand) =>
        !Grants(one.Intersect(other), demand) || (Grants(one, demand) && Grants(other, demand));

    [Law]
    public bool What_lies_within_grants_nothing_that_the_whole_does_not(Permissions part, Permissions whole, Demand demand) =>
        !part.IsWithin(whole) || !Grants(part, demand) || Grants(whole, demand);

    [Law]
    public bool What_both_grant_the_intersection_grants(Permissions one, Permissions other, Demand demand) =>
        !(Grants(one, demand) && Grants(other, demand)) || Grants(one.Intersect(other), demand);

    [Law]
    public bool An_intersection_lies_within_both(Permissions one, Permissions other) =>
        one.Intersect(other) is var both && both.IsWithin(one) && both.IsWithin(other);

    [Law]
    public bool Within_is_reflexive(Permissions one) => one.IsWithin(one);

    [Law]
    public bool Within_is_antisymmetric(Selection one, Selection other) => (one.IsWithin(other) && other.IsWithin(one)) == (one == other);

    [Law]
    public bool Within_is_transitive(Selection one, Selection two, Selection three) =>
        !(one.IsWithin(two) && two.IsWithin(three)) || one.IsWithin(three);

    [Law]
    public bool Equal_selections_have_equal_hashes(Selection one, Selection other) =>
        one != other || one.GetHashCode() == other.GetHashCode();

    [Law]
    public bool Everything_contains_all_and_grants_every_demand_that_names_an_action(Selection one, string name, Demand demand) =>
        one.IsWithin(Selection.Everything)
        && (one.IsEverything || !Selection.Everything.IsWithin(one))
        && Selection.Everything.Contains(name)
        && Grants(Permissions.Everything, demand) == (demand.Action is not null);

    [Law]
    public bool Each_id_that_is_reached_must_be_permitted(string[] names, Selection selection) =>
        Reach.These(names).IsWithin(selection) == names.All(name => selection.Contains(name));

    [Law]
    public bool All_is_within_everything_and_nothing_else(Selection selection) => Reach.All.IsWithin(selection) == selection.IsEverything;

    [Law]
    public bool Permissions_that_nobody_gave_and_a_demand_that_nobody_made_are_refused(Permissions permissions, Demand demand) =>
        !Grants(default, demand) && !Grants(permissions, default);

    [Fact]
    public void The_defaults_refuse()
    {
        default(Decision).ShouldBe(Decision.Denied);
        default(Selection).IsNothing.ShouldBeTrue();
        default(Reach).ShouldBe(Reach.All);
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
