using System.Text;

namespace Broker.Configuration;

/// <summary>Writes <c>docs/configuration.md</c>, the reference of every key, from the records that the binder fills.</summary>
internal sealed class ReferenceWriter
{
    private const string Head = "ConfigurationHead.md";

    private readonly List<ReferenceSection> sections = [];
    private readonly StringBuilder page = new();

    /// <summary>The page's text: the head that is written by hand, then a section for each record of keys.</summary>
    public static string Write() => new ReferenceWriter().Page();

    /// <summary>The sections of <c>Broker</c>, in the order of the page.</summary>
    public static IReadOnlyList<ReferenceSection> Sections()
    {
        var writer = new ReferenceWriter();
        writer.Collect(typeof(BrokerOptions), "Broker", "", "The broker's own section.");
        return writer.sections;
    }

    private static string HeadText()
    {
        using var reader = new StreamReader(typeof(ReferenceWriter).Assembly.GetManifestResourceStream(Head)!, Encoding.UTF8);
        return reader.ReadToEnd().TrimEnd() + "\n";
    }

    private string Page()
    {
        page.Append(HeadText());
        Collect(typeof(BrokerOptions), "Broker", "", "The broker's own section.");
        foreach (var section in sections)
        {
            Section(section);
        }

        Foreign(
            "ReverseProxy",
            typeof(ReverseProxyShape),
            "The keys of YARP's section. [YARP's documentation]"
                + "(https://learn.microsoft.com/aspnet/core/fundamentals/servers/yarp/config-files)\n"
                + "says what they mean and what their defaults are. A route's `Metadata` is [above](#route-metadata)."
        );
        Foreign(
            "Kestrel",
            typeof(KestrelShape),
            "The keys of Kestrel's section. [ASP.NET Core's documentation]"
                + "(https://learn.microsoft.com/aspnet/core/fundamentals/servers/kestrel/endpoints) says what they mean."
        );
        return page.ToString();
    }

    private void Collect(Type type, string path, string suffix, string description)
    {
        if (sections.Find(section => section.Type == type) is { } known)
        {
            known.Paths.Add(path + suffix); // the same record under another key: one section for both
            return;
        }

        var shape = OptionShape.Of(type);
        var section = new ReferenceSection(type, path + suffix, description) { Shape = shape };
        sections.Add(section);
        foreach (var key in section.OwnKeys)
        {
            if (RecordOf(key.Value) is { } record)
            {
                Collect(record, path + Below(key), suffix, key.Description ?? "");
            }
        }

        foreach (var group in shape.Kinds.Select(kind => kind.Type.BaseType!).Distinct().Where(between => between != type))
        {
            var names = shape.Kinds.Where(kind => kind.Type.IsSubclassOf(group)).Select(kind => kind.Name);
            var text =
                $"Keys of the kinds {string.Join(", ", names)}, whose tokens the broker fetches, "
                + $"besides those of [every kind](#{section.Anchor}).";
            Collect(group, path, " (fetched tokens)", text);
        }

        foreach (var kind in shape.Kinds)
        {
            var text = $"Keys of `\"Kind\": \"{kind.Name}\"`, besides those of {Parents(kind.Type.BaseType!, type)}.";
            Collect(kind.Type, path, $" ({kind.Name})", text);
        }
    }

    // The sections of the base records, up to the one that chooses between the kinds.
    private string Parents(Type parent, Type root)
    {
        var own = sections.Find(section => section.Type == parent)!;
        return parent == root
            ? $"[every kind](#{own.Anchor})"
            : $"[fetched tokens](#{own.Anchor}) and of {Parents(parent.BaseType!, root)}";
    }

    private static string Below(OptionKey key) => $":{key.Name}{(key.Value.IsMap ? ":NAME" : key.Value.IsList ? ":0" : "")}";

    private static Type? RecordOf(OptionValue value) =>
        value.IsList || value.IsMap ? RecordOf(value.Item!)
        : value.IsScalar || value.IsSecret ? null
        : value.Type;

    private void Section(ReferenceSection section)
    {
        page.Append($"\n## {section.Heading}\n\n");
        if (section.Paths.Count == 1)
        {
            page.Append($"{section.Description}\n\n");
        }

        if (section.Shape.Shorthand is { } shorthand)
        {
            page.Append($"A bare value stands for `{shorthand.Name}`.\n\n");
        }

        page.Append("| key | type | default | meaning | example |\n|---|---|---|---|---|\n");
        if (section.Shape.Kinds.Count > 0)
        {
            var words = string.Join(", ", section.Shape.Kinds.Select(kind => $"`\"{kind.Name}\"`"));
            var example = $"`\"{section.Shape.Kinds[0].Name}\"`";
            page.Append(
                $"| `{OptionShape.KindKey}` | one of {words} | required "
                    + $"| The kind of upstream. It decides which other keys there are. | {example} |\n"
            );
        }

        foreach (var key in section.OwnKeys)
        {
            page.Append(
                $"| `{key.Name}` | {TypeOf(key.Value)} | {Cell(ReferenceValues.DefaultOf(section.Type, key) ?? "")} "
                    + $"| {Cell(key.Description ?? "")} | `{Cell(ReferenceValues.ExampleOf(section.Type, key))}` |\n"
            );
        }
    }

    private string TypeOf(OptionValue value)
    {
        if (value.IsList)
        {
            return $"list of {TypeOf(value.Item!)}";
        }

        if (value.IsMap)
        {
            return $"by name: {TypeOf(value.Item!)}";
        }

        return ReferenceValues.TypeOf(value) ?? Link(sections.Find(section => section.Type == value.Type)!);
    }

    private static string Link(ReferenceSection section) => $"[object](#{section.Anchor})";

    private void Foreign(string name, Type type, string text)
    {
        page.Append($"\n## {name}\n\n{text}\n\n| key | type |\n|---|---|\n");
        ForeignKeys(type, name);
    }

    private void ForeignKeys(Type type, string path)
    {
        foreach (var key in OptionShape.Of(type).Keys)
        {
            if (RecordOf(key.Value) is { } record && record.Name.EndsWith("Shape", StringComparison.Ordinal))
            {
                ForeignKeys(record, path + Below(key));
            }
            else
            {
                page.Append($"| `{path}:{key.Name}` | {ForeignType(key.Value)} |\n");
            }
        }
    }

    private static string ForeignType(OptionValue value) =>
        value.IsList ? $"list of {ForeignType(value.Item!)}"
        : value.IsMap ? $"by name: {ForeignType(value.Item!)}"
        : ReferenceValues.TypeOf(value) ?? "object";

    private static string Cell(string text) => text.Replace("|", "\\|", StringComparison.Ordinal);
}
