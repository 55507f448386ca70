using System.Globalization;
using System.Text.RegularExpressions;
using Shouldly;
using Xunit;

namespace Broker.Tests.Documents;

/// <summary>A rule that a comment cites by its number is on the page: <c>rights.md 11 to 13</c>, <c>renewal.md 5</c>.</summary>
public sealed partial class CitationTests
{
    [Theory]
    [InlineData("rights.md", 17)]
    [InlineData("renewal.md", 8)]
    public void The_rules_of_a_page_are_numbered_without_a_gap(string page, int least)
    {
        var rules = RulesOf(page);
        rules.ShouldBe(Enumerable.Range(1, rules.Count));
        rules.Count.ShouldBeGreaterThanOrEqualTo(least);
    }

    [Fact]
    public void A_comment_cites_rules_that_there_are()
    {
        var files = Pages
            .Sources("src")
            .Concat(Pages.Sources("tests"))
            .Where(file => !file.Contains("/Documents/", StringComparison.Ordinal));
        var cited = (
            from file in files
            from Match citation in Citation().Matches(File.ReadAllText(file))
            let words = citation.Groups
            select (File: Path.GetFileName(file), Page: words["page"].Value, Rules: words["rules"].Value)
        ).ToList();

        cited.Count(citation => citation.Page == "rights.md").ShouldBeGreaterThan(20, "the citations are looked for in the wrong place");
        cited
            .Where(citation => !AreThere(citation.Page, citation.Rules))
            .ShouldBeEmpty("cite as 'rights.md 7' or 'rights.md 11 to 13', and only rules that the page has");
    }

    private static bool AreThere(string page, string rules)
    {
        var known = RulesOf(page);
        var numbers = Number().Matches(rules).Select(match => int.Parse(match.Value, CultureInfo.InvariantCulture)).ToList();
        return numbers.Count > 0 && numbers.All(known.Contains);
    }

    private static List<int> RulesOf(string page) =>
        [.. Rule().Matches(Pages.Text(page)).Select(match => int.Parse(match.Groups[1].Value, CultureInfo.InvariantCulture))];

    [GeneratedRegex(@"^(\d+)\. ", RegexOptions.Multiline)]
    private static partial Regex Rule();

    [GeneratedRegex(@"\b(?<page>rights\.md|renewal\.md)\b(?<rules> \d+(?:(?:, | to | and )\d+)*)?", RegexOptions.ExplicitCapture)]
    private static partial Regex Citation();

    [GeneratedRegex(@"\d+")]
    private static partial Regex Number();
}
