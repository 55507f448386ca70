namespace Broker.Configuration;

/// <summary>How bad a mistake in the config is.</summary>
internal enum Severity
{
    Warning,
    Error,
}

/// <summary>One mistake: where, what, and the cure.</summary>
/// <param name="Path">The key's path: <c>Broker:Callers:dashboard:Keys:0</c>.</param>
/// <param name="Message">What is wrong and what to do; never a secret's value.</param>
/// <param name="Severity">A warning lets the config load.</param>
internal sealed record Mistake(string Path, string Message, Severity Severity)
{
    public override string ToString() => $"{(Severity == Severity.Error ? "error" : "warning")}: {Path}: {Message}";
}

/// <summary>Every mistake of a candidate, so that all are told at once.</summary>
internal sealed class Mistakes
{
    private readonly List<Mistake> all = [];
    private readonly List<string> unread = [];

    public IReadOnlyList<Mistake> All => all;

    public bool HasErrors => all.Exists(mistake => mistake.Severity == Severity.Error);

    public void Error(string path, string message) => all.Add(new(path, message, Severity.Error));

    public void Warning(string path, string message) => all.Add(new(path, message, Severity.Warning));

    /// <summary>Whether a secret was not there, so that a blank stands in its place.</summary>
    public bool HasUnread => unread.Count > 0;

    /// <summary>A secret that is not there: bad enough to serve nothing, and to be expected where a config is only checked.</summary>
    public void Unread(string path, string message, Severity severity)
    {
        unread.Add(path);
        all.Add(new(path, message, severity));
    }

    /// <summary>Adds those of a later stage, but for what follows from an error that is already told at the same path, above or below it,
    /// and for what is said of the blank that stands in a missing secret's place.</summary>
    public void AddUnlessExplained(Mistakes later)
    {
        var explained = all.Where(mistake => mistake.Severity == Severity.Error).Select(mistake => mistake.Path).ToList();
        all.AddRange(later.all.Where(mistake =>
            !unread.Contains(mistake.Path) && !explained.Exists(path => Within(path, mistake.Path) || Within(mistake.Path, path))));
    }

    private static bool Within(string path, string outer) =>
        path == outer || (path.StartsWith(outer, StringComparison.Ordinal) && path[outer.Length] == ':');
}
