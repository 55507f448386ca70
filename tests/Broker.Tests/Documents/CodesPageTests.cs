using System.Text.RegularExpressions;
using Shouldly;
using Xunit;

namespace Broker.Tests.Documents;

/// <summary>The table of codes in <c>docs/operations.md</c> has every refusal of the request path, with its status.</summary>
public sealed partial class CodesPageTests
{
    [Fact]
    public void Every_refusal_has_its_row_with_its_status()
    {
        var source = File.ReadAllText(Path.Combine(Pages.Repository, "src/Broker/Forwarding/Refusal.cs"));
        var refusals = Refusal()
            .Matches(source)
            .Select(match => (Status: match.Groups["status"].Value, Code: match.Groups["code"].Value))
            .Concat(Forbidden().Matches(source).Select(match => (Status: "403", Code: match.Groups["code"].Value)))
            .Distinct()
            .ToList();
        var rows = Row()
            .Matches(Pages.Text("operations.md"))
            .Select(match => (Codes: match.Groups["codes"].Value, Statuses: match.Groups["statuses"].Value))
            .ToList();

        refusals.Count.ShouldBeGreaterThan(40);
        refusals
            .Where(refusal =>
                !rows.Any(row =>
                    row.Codes.Contains($"`{refusal.Code}`", StringComparison.Ordinal)
                    && row.Statuses.Contains(refusal.Status, StringComparison.Ordinal)
                )
            )
            .ShouldBeEmpty();
    }

    [GeneratedRegex("""new\(\s*(?<status>\d{3}),\s*"(?<code>[a-z-]+)",""")]
    private static partial Regex Refusal();

    [GeneratedRegex("""Forbidden\("(?<code>[a-z-]+)"\)""")]
    private static partial Regex Forbidden();

    [GeneratedRegex(@"^\| (?<codes>`[^|]+`) \| (?<statuses>[\d, ]+) \|", RegexOptions.Multiline)]
    private static partial Regex Row();
}
