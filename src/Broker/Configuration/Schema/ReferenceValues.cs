using System.Globalization;
using System.Reflection;
using System.Text.RegularExpressions;

namespace Broker.Configuration;

/// <summary>How the reference writes a key's type, default and example.</summary>
internal static partial class ReferenceValues
{
    /// <summary>The type in words; null for a record, which is a section of its own.</summary>
    public static string? TypeOf(OptionValue value) =>
        value.IsSecret ? "secret"
        : value.Type.IsEnum ? "one of " + string.Join(", ", Enum.GetNames(value.Type).Select(name => $"`\"{name}\"`"))
        : value.Type == typeof(string) ? "string"
        : value.Type == typeof(TimeSpan) ? "time"
        : value.Type == typeof(bool) ? "`true` or `false`"
        : value.Type == typeof(double) ? "number"
        : value.IsScalar ? "whole number"
        : null;

    /// <summary>What holds where the key is missing; null where nothing says it.</summary>
    public static string? DefaultOf(Type record, OptionKey key)
    {
        if (key.Required)
        {
            return "required";
        }

        if (key.WhenMissing is { } text)
        {
            return text;
        }

        var value = Preset(record, key);
        var isRecord = value is not null && !key.Value.IsScalar && !key.Value.IsList && !key.Value.IsMap;
        return Json(value) is { } json ? $"`{json}`"
            : isRecord ? "every key at its default"
            : null;
    }

    /// <summary>A value of the key, as a config writes it.</summary>
    public static string ExampleOf(Type record, OptionKey key) => key.Example ?? Example(key.Value, key.Name, record, key);

    private static string Example(OptionValue value, string name, Type? record, OptionKey? key)
    {
        if (value.IsList)
        {
            return $"[ {Example(value.Item!, name, null, null)} ]";
        }

        if (value.IsMap)
        {
            return $$"""{ "{{(name == "Accounts" ? "default" : "NAME")}}": {{Example(value.Item!, name, null, null)}} }""";
        }

        if (value.IsSecret)
        {
            return $$"""{ "File": "/run/secrets/{{Hump().Replace(name, "-").ToLowerInvariant()}}" }""";
        }

        if (!value.IsScalar)
        {
            return OfRecord(value.Type);
        }

        var preset = record is null || key!.Required ? null : Preset(record, key);
        if (value.Type.IsEnum)
        {
            return $"\"{Enum.GetNames(value.Type).Last(word => word != preset?.ToString())}\"";
        }

        return preset is bool truth
            ? Json(!truth)!
            : Json(preset) ?? throw new InvalidOperationException($"{record?.Name}.{name} needs an [Example]");
    }

    // The required keys and those of [ExampleKeys]; of a record without any, the first one.
    private static string OfRecord(Type type)
    {
        var kind = OptionShape.Of(type).Kinds is [var first, ..] ? first : null;
        var chosen = kind?.Type ?? type;
        var keys = OptionShape.Of(chosen).Keys;
        var further = chosen.GetCustomAttribute<ExampleKeysAttribute>()?.Names ?? [];
        var written = keys.Where(key => key.Required || further.Contains(key.Name)).ToList();
        var members = (written.Count > 0 ? written : keys.Take(1)).Select(key => $"\"{key.Name}\": {ExampleOf(chosen, key)}");
        return $"{{ {string.Join(", ", kind is null ? members : members.Prepend($"\"{OptionShape.KindKey}\": \"{kind.Name}\""))} }}";
    }

    private static string? Json(object? value) =>
        value switch
        {
            null or "" => null,
            string text => $"\"{text}\"",
            bool truth => truth ? "true" : "false",
            TimeSpan time => $"\"{time:c}\"",
            Enum word => $"\"{word}\"",
            int or long or double => string.Create(CultureInfo.InvariantCulture, $"{value}"),
            IReadOnlyList<string> { Count: > 0 } list => $"[ {string.Join(", ", list.Select(item => $"\"{item}\""))} ]",
            _ => null,
        };

    // The value of the key in a record that says nothing. An abstract record's keys have it in any record that derives from it.
    private static object? Preset(Type record, OptionKey key) =>
        key.Property.GetValue(Activator.CreateInstance(record.IsAbstract ? DerivedFrom(record) : record));

    private static Type DerivedFrom(Type type) => type.Assembly.GetTypes().First(other => other.IsSubclassOf(type) && !other.IsAbstract);

    [GeneratedRegex("(?<=[a-z])(?=[A-Z])")]
    private static partial Regex Hump();
}
