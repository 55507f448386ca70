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
internal sealed record ConfigError(string Path, string Message, Severity Severity)
{
    /// <summary>The key that a mistake may follow from: where that is wrong already, nothing is said of this one.</summary>
    public string? Because { get; init; }

    /// <summary>Says that something was not judged: no other mistake says it instead.</summary>
    public bool IsToldAnyway { get; init; }

    public override string ToString() => $"{(Severity == Severity.Error ? "error" : "warning")}: {Path}: {Message}";
}

/// <summary>Every mistake of a candidate, so that all are told at once.</summary>
internal sealed class ConfigErrors
{
    private readonly List<ConfigError> all = [];
    private readonly List<string> unread = [];

    public IReadOnlyList<ConfigError> All => all;

    public bool HasErrors => all.Exists(mistake => mistake.Severity == Severity.Error);

    /// <param name="path">Where.</param>
    /// <param name="message">What, and the cure.</param>
    /// <param name="because">Another key that this follows from when it is wrong as well.</param>
    public void Error(string path, string message, string? because = null) =>
        all.Add(new(path, message, Severity.Error) { Because = because });

    /// <summary>What could not be judged because of what else is wrong; told in any case.</summary>
    public void NotLookedAt(string path) =>
        all.Add(new(path, "was not looked at: mend what is told above first", Severity.Error) { IsToldAnyway = true });

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
    public void AddUnlessExplained(ConfigErrors later)
    {
        var explained = all.Where(mistake => mistake.Severity == Severity.Error).Select(mistake => mistake.Path).ToList();
        all.AddRange(
            later.all.Where(mistake =>
                mistake.IsToldAnyway
                || (
                    !unread.Contains(mistake.Path)
                    && !explained.Exists(path => Touch(path, mistake.Path) || (mistake.Because is { } cause && Touch(path, cause)))
                )
            )
        );
    }

    private static bool Touch(string path, string other) => Within(path, other) || Within(other, path);

    private static bool Within(string path, string outer) =>
        path == outer || (path.StartsWith(outer, StringComparison.Ordinal) && path[outer.Length] == ':');
}
