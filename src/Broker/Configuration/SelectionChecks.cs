using System.Text.Json.Nodes;
using Policies;

namespace Broker.Configuration;

/// <summary>Judges selections: lists of names, or <c>"*"</c>.</summary>
internal sealed class SelectionChecks(ActionNames actions, JsonObject writtenActions, Mistakes mistakes)
{
    public void Actions(IReadOnlyList<string> names, string path)
    {
        Names(names, path);
        for (var i = 0; i < names.Count; i++)
        {
            actions.Select([names[i]], out var unknown);
            if (unknown.Count > 0 && names[i].Length > 0 && !writtenActions.ContainsKey(names[i]))
            {
                mistakes.Error($"{path}:{i}", $"there is no action '{names[i]}': {Nearest.Say(names[i], actions.All)}");
            }
        }
    }

    public void Names(IReadOnlyList<string> names, string path)
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
