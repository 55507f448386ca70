using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;

namespace Broker.Configuration;

/// <summary>Reads one scalar of the config strictly: a number is a number, a string a string; nothing is guessed.</summary>
internal static partial class Scalars
{
    /// <summary>The wire form of a TimeSpan: hh:mm:ss, or d.hh:mm:ss.</summary>
    public const string TimeSpanPattern = @"^(\d{1,7}\.)?\d{2}:\d{2}:\d{2}(\.\d{1,7})?$";

    private const int LongestEcho = 40;

    /// <summary>The value, or null and what is wrong with it.</summary>
    /// <param name="type">What the key takes.</param>
    /// <param name="json">What stands there.</param>
    /// <param name="fromText">Whether a string may stand for a number or a bool: it came from the environment, or the section is one where
    /// it may.</param>
    /// <param name="mistake">Echoes numbers, and short words only where a word is chosen from a list: any other string may be a
    /// secret.</param>
    public static object? Read(Type type, JsonNode json, bool fromText, out string? mistake)
    {
        mistake = null;
        var kind = json.GetValueKind();
        var text = kind == JsonValueKind.String ? json.GetValue<string>() : null;
        if (type == typeof(string))
        {
            return text ?? NotString(json, kind, fromText, out mistake);
        }

        if (type == typeof(TimeSpan))
        {
            return Duration(text, out mistake);
        }

        if (type.IsEnum)
        {
            return Word(type, text, out mistake);
        }

        if (type == typeof(bool))
        {
            return Truth(kind, fromText ? text : null, out mistake);
        }

        var digits =
            kind == JsonValueKind.Number ? json.ToJsonString()
            : fromText ? text
            : null;
        return Number(type, digits, out mistake);
    }

    private static string? NotString(JsonNode json, JsonValueKind kind, bool fromText, out string? mistake)
    {
        mistake = null;
        var scalar = kind is JsonValueKind.Number or JsonValueKind.True or JsonValueKind.False;
        if (scalar && fromText)
        {
            return json.ToJsonString();
        }

        mistake =
            kind == JsonValueKind.Number
                ? $"a string is needed; write ids as strings: \"{Short(json.ToJsonString())}\""
                : $"a string is needed, not {Noun(kind)}";
        return null;
    }

    /// <summary>A time as the config writes it, or null and what is wrong with it.</summary>
    public static TimeSpan? Duration(string? text, out string? mistake)
    {
        mistake = null;
        if (
            text is not null
            && DurationForm().IsMatch(text)
            && TimeSpan.TryParseExact(text, "c", CultureInfo.InvariantCulture, out var value)
        )
        {
            return value;
        }

        var echo = text is null ? "" : $", not '{Short(text)}'";
        mistake = $"a time is needed as \"hh:mm:ss\" or \"d.hh:mm:ss\"{echo}: \"00:00:30\" is thirty seconds; never negative";
        return null;
    }

    private static object? Word(Type type, string? text, out string? mistake)
    {
        mistake = null;
        var names = Enum.GetNames(type);
        if (text is not null && names.Contains(text, StringComparer.Ordinal))
        {
            return Enum.Parse(type, text);
        }

        mistake = text is null
            ? $"one of {string.Join(", ", names)} is needed, as a string"
            : $"'{Short(text)}' is none of {string.Join(", ", names)}: {DidYouMean.Say(text, names)}";
        return null;
    }

    private static bool? Truth(JsonValueKind kind, string? text, out string? mistake)
    {
        mistake = null;
        if (kind is JsonValueKind.True or JsonValueKind.False)
        {
            return kind == JsonValueKind.True;
        }

        if (bool.TryParse(text, out var value))
        {
            return value;
        }

        mistake = "true or false is needed, without quotes";
        return null;
    }

    private static object? Number(Type type, string? digits, out string? mistake)
    {
        mistake = null;
        var culture = CultureInfo.InvariantCulture;
        if (type == typeof(int) && int.TryParse(digits, NumberStyles.AllowLeadingSign, culture, out var whole))
        {
            return whole;
        }

        if (type == typeof(long) && long.TryParse(digits, NumberStyles.AllowLeadingSign, culture, out var large))
        {
            return large;
        }

        if (type == typeof(double) && double.TryParse(digits, NumberStyles.Float, culture, out var real) && double.IsFinite(real))
        {
            return real;
        }

        mistake =
            $"a {(type == typeof(double) ? "number" : "whole number")} is needed, without quotes"
            + (type == typeof(int) ? ", of at most 32 bits" : "");
        return null;
    }

    public static string Noun(JsonValueKind kind) =>
        kind switch
        {
            JsonValueKind.Object => "an object",
            JsonValueKind.Array => "a list",
            JsonValueKind.String => "a string",
            JsonValueKind.Number => "a number",
            JsonValueKind.True or JsonValueKind.False => "true or false",
            _ => "null",
        };

    /// <summary>A word for a mistake, cut where it is too long to be one.</summary>
    public static string Short(string text) => text.Length > LongestEcho ? text[..LongestEcho] + "..." : text;

    [GeneratedRegex(TimeSpanPattern)]
    private static partial Regex DurationForm();
}
