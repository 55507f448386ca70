using System.Text.Json.Nodes;

namespace Broker.Configuration;

/// <summary>The schema of what may stand as a value, in a section of ours or in one that is read as leniently as .NET reads it.</summary>
internal sealed class SchemaValues(bool lenient, Func<Type, SchemaValues, JsonObject> record)
{
    // A variable may stand where a number does: then it is a string in the file.
    private const string Variable = @"\$\{";

    public JsonObject Of(OptionValue value, bool anyNames = false)
    {
        if (value.IsSecret)
        {
            return Secret();
        }

        if (value.IsList)
        {
            return new() { ["type"] = "array", ["items"] = Of(value.Item!) };
        }

        if (value.IsMap)
        {
            var map = new JsonObject { ["type"] = "object" };
            if (!anyNames)
            {
                map["propertyNames"] = new JsonObject { ["pattern"] = "^[^:/]+$" };
            }

            map["additionalProperties"] = Of(value.Item!);
            if (lenient && anyNames)
            {
                // YARP's metadata: a list of texts is read as one text with commas.
                map["additionalProperties"] = new JsonObject
                {
                    ["type"] = new JsonArray("string", "number", "boolean", "array"),
                    ["items"] = new JsonObject { ["type"] = "string" },
                };
            }

            return map;
        }

        return value.IsScalar ? Scalar(value.Type) : record(value.Type, this);
    }

    private JsonObject Scalar(Type type)
    {
        if (type == typeof(string))
        {
            return new() { ["type"] = lenient ? new JsonArray("string", "number", "boolean") : "string" };
        }

        if (type == typeof(TimeSpan))
        {
            return new() { ["type"] = "string", ["pattern"] = $"{Scalars.TimeSpanPattern}|{Variable}" };
        }

        if (type.IsEnum)
        {
            var names = new JsonArray([.. Enum.GetNames(type).Select(name => JsonValue.Create(name))]);
            return new()
            {
                ["anyOf"] = new JsonArray(
                    new JsonObject { ["enum"] = names },
                    new JsonObject { ["type"] = "string", ["pattern"] = Variable }
                ),
            };
        }

        var word =
            type == typeof(bool) ? "boolean"
            : type == typeof(double) ? "number"
            : "integer";
        var json = new JsonObject { ["type"] = new JsonArray(word, "string") };
        if (!lenient)
        {
            json["pattern"] = Variable;
        }

        return json;
    }

    private static JsonObject Secret() =>
        new()
        {
            ["oneOf"] = new JsonArray(
                Named("File", "The file that holds the secret."),
                Named("Env", "The environment variable that holds the secret.")
            ),
        };

    private static JsonObject Named(string key, string description) =>
        new()
        {
            ["type"] = "object",
            ["properties"] = new JsonObject
            {
                [key] = new JsonObject
                {
                    ["description"] = description,
                    ["type"] = "string",
                    ["minLength"] = 1,
                },
            },
            ["required"] = new JsonArray(key),
            ["additionalProperties"] = false,
        };
}
