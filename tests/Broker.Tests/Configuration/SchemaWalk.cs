using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;

namespace Broker.Tests.Configuration;

/// <summary>As much of a JSON Schema validator as our own schema needs; a keyword it does not know is a fault.</summary>
internal static class SchemaWalk
{
    private static readonly HashSet<string> Silent = ["$schema", "$defs", "title", "description", "default", "properties", "propertyNames"];

    public static List<string> Faults(JsonObject root, JsonNode value) => Faults(root, root, value, "");

    private static List<string> Faults(JsonObject root, JsonObject schema, JsonNode value, string path)
    {
        var faults = new List<string>();
        foreach (var (keyword, rule) in schema)
        {
            if (!Silent.Contains(keyword) && !Holds(root, schema, keyword, rule!, value, path, faults))
            {
                faults.Add($"{path}: {keyword}");
            }
        }

        foreach (var (name, item) in value as JsonObject ?? [])
        {
            var known = schema["properties"]?[name] as JsonObject ?? schema["additionalProperties"] as JsonObject;
            faults.AddRange(known is null ? [] : Faults(root, known, item!, $"{path}:{name}"));
            faults.AddRange(schema["propertyNames"] is JsonObject names ? Faults(root, names, name, $"{path}:{name}") : []);
        }

        return faults;
    }

    private static bool Holds(JsonObject root, JsonObject schema, string keyword, JsonNode rule, JsonNode value, string path, List<string> faults)
    {
        var text = value.GetValueKind() == JsonValueKind.String ? value.GetValue<string>() : null;
        switch (keyword)
        {
            case "type":
                return (rule as JsonArray ?? new JsonArray(rule.DeepClone())).Any(type => Is(type!.GetValue<string>(), value));
            case "enum":
                return rule.AsArray().Any(word => JsonNode.DeepEquals(word, value));
            case "const":
                return JsonNode.DeepEquals(rule, value);
            case "pattern":
                return text is null || Regex.IsMatch(text, rule.GetValue<string>());
            case "minLength":
                return text is null || text.Length >= rule.GetValue<int>();
            case "required":
                return value is not JsonObject json || rule.AsArray().All(name => json.ContainsKey(name!.GetValue<string>()));
            case "additionalProperties":
                return rule is JsonObject || value is not JsonObject members || members.All(member => schema["properties"]?[member.Key] is not null);
            case "items":
                faults.AddRange((value as JsonArray ?? []).SelectMany((item, i) => Faults(root, rule.AsObject(), item!, $"{path}:{i}")));
                return true;
            case "$ref":
                faults.AddRange(Faults(root, root["$defs"]![rule.GetValue<string>()["#/$defs/".Length..]]!.AsObject(), value, path));
                return true;
            case "oneOf":
                return rule.AsArray().Count(choice => Faults(root, choice!.AsObject(), value, path).Count == 0) == 1;
            case "anyOf":
                return rule.AsArray().Any(choice => Faults(root, choice!.AsObject(), value, path).Count == 0);
            default:
                return false;
        }
    }

    private static bool Is(string type, JsonNode value) => (type, value.GetValueKind()) switch
    {
        ("object", JsonValueKind.Object) or ("array", JsonValueKind.Array) or ("string", JsonValueKind.String) or ("number", JsonValueKind.Number) => true,
        ("boolean", JsonValueKind.True or JsonValueKind.False) => true,
        ("integer", JsonValueKind.Number) => long.TryParse(value.ToJsonString(), out _),
        _ => false,
    };
}
