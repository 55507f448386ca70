using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace Broker.Configuration;

/// <summary>Writes the JSON Schema (draft 2020-12) of a config file, from the very records that the binder fills.</summary>
internal sealed class SchemaWriter
{
    private static readonly JsonSerializerOptions Layout = new()
    {
        WriteIndented = true,
        NewLine = "\n",
        Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
    };

    private readonly SortedDictionary<string, JsonObject?> definitions = new(StringComparer.Ordinal);

    /// <summary>The schema's text, as it stands in <c>config/broker.schema.json</c>.</summary>
    public static string Write() => new SchemaWriter().Root().ToJsonString(Layout) + "\n";

    private JsonObject Root()
    {
        var root = new JsonObject
        {
            ["$schema"] = "https://json-schema.org/draft/2020-12/schema",
            ["title"] = "Config of the broker",
            ["type"] = "object",
            ["properties"] = new JsonObject
            {
                ["$schema"] = new JsonObject { ["type"] = "string" },
                ["ReverseProxy"] = Described(
                    new SchemaValues(lenient: true, Record).Of(new(typeof(ReverseProxyShape))),
                    "YARP's own section: routes and clusters."
                ),
                ["Broker"] = Described(
                    new SchemaValues(lenient: false, Record).Of(new(typeof(BrokerOptions))),
                    "The broker's own section: callers, upstreams and everything else."
                ),
                ["Kestrel"] = Described(
                    new SchemaValues(lenient: true, Record).Of(new(typeof(KestrelShape))),
                    "Kestrel's own section: where to listen."
                ),
                ["Serilog"] = new JsonObject { ["description"] = "Serilog's own section.", ["type"] = "object" },
            },
            ["additionalProperties"] = false,
        };

        var written = new JsonObject();
        foreach (var (name, definition) in definitions)
        {
            written[name] = definition;
        }

        root["$defs"] = written;
        return root;
    }

    private JsonObject Record(Type type, SchemaValues values)
    {
        var name = NameOf(type);
        if (definitions.TryAdd(name, null)) // before it is written, for a record may hold itself
        {
            var shape = OptionShape.Of(type);
            definitions[name] = shape.Kinds.Count > 0 ? Kinds(shape, values) : Plain(shape, values);
        }

        return new() { ["$ref"] = $"#/$defs/{name}" };
    }

    private JsonObject Kinds(OptionShape shape, SchemaValues values) =>
        new() { ["oneOf"] = new JsonArray([.. shape.Kinds.Select(kind => Record(kind.Type, values))]) };

    private static JsonObject Plain(OptionShape shape, SchemaValues values)
    {
        var properties = new JsonObject();
        var required = new JsonArray();
        if (shape.IsKind)
        {
            properties[OptionShape.KindKey] = new JsonObject { ["const"] = KindName(shape.Type) };
            required.Add(OptionShape.KindKey);
        }

        var blank = Activator.CreateInstance(shape.Type)!;
        foreach (var key in shape.Keys)
        {
            var value = Described(values.Of(key.Value, key.AnyNames), DescriptionOf(key));
            if (!key.Required && Default(key.Property.GetValue(blank)) is { } preset)
            {
                value["default"] = preset;
            }

            properties[key.Name] = value;
            if (key.Required)
            {
                required.Add(key.Name);
            }
        }

        var json = new JsonObject { ["type"] = "object", ["properties"] = properties };
        if (required.Count > 0)
        {
            json["required"] = required;
        }

        json["additionalProperties"] = false;
        return shape.Shorthand is { } shorthand ? new() { ["anyOf"] = new JsonArray(values.Of(shorthand.Value), json) } : json;
    }

    private static string KindName(Type type)
    {
        for (var at = type.BaseType!; ; at = at.BaseType!)
        {
            if (OptionShape.Of(at).Kinds.FirstOrDefault(kind => kind.Type == type) is { } found)
            {
                return found.Name;
            }
        }
    }

    private static string? DescriptionOf(OptionKey key) =>
        key.WhenMissing is { } text ? $"{key.Description} When missing: {text}." : key.Description;

    private static JsonNode? Default(object? value) =>
        value switch
        {
            null or "" => null,
            string text => JsonValue.Create(text),
            bool truth => JsonValue.Create(truth),
            int number => JsonValue.Create(number),
            TimeSpan time => JsonValue.Create(time.ToString("c")),
            Enum word => JsonValue.Create(word.ToString()),
            IReadOnlyList<string> { Count: > 0 } list => new JsonArray([.. list.Select(item => JsonValue.Create(item))]),
            _ => null,
        };

    private static JsonObject Described(JsonObject json, string? description)
    {
        if (description is not null)
        {
            json.Insert(0, "description", description);
        }

        return json;
    }

    private static string NameOf(Type type) =>
        type.Name.EndsWith("Options", StringComparison.Ordinal) ? type.Name[..^"Options".Length]
        : type.Name.EndsWith("Shape", StringComparison.Ordinal) ? type.Name[..^"Shape".Length]
        : type.Name;
}
