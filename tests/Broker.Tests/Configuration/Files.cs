using System.Runtime.CompilerServices;
using Broker.Configuration;

namespace Broker.Tests.Configuration;

/// <summary>A directory of config files for one test, with an environment of its own.</summary>
internal sealed class Files : IDisposable
{
    public string Root { get; } = Directory.CreateTempSubdirectory("broker-config-").FullName;

    public Dictionary<string, string> Environment { get; } = [];

    public SnapshotStore Store { get; } = new();

    public string this[string name] => Path.Combine(Root, name);

    public static string Repository([CallerFilePath] string here = "") =>
        Path.GetFullPath(Path.Combine(Path.GetDirectoryName(here)!, "../../.."));

    public string Write(string name, string text)
    {
        File.WriteAllText(this[name], text);
        return this[name];
    }

    public SnapshotLoader Loader(IReadOnlyList<string> files, Severity missing = Severity.Error, params ISnapshotCompiler[] compilers) =>
        new(files, compilers, Store, Environment.GetValueOrDefault) { MissingSecrets = missing };

    /// <summary>Loads these texts as one file each, a later one over an earlier.</summary>
    public LoadResult Load(params string[] texts) => Loader([.. texts.Select((text, i) => Write($"{i}.json", text))]).Load();

    public void Dispose() => Directory.Delete(Root, recursive: true);
}

internal static class LoadResults
{
    public static IReadOnlyList<string> Errors(this LoadResult result) =>
        [
            .. result
                .ConfigErrors.All.Where(mistake => mistake.Severity == Severity.Error)
                .Select(mistake => $"{mistake.Path}: {mistake.Message}"),
        ];

    public static IReadOnlyList<string> Warnings(this LoadResult result) =>
        [
            .. result
                .ConfigErrors.All.Where(mistake => mistake.Severity == Severity.Warning)
                .Select(mistake => $"{mistake.Path}: {mistake.Message}"),
        ];

    public static Snapshot Good(this LoadResult result) =>
        result.Snapshot ?? throw new InvalidOperationException(string.Join("\n", result.ConfigErrors.All));
}
