using System.Text.RegularExpressions;
using Shouldly;
using Xunit;

namespace Broker.Tests.Documents;

/// <summary>Every test class that <c>docs/promises.md</c> names exists, so that "shown by" can be followed.</summary>
public sealed partial class PromisesPageTests
{
    [Fact]
    public void Every_test_class_that_the_page_names_exists()
    {
        var classes = Pages
            .Sources("tests")
            .SelectMany(file => Declared().Matches(File.ReadAllText(file)))
            .Select(match => match.Groups[1].Value)
            .ToHashSet();
        var named = Named().Matches(Pages.Text("promises.md")).Select(match => match.Groups[1].Value).Distinct().ToList();

        named.Count.ShouldBeGreaterThan(30, "the page names what shows each promise");
        named.Except(classes).ShouldBeEmpty();
    }

    [Fact]
    public void Every_promise_is_numbered_and_names_what_shows_it()
    {
        var rows = Pages.Text("promises.md").Split('\n').Where(line => Row().IsMatch(line)).ToList();

        rows.Select((row, i) => Row().Match(row).Groups[1].Value == $"{i + 1}").ShouldAllBe(isNext => isNext);
        rows.ShouldAllBe(row => Named().IsMatch(row));
    }

    [GeneratedRegex(@"\bclass (\w+Tests)\b")]
    private static partial Regex Declared();

    [GeneratedRegex(@"`(\w+Tests)`")]
    private static partial Regex Named();

    [GeneratedRegex(@"^\| (\d+) \|")]
    private static partial Regex Row();
}
