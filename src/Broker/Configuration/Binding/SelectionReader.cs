using Policies;

namespace Broker.Configuration;

/// <summary>Reads selections: lists of names, or <c>"*"</c>; what is no name is told and left out.</summary>
internal sealed class SelectionReader(ActionNames actions, ConfigErrors mistakes)
{
    public Selection Actions(IReadOnlyList<string> names, string path)
    {
        Judge(names, path);
        for (var i = 0; i < names.Count; i++)
        {
            actions.Select([names[i]], out var unknown);
            if (unknown.Count > 0 && !string.IsNullOrWhiteSpace(names[i]))
            {
                mistakes.Error(
                    $"{path}:{i}",
                    $"there is no action '{Scalars.Short(names[i])}': {DidYouMean.Say(names[i], actions.All)}",
                    because: $"Broker:Actions:{names[i]}"
                );
            }
        }

        return actions.Select(names, out _);
    }

    public Selection Names(IReadOnlyList<string> names, string path)
    {
        Judge(names, path);
        return Selection.Of(names.Where(name => !string.IsNullOrWhiteSpace(name)));
    }

    private void Judge(IReadOnlyList<string> names, string path)
    {
        for (var i = 0; i < names.Count; i++)
        {
            if (string.IsNullOrWhiteSpace(names[i]))
            {
                mistakes.Error($"{path}:{i}", "a name cannot be empty: upstreams read an empty id as 'no filter'");
            }
        }

        foreach (var name in names.GroupBy(name => name, StringComparer.Ordinal).Where(group => group.Count() > 1))
        {
            mistakes.Warning(path, $"'{name.Key}' stands here more than once");
        }

        if (names.Count > 1 && names.Contains(Selection.Wildcard))
        {
            mistakes.Warning(path, "\"*\" is everything already: the other names mean nothing beside it");
        }
    }
}
