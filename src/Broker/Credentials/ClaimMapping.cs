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
    private readonly string? claim;
    private readonly Selection constant;
    private readonly FrozenDictionary<string, Selection>? map;
    private readonly ActionNames? actions;

    /// <param name="options">As the config has it.</param>
    /// <param name="actions">With the dimension of actions: those there are.</param>
    /// <param name="mistake">Called with the key below the dimension, and what is wrong there.</param>
    public ClaimMapping(ClaimOptions options, ActionNames? actions, Action<string, string> mistake)
    {
        this.actions = actions;
        claim = options.Claim;
        if ((claim is null) == (options.Const is null) || claim?.Length == 0)
        {
            mistake("", "write exactly one of Claim and Const");
        }

        if (options.Map is not null && claim is null)
        {
            mistake(":Map", "a Map needs a Claim");
        }

        constant = Written(options.Const ?? [], ":Const", mistake);
        map = options.Map?.ToFrozenDictionary(
            pair => pair.Key, pair => Written(pair.Value, $":Map:{pair.Key}", mistake), StringComparer.Ordinal);
    }

    /// <summary>What the claims give; nothing where the claim is missing or of another shape.</summary>
    public Selection Of(JsonElement claims)
    {
        if (claim is null)
        {
            return constant;
        }

        var names = new List<string>();
        foreach (var value in Values(claims, claim))
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

    private Selection Written(IReadOnlyList<string> values, string key, Action<string, string> mistake)
    {
        if (values.Any(string.IsNullOrEmpty))
        {
            mistake(key, "holds an empty name; drop it, or write \"*\" for all");
            return Selection.Nothing;
        }

        if (actions is null)
        {
            return Selection.Of(values);
        }

        var selection = actions.Select(values, out var unknown);
        if (unknown.Count > 0)
        {
            mistake(key, $"'{string.Join("', '", unknown)}' is no action; 'Broker:Actions' adds one");
        }

        return selection;
    }

    private static IEnumerable<string> Values(JsonElement claims, string name)
    {
        if (!claims.TryGetProperty(name, out var value))
        {
            return [];
        }

        return value.ValueKind switch
        {
            JsonValueKind.String => value.GetString()!.Split(' ', StringSplitOptions.RemoveEmptyEntries),
            JsonValueKind.Array => value.EnumerateArray().Select(Scalar).OfType<string>(),
            _ => [],
        };
    }

    /// <summary>A string that is not empty, or a whole number; null for all else.</summary>
    public static string? Scalar(JsonElement value) => value.ValueKind switch
    {
        JsonValueKind.String => value.GetString() is { Length: > 0 } text ? text : null,
        JsonValueKind.Number when value.TryGetInt64(out var number) => number.ToString(CultureInfo.InvariantCulture),
        _ => null,
    };
}
