using System.Text.Json;

namespace Simulators;

/// <summary>Reads members of a JSON object that may not be there.</summary>
internal static class JsonFields
{
    public static JsonElement? Member(this JsonElement? json, string name, StringComparison comparison = StringComparison.Ordinal)
    {
        if (json is not { ValueKind: JsonValueKind.Object } found)
        {
            return null;
        }
        foreach (var member in found.EnumerateObject())
        {
            if (string.Equals(member.Name, name, comparison) && member.Value.ValueKind != JsonValueKind.Null)
            {
                return member.Value;
            }
        }
        return null;
    }

    public static string? Text(this JsonElement? json, string name, StringComparison comparison = StringComparison.Ordinal) =>
        json.Member(name, comparison) is { ValueKind: JsonValueKind.String } text ? text.GetString() : null;

    public static long? Number(this JsonElement? json, string name) =>
        json.Member(name) is { ValueKind: JsonValueKind.Number } number && number.TryGetInt64(out var value) ? value : null;

    public static IReadOnlyList<JsonElement>? Items(this JsonElement? json, string name) =>
        json.Member(name) is { ValueKind: JsonValueKind.Array } array ? [.. array.EnumerateArray()] : null;
}
