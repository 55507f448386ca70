using System.Text;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;

namespace Broker.Configuration;

/// <summary>Fills <c>${NAME}</c> and <c>${NAME:-default}</c> in the strings of a config; <c>$${</c> stands for <c>${</c>.</summary>
/// <remarks>What a variable holds is text: it is neither looked at for further variables nor read as JSON.</remarks>
internal sealed partial class Interpolation(Sources sources, ConfigErrors mistakes)
{
    private readonly HashSet<string> filled = new(StringComparer.Ordinal);

    public ConfigTree Fill(JsonObject root)
    {
        Walk(root, "");
        return new(root, filled);
    }

    private void Walk(JsonNode? node, string path)
    {
        switch (node)
        {
            case JsonObject json:
                foreach (var name in json.Select(member => member.Key).ToList())
                {
                    var at = path.Length == 0 ? name : $"{path}:{name}";
                    if (Filled(json[name], at) is { } text)
                    {
                        json[name] = text;
                    }
                }

                break;
            case JsonArray array:
                for (var i = 0; i < array.Count; i++)
                {
                    if (Filled(array[i], $"{path}:{i}") is { } text)
                    {
                        array[i] = text;
                    }
                }

                break;
        }
    }

    // What stands in the node's place; null where nothing does.
    private JsonValue? Filled(JsonNode? node, string path)
    {
        Walk(node, path);
        return node is JsonValue value && value.TryGetValue(out string? text) && text.Contains("${", StringComparison.Ordinal)
            ? JsonValue.Create(Text(text, path))
            : null;
    }

    private string Text(string text, string path)
    {
        var result = new StringBuilder();
        for (var i = 0; i < text.Length; )
        {
            if (At(text, i, "$${"))
            {
                result.Append("${");
                i += 3;
            }
            else if (At(text, i, "${"))
            {
                var end = text.IndexOf('}', i);
                var form = end < 0 ? Match.Empty : Form().Match(text[i..(end + 1)]);
                if (!form.Success)
                {
                    mistakes.Error(path, "write ${NAME} or ${NAME:-default}; $${ where a plain ${ is meant");
                    return "";
                }

                result.Append(Variable(form, path));
                i = end + 1;
            }
            else
            {
                result.Append(text[i++]);
            }
        }

        return result.ToString();
    }

    private string Variable(Match form, string path)
    {
        var name = form.Groups["name"].Value;
        var fallback = form.Groups["fallback"];
        var value = sources.Variable(name);
        filled.Add(path);
        if (string.IsNullOrEmpty(value) && fallback.Success)
        {
            return fallback.Value; // as in the shell: ":-" stands in for an empty variable too
        }

        if (value is null)
        {
            mistakes.Error(path, $"the environment variable {name} is not set: set it, or give a default with ${{{name}:-default}}");
        }

        return value ?? "";
    }

    private static bool At(string text, int index, string what) => string.CompareOrdinal(text, index, what, 0, what.Length) == 0;

    [GeneratedRegex(@"^\$\{(?<name>[A-Za-z_][A-Za-z0-9_]*)(:-(?<fallback>[^}]*))?\}$", RegexOptions.ExplicitCapture)]
    private static partial Regex Form();
}
