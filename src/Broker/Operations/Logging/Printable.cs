using System.Globalization;
using System.Text;
using Serilog.Core;
using Serilog.Events;

namespace Broker.Operations;

/// <summary>Makes each value of a log line safe to print: on one line, in the order in which it reads, of a bounded length.</summary>
/// <remarks>It stands behind all that logs and before all that writes, so no value from outside can go round it.</remarks>
internal sealed class Printable : ILogEventEnricher
{
    /// <summary>Characters of a value.</summary>
    public const int Longest = 256;

    // Values that come from the config or the code, and are read whole.
    private const int LongestOfOurs = 8192;
    private static readonly HashSet<string> Ours = ["StackTrace", "Mistake", "Addresses"];

    public void Enrich(LogEvent logEvent, ILogEventPropertyFactory propertyFactory)
    {
        List<LogEventProperty>? changed = null;
        foreach (var (name, value) in logEvent.Properties)
        {
            var printable = Of(value, Ours.Contains(name) ? LongestOfOurs : Longest);
            if (!ReferenceEquals(printable, value))
            {
                (changed ??= []).Add(new(name, printable));
            }
        }

        foreach (var property in changed ?? [])
        {
            logEvent.AddOrUpdateProperty(property);
        }
    }

    /// <summary>Controls, line separators, marks of direction, what is invisible and half surrogate pairs stand as escapes.</summary>
    /// <remarks>A long text is cut, and says so.</remarks>
    public static string Of(string text, int longest = Longest)
    {
        if (text.Length <= longest && !text.AsSpan().ContainsAnyExceptInRange(' ', '~'))
        {
            return text;
        }

        var printable = new StringBuilder(Math.Min(text.Length, longest) + 32);
        var at = 0;
        while (at < text.Length && printable.Length < longest)
        {
            var isWhole = Rune.TryGetRuneAt(text, at, out var rune);
            if (isWhole && IsShown(rune))
            {
                printable.Append(text, at, rune.Utf16SequenceLength);
            }
            else
            {
                printable.Append(CultureInfo.InvariantCulture, $"\\u{{{(isWhole ? rune.Value : text[at]):x4}}}");
            }

            at += isWhole ? rune.Utf16SequenceLength : 1;
        }

        var isCut = at < text.Length;
        return (isCut ? printable.Append(CultureInfo.InvariantCulture, $"[cut, {text.Length} characters]") : printable).ToString();
    }

    private static bool IsShown(Rune rune) =>
        rune.Value == ' '
        || Rune.GetUnicodeCategory(rune)
            is not (
                UnicodeCategory.Control
                or UnicodeCategory.Format
                or UnicodeCategory.Surrogate
                or UnicodeCategory.PrivateUse
                or UnicodeCategory.OtherNotAssigned
                or UnicodeCategory.LineSeparator
                or UnicodeCategory.ParagraphSeparator
                or UnicodeCategory.SpaceSeparator
            );

    private static LogEventPropertyValue Of(LogEventPropertyValue value, int longest) =>
        value switch
        {
            ScalarValue { Value: string text } => Of(text, longest) is var printable && ReferenceEquals(printable, text)
                ? value
                : new ScalarValue(printable),
            ScalarValue { Value: null or bool or int or long or double or decimal or uint or ulong or short or byte or float } => value,
            ScalarValue { Value: DateTime or DateTimeOffset or DateOnly or TimeOnly or TimeSpan or Guid } => value,
            ScalarValue { Value: { } other } => new ScalarValue(Of(other.ToString() ?? "", longest)),
            SequenceValue many => new SequenceValue(many.Elements.Take(longest).Select(element => Of(element, longest))),
            StructureValue parts => new StructureValue(
                parts.Properties.Select(part => new LogEventProperty(part.Name, Of(part.Value, longest))),
                parts.TypeTag
            ),
            DictionaryValue pairs => new DictionaryValue(
                pairs
                    .Elements.Take(longest)
                    .Select(pair => KeyValuePair.Create((ScalarValue)Of(pair.Key, longest), Of(pair.Value, longest)))
                    .DistinctBy(pair => pair.Key)
            ),
            _ => value,
        };
}
