using System.Text.RegularExpressions;
using Shouldly;
using Xunit;

namespace Broker.Tests.Documents;

/// <summary>A link of a page leads to a file of the repository, and to a heading that it has.</summary>
public sealed partial class PageLinksTests
{
    [Fact]
    public void Every_link_of_a_page_leads_somewhere()
    {
        var pages = Directory.EnumerateFiles(Path.Combine(Pages.Repository, "docs"), "*.md", SearchOption.AllDirectories)
            .Append(Path.Combine(Pages.Repository, "README.md"));
        var links = (from page in pages
                     from Match link in Link().Matches(File.ReadAllText(page))
                     select (Page: page, Target: link.Groups["target"].Value)).ToList();

        links.Count.ShouldBeGreaterThan(50);
        links.Where(link => !LeadsSomewhere(link.Page, link.Target))
            .Select(link => $"{Path.GetRelativePath(Pages.Repository, link.Page)}: {link.Target}").ShouldBeEmpty();
    }

    private static bool LeadsSomewhere(string page, string target)
    {
        var parts = target.Split('#', 2);
        var file = parts[0].Length == 0 ? page : Path.GetFullPath(Path.Combine(Path.GetDirectoryName(page)!, parts[0]));
        return File.Exists(file) ? parts.Length == 1 || Anchors(file).Contains(parts[1]) : Directory.Exists(file);
    }

    // As GitHub makes them: letters, digits, '-' and '_' in lower case, and a blank is '-'.
    private static HashSet<string> Anchors(string file) =>
        [.. Heading().Matches(File.ReadAllText(file)).Select(match => string.Concat(match.Groups["text"].Value.Trim().ToLowerInvariant()
            .Where(letter => char.IsLetterOrDigit(letter) || letter is ' ' or '-' or '_')).Replace(' ', '-'))];

    [GeneratedRegex(@"\]\((?<target>(?!\w+:)[^)\s]+)\)", RegexOptions.ExplicitCapture)]
    private static partial Regex Link();

    [GeneratedRegex(@"^#{1,6} (?<text>.+)$", RegexOptions.Multiline | RegexOptions.ExplicitCapture)]
    private static partial Regex Heading();
}
