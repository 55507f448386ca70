using System.Runtime.CompilerServices;

namespace Broker.Tests.Documents;

/// <summary>The pages of <c>docs</c>, and the source they speak of.</summary>
internal static class Pages
{
    public static readonly string Repository = Path.GetFullPath(Path.Combine(ThisFolder(), "../../.."));

    public static string Text(string page) => File.ReadAllText(Path.Combine(Repository, "docs", page));

    /// <summary>The files of a folder of the repository, without what a build writes there.</summary>
    public static IEnumerable<string> Sources(string folder) =>
        Directory
            .EnumerateFiles(Path.Combine(Repository, folder), "*.cs", SearchOption.AllDirectories)
            .Where(file => !file.Contains("/obj/", StringComparison.Ordinal) && !file.Contains("/bin/", StringComparison.Ordinal));

    private static string ThisFolder([CallerFilePath] string path = "") => Path.GetDirectoryName(path)!;
}
