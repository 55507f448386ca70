using Broker.UpstreamTokens;
using Shouldly;
using Xunit;

namespace Broker.Tests.UpstreamTokens;

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
        // Every value of few letters up to four long, so that borders meet in every way.
        string[] letters = ["a", "-", "+"];
        var values = letters.ToList();
        for (var (from, length) = (0, 2); length <= 4; length++)
        {
            var longer = values[from..].SelectMany(value => letters.Select(letter => value + letter)).ToList();
            from = values.Count;
            values.AddRange(longer);
        }

        var seen = new Dictionary<string, (string, string)>();
        foreach (var (tenant, sub) in values.SelectMany(tenant => values.Select(sub => (tenant, sub))))
        {
            if (Render(text, tenant, sub) is { } rendered)
            {
                seen.TryAdd(rendered, (tenant, sub)).ShouldBeTrue($"{rendered}: {seen.GetValueOrDefault(rendered)} and {(tenant, sub)}");
            }
        }

        seen.Count.ShouldBeGreaterThan(5);
    }

    private static string? Render(string text, string tenant, string sub)
    {
        var template = Template.Parse(text, Issuers, out var mistake);
        mistake.ShouldBeNull();
        return template.Render(new Dictionary<string, string> { ["corp:tenant"] = tenant, ["corp:sub"] = sub });
    }
}
