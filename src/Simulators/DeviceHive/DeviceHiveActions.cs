using System.Collections.Frozen;
using System.Text.Json;

namespace Simulators;

/// <summary>How DeviceHive reads lists of actions: unknown ones vanish, and an empty list is all that clients may do.</summary>
internal static class DeviceHiveActions
{
    public static readonly int[] Client = [2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 15, 16, 17];

    private static readonly FrozenSet<DeviceHiveAction> All = Enum.GetValues<DeviceHiveAction>().ToFrozenSet();

    /// <summary>The claim "a" of a new token; null when an item is neither text nor a whole number.</summary>
    public static int[]? ToClaim(IReadOnlyList<JsonElement>? actions)
    {
        if (actions is null)
        {
            return [(int)DeviceHiveAction.None];
        }
        if (
            !actions.All(item =>
                item.ValueKind == JsonValueKind.String || (item.ValueKind == JsonValueKind.Number && item.TryGetInt32(out _))
            )
        )
        {
            return null;
        }
        return [.. actions.Select(Number).Where(number => number is >= 0 and <= 18).Distinct()];
    }

    /// <summary>What a token with this claim may do; null when the vendor's check would fail on an id it does not know.</summary>
    public static FrozenSet<DeviceHiveAction>? FromClaim(IReadOnlyList<JsonElement>? claim)
    {
        if (claim is null)
        {
            return [];
        }
        var ids = claim.Count == 0 ? Client : [.. claim.Select(item => item.TryGetInt32(out var id) ? id : -1)];
        if (ids.Any(id => id is < 0 or > 18))
        {
            return null;
        }
        return ids.Contains(0) ? All : ids.Select(id => (DeviceHiveAction)id).ToFrozenSet();
    }

    private static int Number(JsonElement item)
    {
        if (item.ValueKind == JsonValueKind.Number)
        {
            return item.GetInt32();
        }
        var name = item.GetString()!;
        return name == "*" ? 0
            : !name.All(char.IsAsciiLetter) ? -1
            : Enum.TryParse<DeviceHiveAction>(name, ignoreCase: true, out var action) && action > DeviceHiveAction.None ? (int)action
            : -1;
    }
}
