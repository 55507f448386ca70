using FsCheck;
using FsCheck.Fluent;
using Policies;
using Shouldly;
using Xunit;

namespace Broker.Tests.TokenService;

public sealed class GrantTests
{
    private static readonly Gen<Selection> Selections = ArbMap
        .Default.GeneratorFor<int[]>()
        .Select(n => Selection.Of(n.Select(i => (i & 7) == 0 ? "*" : $"{i & 7}")));

    private static readonly Gen<Permissions> Rights =
        from a in Selections
        from n in Selections
        from t in Selections
        from d in Selections
        select new Permissions(a, n, t, d);

    private static readonly Gen<Grant> Grants = from p in Rights from end in Gen.Choose(0, 100) select new Grant(p, end);

    private static readonly Gen<Wish> Wishes =
        from a in Maybe(Selections)
        from n in Maybe(Selections)
        from t in Maybe(Selections)
        from d in Maybe(Selections)
        from end in Gen.Choose(-20, 120)
        select new Wish(a, n, t, d, end < 0 ? null : end);

    [Fact]
    public void For_any_grant_and_any_chain_of_wishes_what_is_given_lies_within_the_first_grant() =>
        Prop.ForAll(Arb.From(from grant in Grants from wishes in Gen.ListOf(Wishes) select (grant, wishes)), pair =>
            {
                var held = pair.grant;
                foreach (var wish in pair.wishes)
                {
                    if (held.Narrow(wish, out var next) == Decision.Granted)
                    {
                        next.IsWithin(held).ShouldBeTrue();
                        held = next;
                    }
                    else
                    {
                        next.ShouldBe(default);
                    }
                }

                held.IsWithin(pair.grant).ShouldBeTrue();
            })
            .QuickCheckThrowOnFailure();

    [Fact]
    public void What_is_wished_for_is_given_exactly_or_not_at_all() =>
        Prop.ForAll(Arb.From(from grant in Grants from wish in Wishes select (grant, wish)), pair =>
            {
                var decision = pair.grant.Narrow(pair.wish, out var given);
                if (decision == Decision.Granted)
                {
                    given.Permissions.Networks.ShouldBe(pair.wish.Networks ?? pair.grant.Permissions.Networks);
                    given.Permissions.Actions.ShouldBe(pair.wish.Actions ?? pair.grant.Permissions.Actions);
                    given.EndsAt.ShouldBe(Math.Min(pair.wish.EndsAt ?? long.MaxValue, pair.grant.EndsAt));
                }
                else
                {
                    (
                        pair.wish.Actions?.IsWithin(pair.grant.Permissions.Actions) != false
                        && pair.wish.Networks?.IsWithin(pair.grant.Permissions.Networks) != false
                        && pair.wish.DeviceTypes?.IsWithin(pair.grant.Permissions.DeviceTypes) != false
                        && pair.wish.Devices?.IsWithin(pair.grant.Permissions.Devices) != false
                    ).ShouldBeFalse();
                }
            })
            .QuickCheckThrowOnFailure();

    [Fact]
    public void Two_grants_together_are_within_each() =>
        Prop.ForAll(Arb.From(from one in Grants from other in Grants select (one, other)), pair =>
            {
                var both = pair.one.Within(pair.other);
                (both.IsWithin(pair.one) && both.IsWithin(pair.other)).ShouldBeTrue();
            })
            .QuickCheckThrowOnFailure();

    [Fact]
    public void Null_is_as_mine_and_empty_is_nothing()
    {
        var mine = new Grant(new(Selection.Of("GetDevice"), Selection.Of("7"), Selection.Everything, Selection.Of("a")), 50);

        mine.Narrow(default, out var same).ShouldBe(Decision.Granted);
        same.ShouldBe(mine);

        mine.Narrow(new(Selection.Nothing, Selection.Nothing, Selection.Nothing, Selection.Nothing, null), out var nothing)
            .ShouldBe(Decision.Granted);
        nothing.ShouldBe(new(default, 50));
    }

    [Theory]
    [InlineData(0, Decision.ActionNotGranted)]
    [InlineData(1, Decision.NetworkNotGranted)]
    [InlineData(2, Decision.DeviceTypeNotGranted)]
    [InlineData(3, Decision.DeviceNotGranted)]
    public void Everything_is_wider_than_some_of_it(int dimension, Decision expected)
    {
        var some = Selection.Of("1");
        var mine = new Grant(new(some, some, some, some), 50);
        Selection? Asked(int at) => at == dimension ? Selection.Everything : null;

        mine.Narrow(new(Asked(0), Asked(1), Asked(2), Asked(3), null), out var given).ShouldBe(expected);

        given.ShouldBe(default);
    }

    private static Gen<Selection?> Maybe(Gen<Selection> gen) =>
        Gen.OneOf(Gen.Constant((Selection?)null), gen.Select(value => (Selection?)value));
}
