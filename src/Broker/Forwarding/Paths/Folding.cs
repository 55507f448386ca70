using System.Collections.Frozen;
using System.Globalization;
using System.Text;

namespace Broker.Forwarding;

/// <summary>
/// One form for all the ways to write a text that a reader may take for the same one: width, case, marks and what cannot be seen do not
/// count.
/// </summary>
/// <remarks>
/// It does the work of Unicode's NFKD and case folding and then leaves out all marks, as databases do that compare without accents. The
/// framework cannot: in its invariant mode, in which the broker runs, <c>Normalize</c> returns what it was given.
/// </remarks>
internal static class Folding
{
    private const int HangulFirst = 0xAC00;
    private const int HangulLast = 0xD7A3;

    private static readonly FrozenDictionary<int, string> Table = Read();

    public static string Fold(string text)
    {
        if (Ascii.IsValid(text))
        {
            return text.ToLowerInvariant();
        }

        var folded = new StringBuilder(text.Length);
        foreach (var rune in text.EnumerateRunes()) // half of a pair is U+FFFD, which the table leaves out
        {
            if (rune.IsAscii)
            {
                folded.Append(char.ToLowerInvariant((char)rune.Value));
            }
            else if (!IsIgnorable(rune))
            {
                Append(folded, rune);
            }
        }

        return folded.ToString();
    }

    private static bool IsIgnorable(Rune rune) =>
        Rune.GetUnicodeCategory(rune) is UnicodeCategory.NonSpacingMark or UnicodeCategory.EnclosingMark or UnicodeCategory.Format
        || rune.Value is 0x2065 or (>= 0xFFF0 and <= 0xFFF8) or (>= 0xE0000 and <= 0xE0FFF); // Unicode: to be ignored when it is assigned

    private static void Append(StringBuilder folded, Rune rune)
    {
        if (Table.TryGetValue(rune.Value, out var plain))
        {
            folded.Append(plain);
        }
        else if (Rune.IsWhiteSpace(rune) && !Rune.IsControl(rune))
        {
            folded.Append(' ');
        }
        else if (Rune.GetUnicodeCategory(rune) == UnicodeCategory.DecimalDigitNumber)
        {
            folded.Append((char)('0' + (int)Rune.GetNumericValue(rune)));
        }
        else if (rune.Value is >= HangulFirst and <= HangulLast)
        {
            var place = rune.Value - HangulFirst; // The Unicode Standard, 3.12: what a syllable is made of
            folded.Append((char)(0x1100 + (place / 588))).Append((char)(0x1161 + (place % 588 / 28)));
            folded.Append(place % 28 == 0 ? "" : ((char)(0x11A7 + (place % 28))).ToString());
        }
        else
        {
            folded.Append(Rune.ToLowerInvariant(rune).ToString());
        }
    }

    private static FrozenDictionary<int, string> Read()
    {
        var table = new Dictionary<int, string>();
        using var reader = new StreamReader(typeof(Folding).Assembly.GetManifestResourceStream("Folding.txt")!, Encoding.UTF8);
        while (reader.ReadLine() is { } line)
        {
            if (line.StartsWith('#'))
            {
                continue;
            }

            var cells = line.Split('\t');
            var first = int.Parse(cells[0], NumberStyles.HexNumber, CultureInfo.InvariantCulture);
            for (var i = 1; i < cells.Length; i++)
            {
                table[first + i - 1] = cells[i] switch
                {
                    "∅" => "",
                    "␠" => " ",
                    var plain => plain,
                };
            }
        }

        return table.ToFrozenDictionary();
    }
}
