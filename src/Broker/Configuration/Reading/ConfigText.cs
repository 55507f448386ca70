using System.Text.Json;
using System.Text.Json.Nodes;

namespace Broker.Configuration;

/// <summary>
/// One config file's JSON, read strictly: comments and trailing commas may stand, members may not stand twice, null is no value.
/// </summary>
/// <remarks>Nothing of the text is repeated in a mistake: it may hold a secret that was written by mistake.</remarks>
internal sealed class ConfigText(string file, byte[] utf8, ConfigErrors mistakes)
{
    private static readonly JsonReaderOptions Options = new()
    {
        AllowTrailingCommas = true,
        CommentHandling = JsonCommentHandling.Skip,
        MaxDepth = 64,
    };

    /// <summary>The object in the file; null when there is none, and why is told.</summary>
    public JsonObject? Parse()
    {
        var text = utf8.AsSpan();
        text = text.StartsWith("\uFEFF"u8) ? text[3..] : text;
        var reader = new Utf8JsonReader(text, Options);
        try
        {
            reader.Read();
            if (reader.TokenType != JsonTokenType.StartObject)
            {
                mistakes.Error(file, "a config file is one JSON object: { ... }");
                return null;
            }

            var root = Object(ref reader, "");
            reader.Read(); // throws when something stands behind the object
            return root;
        }
        catch (JsonException exception)
        {
            var (line, column) = (exception.LineNumber + 1, exception.BytePositionInLine + 1);
            mistakes.Error(
                file,
                $"broken JSON at line {line}, column {column}: look for a comma, quote or bracket missing or too many there or just before"
            );
        }
        catch (InvalidOperationException)
        {
            var (line, column) = Place(ref reader);
            mistakes.Error(file, $"broken JSON at line {line}, column {column}: the string is not valid UTF-8 or UTF-16");
        }

        return null;
    }

    private JsonObject Object(ref Utf8JsonReader reader, string path)
    {
        var result = new JsonObject();
        var names = new HashSet<string>(StringComparer.OrdinalIgnoreCase);
        while (reader.Read() && reader.TokenType != JsonTokenType.EndObject)
        {
            var name = reader.GetString()!;
            var at = path.Length == 0 ? name : $"{path}:{name}";
            var first = names.Add(name);
            if (!first)
            {
                var (line, column) = Place(ref reader);
                mistakes.Error(
                    at,
                    $"stands twice in {file} (again at line {line}, column {column}); names that differ only by case are the same name"
                );
            }

            reader.Read();
            var value = Value(ref reader, at);
            if (first && value is not null)
            {
                result.Add(name, value);
            }
        }

        return result;
    }

    private JsonNode? Value(ref Utf8JsonReader reader, string path)
    {
        switch (reader.TokenType)
        {
            case JsonTokenType.StartObject:
                return Object(ref reader, path);
            case JsonTokenType.StartArray:
                var array = new JsonArray();
                for (var i = 0; reader.Read() && reader.TokenType != JsonTokenType.EndArray; i++)
                {
                    if (Value(ref reader, $"{path}:{i}") is { } item)
                    {
                        array.Add(item);
                    }
                }

                return array;
            case JsonTokenType.String:
                return JsonValue.Create(reader.GetString());
            case JsonTokenType.Null:
                // A null that removed a key could take a limit away; the safest meaning is none.
                mistakes.Error(path, "null is not a value here: leave the key out (a later file cannot take a key away)");
                return null;
            default:
                return JsonValue.Create(JsonElement.ParseValue(ref reader));
        }
    }

    private (int Line, int Column) Place(ref Utf8JsonReader reader)
    {
        var offset = (utf8.AsSpan().StartsWith("\uFEFF"u8) ? 3 : 0) + (int)reader.TokenStartIndex;
        var before = utf8.AsSpan(0, Math.Min(offset, utf8.Length));
        return (before.Count((byte)'\n') + 1, before.Length - before.LastIndexOf((byte)'\n'));
    }
}
