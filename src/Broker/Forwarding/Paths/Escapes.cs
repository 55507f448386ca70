using System.Globalization;
using System.Text.Unicode;

namespace Broker.Forwarding;

/// <summary>Percent-encoded text, of which it matters whether it can be read in one way only.</summary>
internal static class Escapes
{
    /// <summary>The byte that is encoded at the start of this text.</summary>
    public static bool TryRead(ReadOnlySpan<char> text, out byte value)
    {
        value = 0;
        return text.Length >= 3
            && text[0] == '%'
            && byte.TryParse(text[1..3], NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out value);
    }

    /// <summary>Whether everything in it decodes to UTF-8: else .NET leaves a part as it stands, and another reader does not.</summary>
    public static bool AreUtf8(ReadOnlySpan<char> text)
    {
        if (!text.Contains('%'))
        {
            return true;
        }

        var bytes = new byte[text.Length];
        var count = 0;
        while (!text.IsEmpty)
        {
            if (text[0] != '%')
            {
                bytes[count++] = text[0] < 0x80 ? (byte)text[0] : (byte)'?';
                text = text[1..];
            }
            else if (TryRead(text, out bytes[count]))
            {
                count++;
                text = text[3..];
            }
            else
            {
                return false;
            }
        }

        return Utf8.IsValid(bytes.AsSpan(0, count));
    }
}
