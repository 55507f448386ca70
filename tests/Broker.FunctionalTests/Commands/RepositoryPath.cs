using System.Text.RegularExpressions;

namespace Broker.FunctionalTests.Commands;

/// <summary>What on a page looks like a path of this repository: from its root, or from <c>src/Broker</c> (<c>Forwarding/TokenHandler</c>).</summary>
internal static partial class RepositoryPath
{
    // Folders and pages that are on their way (issue 15). What is there already may be taken out.
    private static readonly string[] Coming =
    [
        "src/Broker/TokenService", "src/Broker/UpstreamTokens", "src/Broker/Forwarding/Routes", "src/Broker/Forwarding/Requests",
        "src/Broker/Forwarding/Upstream", "src/Broker/Forwarding/Responses", "src/Broker/Configuration/Options", "src/Broker/UpstreamTokens/Sources",
        "src/Broker/UpstreamTokens/Accounts", "docs/configuration.md", "docs/rights.md", "docs/renewal.md", "docs/promises.md",
    ];

    private static readonly string[] Endings = ["", ".cs"];

    private static readonly string Broker = Path.Combine(DocumentPage.Root, "src/Broker");

    private static readonly HashSet<string> Folders =
        [.. Directory.EnumerateDirectories(Broker).Select(path => Path.GetFileName(path)!), "TokenService", "UpstreamTokens"];

    public static bool IsOne(string text) =>
        FromRoot().IsMatch(text) || (FromBroker().Match(text) is { Success: true } match && Folders.Contains(match.Groups[1].Value));

    /// <summary>With <c>*</c> for a part of a file's name, and without <c>.cs</c> where it names a type.</summary>
    public static bool Exists(string path)
    {
        var full = Path.GetFullPath(Path.Combine(FromRoot().IsMatch(path) || IsAtRoot(path) ? DocumentPage.Root : Broker, path.TrimEnd('/')));
        return IsComing(Path.GetRelativePath(DocumentPage.Root, full)) || File.Exists(full) || Directory.Exists(full) || File.Exists(full + ".cs")
            || (Directory.Exists(Path.GetDirectoryName(full)) && path.Contains('*', StringComparison.Ordinal)
                && Endings.Any(end => Directory.EnumerateFiles(Path.GetDirectoryName(full)!, Path.GetFileName(full) + end).Any()));
    }

    public static bool IsComing(string name) => Coming.Contains(name);

    private static bool IsAtRoot(string path) => File.Exists(Path.Combine(DocumentPage.Root, path));

    [GeneratedRegex(@"^(src|tests|docs|config|samples)/[\w./*-]+$")]
    private static partial Regex FromRoot();

    [GeneratedRegex(@"^([A-Z]\w+)/[\w./*]+$")]
    private static partial Regex FromBroker();
}
