using System.Text.Json;
using System.Text.Json.Nodes;

namespace Broker.Configuration;

/// <summary>The sections that may stand at the top of a config file.</summary>
internal sealed class Sections
{
    private static readonly string[] Known = ["ReverseProxy", "Broker", "Kestrel", "Serilog"];

    private static readonly string[] SerilogKeys =
    [
        "WriteTo",
        "MinimumLevel",
        "Enrich",
        "Using",
        "Properties",
        "Filter",
        "Destructure",
        "AuditTo",
        "LevelSwitches",
        "FilterSwitches",
    ];

    private readonly ConfigErrors mistakes;

    public Sections(JsonObject root, ConfigErrors mistakes)
    {
        this.mistakes = mistakes;
        foreach (var name in root.Select(member => member.Key).Where(name => !Known.Contains(name) && name != "$schema"))
        {
            mistakes.Error(name, KeyHints.For(name) ?? $"unknown section: {DidYouMean.Say(name, Known)}");
        }

        (ReverseProxy, Broker, Kestrel, Serilog) = (Take(root, Known[0]), Take(root, Known[1]), Take(root, Known[2]), Take(root, Known[3]));
        JoinLists(ReverseProxy);
        Flat(ReverseProxy, "ReverseProxy");
        Flat(Kestrel, "Kestrel");
        Flat(Serilog, "Serilog");
        foreach (var name in Serilog.Select(member => member.Key).Where(name => !SerilogKeys.Contains(name)))
        {
            mistakes.Error($"Serilog:{name}", $"unknown key: {DidYouMean.Say(name, SerilogKeys)}");
        }
    }

    public JsonObject ReverseProxy { get; }

    public JsonObject Broker { get; }

    public JsonObject Kestrel { get; }

    public JsonObject Serilog { get; }

    private JsonObject Take(JsonObject root, string name)
    {
        if (root[name] is JsonObject section)
        {
            root.Remove(name);
            return section;
        }

        if (root.ContainsKey(name))
        {
            mistakes.Error(name, "an object is needed: { ... }");
        }

        return [];
    }

    // YARP's metadata holds texts only: a list there is one text, with commas.
    private static void JoinLists(JsonObject json, bool isMetadata = false)
    {
        foreach (var (name, value) in json.ToList())
        {
            if (isMetadata && value is JsonArray list && list.All(item => item?.GetValueKind() == JsonValueKind.String))
            {
                json[name] = string.Join(',', list.Select(item => item!.GetValue<string>()));
            }
            else if (value is JsonObject inner)
            {
                JoinLists(inner, name.Equals("Metadata", StringComparison.OrdinalIgnoreCase));
            }
        }
    }

    // These sections are handed on as .NET configuration, where 'a:b' is b in a and case does not count:
    // a key could otherwise pass the check under one name and be read under another.
    private void Flat(JsonNode? node, string path)
    {
        if (node is JsonArray array)
        {
            for (var i = 0; i < array.Count; i++)
            {
                Flat(array[i], $"{path}:{i}");
            }
        }

        var names = new HashSet<string>(StringComparer.OrdinalIgnoreCase);
        foreach (var (name, value) in node as JsonObject ?? [])
        {
            var at = $"{path}:{name}";
            if (name.Contains(':', StringComparison.Ordinal) || name.Length == 0)
            {
                mistakes.Error(at, "a key of this section holds no ':' and is not empty");
            }
            else if (!names.Add(name) && path.StartsWith("Serilog", StringComparison.Ordinal))
            {
                mistakes.Error(at, "another key differs from this one only by case: they would be the same key");
            }

            Flat(value, at);
        }
    }
}
