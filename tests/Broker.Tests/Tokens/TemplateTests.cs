using Broker.Tokens;
using FsCheck;
using FsCheck.Fluent;
using Shouldly;
using Xunit;

namespace Broker.Tests.Tokens;

public sealed class TemplateTests
{
    private static readonly string[] Issuers = ["corp"];

    [Theory]
    [InlineData("{corp:tenant}-{corp:sub}", "a", "b", "a-b")]
    [InlineData("{corp:tenant}-{corp:sub}", "a", "b-c", null)]
    [InlineData("{corp:tenant}-{corp:sub}", "a-b", "c", null)]
    [InlineData("{corp:tenant}--{corp:sub}", "a-", "b", null)] // a-- -b or a - --b
    [InlineData("{corp:tenant}--{corp:sub}", "a", "-b", "a---b")]
    [InlineData("x-{corp:sub}-y", "a", "b-c", "x-b-c-y")] // one hole: no border to move
    [InlineData("{corp:sub}-{corp:sub}", "a", "b-c", null)]
    public void A_value_that_holds_what_separates_two_holes_is_none(string text, string tenant, string sub, string? rendered) =>
        Render(text, tenant, sub).ShouldBe(rendered);

    [Theory]
    [InlineData("{corp:tenant}-{corp:sub}")]
    [InlineData("-{corp:tenant}--{corp:sub}-")]
    [InlineData("{corp:tenant}-+-{corp:sub}")]
    [InlineData("{corp:tenant}-{corp:sub}+{corp:tenant}")]
    public void Two_callers_never_render_to_one_text(string text)
    {
        // Few letters, so that borders meet often.
        var values = Gen.Elements('a', 'b', 'c', '-', '+').ArrayOf().Where(letters => letters.Length is > 0 and < 5).Select(letters => new string(letters)).ToArbitrary();
        var seen = new Dictionary<string, (string, string)>();
        Prop.ForAll(values, values, (tenant, sub) =>
            Render(text, tenant, sub) is not { } rendered || seen.TryAdd(rendered, (tenant, sub)) || seen[rendered] == (tenant, sub))
            .Check(Config.QuickThrowOnFailure.WithMaxTest(1500));
        seen.Count.ShouldBeGreaterThan(5);
    }

    private static string? Render(string text, string tenant, string sub)
    {
        var template = Template.Parse(text, Issuers, out var mistake);
        mistake.ShouldBeNull();
        return template.Render(new Dictionary<string, string> { ["corp:tenant"] = tenant, ["corp:sub"] = sub });
    }
}
