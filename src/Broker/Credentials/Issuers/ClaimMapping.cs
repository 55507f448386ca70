using System.Collections.Frozen;
using System.Globalization;
using System.Text.Json;
using Broker.Configuration;
using Policies;

namespace Broker.Credentials;

/// <summary>Makes one dimension of a caller's permissions from a verified claim, or from the config's own word.</summary>
/// <remarks>An issuer grants everything only where the config says so: by a constant, or by a map.</remarks>
internal sealed class ClaimMapping
{
    private readonly ClaimPath? claim;
    private readonly Selection constant;
    private readonly FrozenDictionary<string, Selection>? map;
    private readonly ActionNames? actions;

    /// <param name="options">As the config has it.</param>
    /// <param name="path">Its key.</param>
    /// <param name="actions">With the dimension of actions: those there are.</param>
    /// <param name="selections">Reads the config's own words.</param>
    /// <param name="mistakes">Where mistakes are told.</param>
    public ClaimMapping(ClaimOptions options, string path, ActionNames? actions, SelectionReader selections, ConfigErrors mistakes)
    {
        this.actions = actions;
        claim = options.Claim is { } text ? new(text) : null;
        if ((claim is null) == (options.Const is null) || string.IsNullOrWhiteSpace(options.Claim ?? "-"))
        {
            mistakes.Error(path, "write exactly one of Claim and Const");
        }
        else if (claim is { IsWellFormed: false })
        {
            mistakes.Error($"{path}:Claim", "is no JSON Pointer: in a claim that begins with '/', write '~0' for '~' and '~1' for '/'");
        }

        if (options.Map is not null && claim is null)
        {
            mistakes.Error($"{path}:Map", "a Map needs a Claim");
        }

        constant = Written(options.Const ?? [], $"{path}:Const");
        map = options.Map?.ToFrozenDictionary(
            pair => pair.Key,
            pair => Written(pair.Value, $"{path}:Map:{pair.Key}"),
            StringComparer.Ordinal
        );

        Selection Written(IReadOnlyList<string> names, string at) =>
            actions is null ? selections.Names(names, at) : selections.Actions(names, at);
    }

    /// <summary>What the claims give; nothing where the claim is missing or of another shape.</summary>
    public Selection Of(JsonElement claims)
    {
        if (claim is null)
        {
            return constant;
        }

        var names = new List<string>();
        foreach (var value in Values(claim.Find(claims)))
        {
            if (map is not null)
            {
                if (map.TryGetValue(value, out var stands))
                {
                    names.AddRange(stands.IsEverything ? [Selection.Wildcard] : stands.Names);
                }
            }
            else if (actions is not null)
            {
                // One by one: neither "*" nor 0, which is every action too, resolves to a single action.
                if (actions.TryResolve(value, out var action))
                {
                    names.Add(action);
                }
            }
            else if (value != Selection.Wildcard)
            {
                names.Add(value);
            }
        }

        return Selection.Of(names);
    }

    private static IEnumerable<string> Values(JsonElement? claim) =>
        claim switch
        {
            { ValueKind: JsonValueKind.String } text => text.GetString()!.Split(' ', StringSplitOptions.RemoveEmptyEntries),
            { ValueKind: JsonValueKind.Array } list => list.EnumerateArray().Select(Scalar).OfType<string>(),
            { ValueKind: JsonValueKind.Number } number when Scalar(number) is { } one => [one],
            _ => [],
        };

    /// <summary>A string that is not empty, or a whole number; null for all else.</summary>
    public static string? Scalar(JsonElement value) =>
        value.ValueKind switch
        {
            JsonValueKind.String => value.GetString() is { Length: > 0 } text ? text : null,
            JsonValueKind.Number when value.TryGetInt64(out var number) => number.ToString(CultureInfo.InvariantCulture),
            _ => null,
        };
}
