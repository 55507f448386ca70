using System.Text.Json;
using System.Text.Json.Nodes;
using Microsoft.Extensions.Configuration;

namespace Broker.Configuration;

/// <summary>A section of a snapshot as .NET configuration, for those who read nothing else: YARP, Kestrel, Serilog.</summary>
/// <remarks>Numbers as written, true and false in lower case; a list's items by index, and an empty list or object as an empty
/// value.</remarks>
internal static class JsonObjectConfiguration
{
    /// <summary>The object as the root of a configuration.</summary>
    public static IConfigurationRoot ToConfiguration(this JsonObject json) =>
        new ConfigurationBuilder().AddInMemoryCollection(Flatten(json)).Build();

    /// <summary>The object below a section's name, for one provider that holds several.</summary>
    public static IReadOnlyDictionary<string, string?> Flatten(JsonObject json, string prefix = "")
    {
        var flat = new Dictionary<string, string?>(StringComparer.OrdinalIgnoreCase);
        Add(flat, json, prefix);
        return flat;
    }

    private static void Add(Dictionary<string, string?> flat, JsonNode? node, string path)
    {
        switch (node)
        {
            case JsonObject { Count: > 0 } json:
                foreach (var (name, value) in json)
                {
                    Add(flat, value, Below(path, name));
                }

                break;
            case JsonArray { Count: > 0 } array:
                for (var i = 0; i < array.Count; i++)
                {
                    Add(flat, array[i], Below(path, i.ToString(System.Globalization.CultureInfo.InvariantCulture)));
                }

                break;
            case JsonValue value:
                flat[path] = value.GetValueKind() == JsonValueKind.String ? value.GetValue<string>() : value.ToJsonString();
                break;
            case not null when path.Length > 0:
                flat[path] = node is JsonArray ? "" : null; // as .NET's own JSON provider has it
                break;
        }
    }

    private static string Below(string path, string name) => path.Length == 0 ? name : $"{path}:{name}";
}
