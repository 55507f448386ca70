using System.Text;

namespace Broker.Forwarding;

/// <summary>Reads the header <c>Connection</c> so that Kestrel keeps what it names (rights.md 13).</summary>
/// <remarks>
/// Kestrel replaces a <c>Connection</c> in which it knows one of close, keep-alive and upgrade by that word alone, whatever else it names:
/// those headers would cross, although they were said to end here. Where it knows two of them it leaves the header as it is. So a line that
/// names another header is read with both <c>keep-alive</c> and <c>close</c> behind it; the price is that such a connection closes after
/// its answer.
/// </remarks>
internal sealed class ConnectionHeader : Encoding
{
    private const string Suffix = ",keep-alive,close";

    public static readonly ConnectionHeader Instance = new();

    private ConnectionHeader() { }

    public override int GetByteCount(char[] chars, int index, int count) => ASCII.GetByteCount(chars, index, count);

    public override int GetBytes(char[] chars, int charIndex, int charCount, byte[] bytes, int byteIndex) =>
        ASCII.GetBytes(chars, charIndex, charCount, bytes, byteIndex);

    public override int GetCharCount(byte[] bytes, int index, int count) =>
        count + (NamesAnother(bytes.AsSpan(index, count)) ? Suffix.Length : 0);

    public override int GetChars(byte[] bytes, int byteIndex, int byteCount, char[] chars, int charIndex)
    {
        var line = bytes.AsSpan(byteIndex, byteCount);
        ASCII.GetChars(line, chars.AsSpan(charIndex));
        if (!NamesAnother(line))
        {
            return byteCount;
        }

        Suffix.CopyTo(chars.AsSpan(charIndex + byteCount));
        return byteCount + Suffix.Length;
    }

    public override int GetMaxByteCount(int charCount) => charCount;

    public override int GetMaxCharCount(int byteCount) => byteCount + Suffix.Length;

    private static bool NamesAnother(ReadOnlySpan<byte> line)
    {
        foreach (var range in line.Split((byte)','))
        {
            var word = line[range].Trim(" \t"u8);
            if (!word.IsEmpty && !IsHarmless(word))
            {
                return true;
            }
        }

        return false;
    }

    // The last two are headers that ordinary clients name there; neither crosses in any case, but for 'te: trailers', which may.
    private static bool IsHarmless(ReadOnlySpan<byte> word) =>
        Ascii.EqualsIgnoreCase(word, "close"u8)
        || Ascii.EqualsIgnoreCase(word, "keep-alive"u8)
        || Ascii.EqualsIgnoreCase(word, "upgrade"u8)
        || Ascii.EqualsIgnoreCase(word, "te"u8)
        || Ascii.EqualsIgnoreCase(word, "http2-settings"u8);
}
