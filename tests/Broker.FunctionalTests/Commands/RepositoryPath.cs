using System.Text.RegularExpressions;

namespace Broker.FunctionalTests.Commands;

/// <summary>A path of this repository on a page, from the root or from <c>src/Broker</c> (<c>Forwarding/TokenHandler</c>).</summary>
internal static partial class RepositoryPath
{
    private static readonly string[] Endings = ["", ".cs"];

    private static readonly string Broker = Path.Combine(DocumentPage.Root, "src/Broker");

    private static readonly HashSet<string> Folders = [.. Directory.EnumerateDirectories(Broker).Select(path => Path.GetFileName(path)!)];

    public static bool IsOne(string text) =>
        FromRoot().IsMatch(text) || (FromBroker().Match(text) is { Success: true } match && Folders.Contains(match.Groups[1].Value));

    /// <summary>With <c>*</c> for a part of a file's name, and without <c>.cs</c> where it names a type.</summary>
    public static bool Exists(string path)
    {
        var folder = FromRoot().IsMatch(path) || IsAtRoot(path) ? DocumentPage.Root : Broker;
        var full = Path.GetFullPath(Path.Combine(folder, path.TrimEnd('/')));
        return Directory.Exists(full)
            || Endings.Any(end => File.Exists(full + end))
            || (path.Contains('*', StringComparison.Ordinal) && HasAny(Path.GetDirectoryName(full)!, Path.GetFileName(full)));
    }

    private static bool HasAny(string folder, string pattern) =>
        Directory.Exists(folder) && Endings.Any(end => Directory.EnumerateFiles(folder, pattern + end).Any());

    private static bool IsAtRoot(string path) => File.Exists(Path.Combine(DocumentPage.Root, path));

    [GeneratedRegex(@"^(src|tests|docs|config|samples)/[\w./*-]+$")]
    private static partial Regex FromRoot();

    [GeneratedRegex(@"^([A-Z]\w+)/[\w./*]+$")]
    private static partial Regex FromBroker();
}
