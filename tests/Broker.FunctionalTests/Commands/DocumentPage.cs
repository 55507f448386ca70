using System.Text.RegularExpressions;

namespace Broker.FunctionalTests.Commands;

/// <summary>A page of the documentation, as its readers see it: prose, and blocks of code.</summary>
internal sealed partial class DocumentPage
{
    private DocumentPage(string name, string[] lines)
    {
        Name = name;
        (Prose, Blocks) = Parse(lines);
    }

    /// <summary>Its path in the repository, such as <c>docs/routes.md</c>.</summary>
    public string Name { get; }

    /// <summary>Its lines outside of blocks, with their numbers.</summary>
    public IReadOnlyList<(int Number, string Text)> Prose { get; }

    public IReadOnlyList<DocumentBlock> Blocks { get; }

    /// <summary>What stands between single backticks, with the number of its line.</summary>
    public IEnumerable<(int Number, string Text)> CodeSpans =>
        Prose.SelectMany(line => Span().Matches(line.Text).Select(match => (line.Number, match.Groups[1].Value)));

    /// <summary>The targets of its links.</summary>
    public IEnumerable<(int Number, string Target)> Links =>
        Prose.SelectMany(line => Link().Matches(Span().Replace(line.Text, "")).Select(match => (line.Number, match.Groups[1].Value)));

    /// <summary>The anchors of its headings, as GitHub makes them.</summary>
    public IEnumerable<string> Anchors =>
        Prose.Where(line => line.Text.StartsWith('#')).Select(line => AnchorOf(line.Text.TrimStart('#').Trim()));

    /// <summary>The folder that holds the solution.</summary>
    public static string Root { get; } = FindRoot();

    /// <summary>README, CONTRIBUTING, SECURITY and all of <c>docs</c>. The changelog speaks of what was.</summary>
    public static IReadOnlyList<DocumentPage> All { get; } =
    [
        .. new[] { "README.md", "CONTRIBUTING.md", "SECURITY.md" }
            .Select(name => Path.Combine(Root, name))
            .Where(File.Exists)
            .Concat(Directory.EnumerateFiles(Path.Combine(Root, "docs"), "*.md", SearchOption.AllDirectories).Order(StringComparer.Ordinal))
            .Select(file => Read(Path.GetRelativePath(Root, file))),
    ];

    public static DocumentPage Read(string name) => new(name, File.ReadAllLines(Path.Combine(Root, name)));

    private static (List<(int Number, string Text)> Prose, List<DocumentBlock> Blocks) Parse(string[] lines)
    {
        var (prose, blocks) = (new List<(int Number, string Text)>(), new List<DocumentBlock>());
        for (var i = 0; i < lines.Length; i++)
        {
            if (Fence().Match(lines[i]) is not { Success: true } fence)
            {
                prose.Add((i + 1, lines[i]));
                continue;
            }

            var (first, indent, text) = (i + 1, fence.Groups[1].Length, new List<string>());
            for (i++; i < lines.Length && lines[i].Trim() != "```"; i++)
            {
                text.Add(lines[i].Length >= indent ? lines[i][indent..] : "");
            }

            blocks.Add(new(first, fence.Groups[2].Value.Trim(), string.Join('\n', text)));
        }

        return (prose, blocks);
    }

    private static string AnchorOf(string heading) => NoAnchor().Replace(heading.ToLowerInvariant(), "").Replace(' ', '-');

    private static string FindRoot()
    {
        var folder = AppContext.BaseDirectory;
        while (!File.Exists(Path.Combine(folder, "Broker.sln")))
        {
            folder = Path.GetDirectoryName(folder)!;
        }

        return folder;
    }

    [GeneratedRegex("^( *)```(.*)$")]
    private static partial Regex Fence();

    [GeneratedRegex("`([^`]+)`")]
    private static partial Regex Span();

    [GeneratedRegex(@"\]\(([^)\s]+)\)")]
    private static partial Regex Link();

    [GeneratedRegex(@"[^\w\- ]")]
    private static partial Regex NoAnchor();
}

/// <summary>A block of code on a page.</summary>
/// <param name="Line">The number of its first fence.</param>
/// <param name="Info">What stands behind the first fence: a language, and a word of ours.</param>
/// <param name="Text">The text between the fences.</param>
internal sealed record DocumentBlock(int Line, string Info, string Text)
{
    public bool IsJson => Language is "json" or "jsonc";

    public bool IsShell => Language is "sh" or "bash" or "shell" or "console";

    /// <summary>One route of a config.</summary>
    public bool IsRoute => Info.Split(' ').Contains("route");

    /// <summary>A part of a config, or one that is not the broker's.</summary>
    public bool IsFragment => Info.Split(' ').Contains("fragment");

    private string Language => Info.Split(' ')[0];

    /// <summary>The commands of a shell block, without comments; a line that ends with a backslash goes on in the next.</summary>
    public IEnumerable<string> Commands =>
        Text.Replace("\\\n", " ", StringComparison.Ordinal)
            .Split('\n')
            .Select(line => line.Split(" #")[0].Trim())
            .Where(line => line.Length > 0 && line[0] != '#');
}
