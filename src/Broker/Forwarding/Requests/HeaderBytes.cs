using System.Text;
using Microsoft.AspNetCore.Server.Kestrel.Core;

namespace Broker.Forwarding;

/// <summary>
/// How the bytes of header values become characters and bytes again: each byte is one character, so that they cross as they are.
/// </summary>
internal static class HeaderBytes
{
    /// <summary>Sets how Kestrel reads the headers of requests and writes those of responses.</summary>
    public static void Apply(KestrelServerOptions options)
    {
        options.RequestHeaderEncodingSelector = Read;
        options.ResponseHeaderEncodingSelector = static _ => Encoding.Latin1;
    }

    /// <summary>For Kestrel's <c>RequestHeaderEncodingSelector</c>.</summary>
    /// <returns>Null for credentials, which never cross: they are read as UTF-8.</returns>
    public static Encoding? Read(string name) =>
        name.Length switch
        {
            9 when Is(name, "X-Api-Key") => null,
            10 when Is(name, "Connection") => ConnectionHeader.Instance,
            13 when Is(name, "Authorization") => null,
            14 when Is(name, "Content-Length") => Digits.Instance,
            _ => Encoding.Latin1,
        };

    /// <summary>
    /// For the client's <c>ResponseHeaderEncodingSelector</c>. It reads all others as Latin-1 by itself, and knows common values.
    /// </summary>
    public static Encoding? ReadAnswer(string name) => Is(name, "Location") ? Encoding.Latin1 : null;

    private static bool Is(string name, string known) => name.Equals(known, StringComparison.OrdinalIgnoreCase);

    /// <summary>Reads a <c>Content-Length</c> so that Kestrel takes digits only: '+5' would pass it.</summary>
    private sealed class Digits : Encoding
    {
        public static readonly Digits Instance = new();

        public override int GetByteCount(char[] chars, int index, int count) => count;

        public override int GetBytes(char[] chars, int charIndex, int charCount, byte[] bytes, int byteIndex) =>
            ASCII.GetBytes(chars, charIndex, charCount, bytes, byteIndex);

        public override int GetCharCount(ReadOnlySpan<byte> bytes) => bytes.Length;

        public override int GetCharCount(byte[] bytes, int index, int count) => count;

        public override int GetChars(ReadOnlySpan<byte> bytes, Span<char> chars)
        {
            for (var i = 0; i < bytes.Length; i++)
            {
                chars[i] = bytes[i] is >= (byte)'0' and <= (byte)'9' ? (char)bytes[i] : 'x';
            }

            return bytes.Length;
        }

        public override int GetChars(byte[] bytes, int byteIndex, int byteCount, char[] chars, int charIndex) =>
            GetChars(bytes.AsSpan(byteIndex, byteCount), chars.AsSpan(charIndex));

        public override int GetMaxByteCount(int charCount) => charCount;

        public override int GetMaxCharCount(int byteCount) => byteCount;
    }
}
