using System.Buffers;
using System.Globalization;
using System.Text;

namespace Broker.Forwarding;

/// <summary>
/// What readers behind the broker may take a text for: decoded again and again, also where it is badly encoded, folded, and with '+' for a
/// blank.
/// </summary>
internal static class Readings
{
    // What decodes further after so many times is encoded by nobody who has nothing to hide.
    private const int Rounds = 3;

    private static readonly SearchValues<char> Controls = SearchValues.Create([
        .. Enumerable.Range(0, 0x20).Concat(Enumerable.Range(0x7f, 0x21)).Select(code => (char)code),
    ]);

    // Beyond these, a text has more than one reading.
    private static readonly SearchValues<char> Plain = SearchValues.Create([
        .. Enumerable.Range(' ', 0x7f - ' ').Select(code => (char)code).Where(c => c is not ('%' or '+' or '/' or '\\' or ',')),
    ]);

    /// <summary>Whether it reads as it stands, but for the case of its letters.</summary>
    public static bool IsPlain(ReadOnlySpan<char> text) => !text.ContainsAnyExcept(Plain);

    /// <summary>Whether one of the readings matches, or there is no end of them.</summary>
    public static bool Any(string text, Func<string, bool> matches)
    {
        // A header's or a form's bytes come each in a character of its own.
        var bytes = text.Any(c => c > 0xff) ? text : Lenient(Encoding.Latin1.GetBytes(text), keepInvalid: false);
        HashSet<string> readings =
        [
            Folding.Fold(text),
            Folding.Fold(bytes),
            Folding.Fold(Decoded(text, areBytes: true, keepInvalid: false)),
        ];
        for (var round = 0; ; round++)
        {
            if (readings.Any(reading => Variants(reading).Any(matches)))
            {
                return true;
            }

            readings = [.. readings.SelectMany(Next)];
            if (readings.Count == 0 || round == Rounds)
            {
                return readings.Count > 0;
            }
        }
    }

    private static IEnumerable<string> Next(string reading) =>
        new[] { Decoded(reading, areBytes: false, keepInvalid: false), Decoded(reading, areBytes: false, keepInvalid: true) }
            .Where(decoded => decoded != reading)
            .Select(Folding.Fold);

    private static IEnumerable<string> Variants(string reading)
    {
        yield return reading;
        var visible = reading.AsSpan().ContainsAny(Controls) ? string.Concat(reading.Where(c => !Controls.Contains(c))) : reading;
        if (visible != reading)
        {
            yield return visible;
        }

        if (reading.Contains('+', StringComparison.Ordinal))
        {
            yield return reading.Replace('+', ' ');
            yield return visible.Replace('+', ' ');
        }
    }

    /// <summary>Percent signs once decoded, and the bytes as the most lenient reader of UTF-8 takes them.</summary>
    private static string Decoded(string text, bool areBytes, bool keepInvalid)
    {
        if (!text.Contains('%', StringComparison.Ordinal) && !(areBytes && !Ascii.IsValid(text)))
        {
            return text;
        }

        var bytes = new List<byte>(text.Length);
        for (var i = 0; i < text.Length; i++)
        {
            if (text[i] == '%' && Hex(text, i + 1, 2) is { } one)
            {
                bytes.Add((byte)one);
                i += 2;
            }
            else if (text[i] == '%' && i + 1 < text.Length && (text[i + 1] | 0x20) == 'u' && Hex(text, i + 2, 4) is { } unit)
            {
                Add(bytes, (char)unit);
                i += 5;
            }
            else if (areBytes && text[i] <= 0xff)
            {
                bytes.Add((byte)text[i]);
            }
            else
            {
                Add(bytes, text[i]);
            }
        }

        return Lenient([.. bytes], keepInvalid);
    }

    private static int? Hex(string text, int start, int length) =>
        start + length <= text.Length
        && int.TryParse(text.AsSpan(start, length), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out var value)
            ? value
            : null;

    private static void Add(List<byte> bytes, char unit)
    {
        if (unit < 0x80)
        {
            bytes.Add((byte)unit);
        }
        else
        {
            bytes.AddRange([(byte)(0xe0 | (unit >> 12)), (byte)(0x80 | ((unit >> 6) & 0x3f)), (byte)(0x80 | (unit & 0x3f))]);
        }
    }

    // Overlong forms, surrogates and the lengths that UTF-8 once had are taken for what they would mean; a byte that fits nowhere for
    // Latin-1, or for nothing.
    private static string Lenient(ReadOnlySpan<byte> bytes, bool keepInvalid)
    {
        var text = new StringBuilder(bytes.Length);
        for (var i = 0; i < bytes.Length; i++)
        {
            var lead = bytes[i];
            var more = lead switch
            {
                < 0x80 => 0,
                < 0xc0 => -1,
                < 0xe0 => 1,
                < 0xf0 => 2,
                < 0xf8 => 3,
                < 0xfc => 4,
                < 0xfe => 5,
                _ => -1,
            };
            var follow = more <= 0 || i + more >= bytes.Length ? [] : bytes.Slice(i + 1, more);
            if (more < 0 || follow.Length < more || follow.ContainsAnyExceptInRange((byte)0x80, (byte)0xbf))
            {
                text.Append(keepInvalid ? ((char)lead).ToString() : "");
                continue;
            }

            var code = more == 0 ? lead : lead & (0x3f >> more);
            foreach (var next in follow)
            {
                code = (code << 6) | (next & 0x3f);
            }

            i += more;
            text.Append(
                code <= char.MaxValue ? ((char)code).ToString()
                : Rune.TryCreate(code, out var rune) ? rune.ToString()
                : ""
            );
        }

        return text.ToString();
    }
}
