using System.IO.Compression;
using System.Text;
using System.Text.Json;
using System.Text.Unicode;

namespace Broker.Operations;

/// <summary>Reads JSON that another system answered, as such answers are in the world: compressed without being asked, with a byte order
/// mark, in UTF-16.</summary>
/// <remarks>Each step is bounded by itself, so that neither what a body decodes to nor what stands between two encodings is
/// large.</remarks>
internal static class ForeignJson
{
    private const int MostEncodings = 4;

    /// <summary>The document; or null, and a word of ours that says why there is none.</summary>
    public static async Task<(JsonElement? Json, string? Problem)> Read(HttpContent content, int mostBytes, CancellationToken cancellation)
    {
        await using var stream = await content.ReadAsStreamAsync(cancellation);
        if (await ReadUpTo(stream, mostBytes, cancellation) is not { } bytes)
        {
            return (null, "too-large");
        }

        // As the header stands: .NET leaves out of the list what it cannot parse, and an encoding that we miss is no plain text.
        var encodings = content.Headers.NonValidated.TryGetValues("Content-Encoding", out var lines) ? string.Join(',', lines) : "";
        return Decode(bytes, encodings, mostBytes) switch
        {
            (null, var problem) => (null, problem),
            var (decoded, _) => Parse(decoded) is { } json ? (json, null) : (null, "not-json"),
        };
    }

    /// <summary>A document of which every name and string is text; null for anything else. Never throws.</summary>
    public static JsonElement? Parse(byte[] bytes)
    {
        try
        {
            var json = JsonElement.Parse(AsUtf8(bytes).Span);
            ReadAll(json);
            return json;
        }
        catch (Exception problem) when (problem is JsonException or InvalidOperationException)
        {
            return null;
        }
    }

    /// <summary>Throws where a name or a string is no text. Half a surrogate pair, escaped, is valid JSON; it is found here, and not where
    /// it is used.</summary>
    /// <exception cref="InvalidOperationException">There is one.</exception>
    public static void ReadAll(JsonElement element)
    {
        switch (element.ValueKind)
        {
            case JsonValueKind.String:
                element.GetString();
                break;
            case JsonValueKind.Array:
                foreach (var item in element.EnumerateArray())
                {
                    ReadAll(item);
                }

                break;
            case JsonValueKind.Object:
                foreach (var member in element.EnumerateObject())
                {
                    _ = member.Name;
                    ReadAll(member.Value);
                }

                break;
        }
    }

    private static async Task<byte[]?> ReadUpTo(Stream stream, int mostBytes, CancellationToken cancellation)
    {
        var bytes = new byte[mostBytes + 1];
        var length = await stream.ReadAtLeastAsync(bytes, bytes.Length, throwOnEndOfStream: false, cancellation);
        return length > mostBytes ? null : bytes[..length];
    }

    /// <summary>Takes off the encodings of a Content-Encoding header, the last one first.</summary>
    private static (byte[]? Bytes, string? Problem) Decode(byte[] bytes, string header, int mostBytes)
    {
        var encodings = header.Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries);
        if (encodings.Length > MostEncodings)
        {
            return (null, "unknown-encoding");
        }

        for (var i = encodings.Length - 1; i >= 0 && bytes.Length > 0; i--)
        {
            var encoding = encodings[i].ToLowerInvariant();
            if (encoding == "identity")
            {
                continue;
            }

            if (encoding is not ("gzip" or "x-gzip" or "deflate" or "br"))
            {
                return (null, "unknown-encoding");
            }

            var (decoded, problem) = Decode(bytes, encoding, IsZlib(bytes), mostBytes);
            if (decoded is null)
            {
                return (null, problem);
            }

            bytes = decoded;
        }

        return (bytes, null);
    }

    private static (byte[]? Bytes, string? Problem) Decode(byte[] bytes, string encoding, bool isZlib, int mostBytes)
    {
        try
        {
            using var from = new MemoryStream(bytes);
            using Stream stream = encoding switch
            {
                "br" => new BrotliStream(from, CompressionMode.Decompress),
                "deflate" when isZlib => new ZLibStream(from, CompressionMode.Decompress),
                "deflate" => new DeflateStream(from, CompressionMode.Decompress),
                _ => new GZipStream(from, CompressionMode.Decompress),
            };
            var decoded = new byte[mostBytes + 1];
            var length = stream.ReadAtLeast(decoded, decoded.Length, throwOnEndOfStream: false);
            return length > mostBytes ? (null, "too-large") : (decoded[..length], null);
        }
        catch (Exception problem) when (problem is InvalidDataException or InvalidOperationException or IOException)
        {
            return (null, "broken-encoding");
        }
    }

    /// <summary>"deflate" is zlib's format (RFC 9110, 8.4.1.2), and some servers leave its two first bytes out.</summary>
    private static bool IsZlib(byte[] bytes) => bytes.Length >= 2 && (bytes[0] & 0x0F) == 8 && ((bytes[0] << 8) | bytes[1]) % 31 == 0;

    /// <summary>
    /// JSON is UTF-8 (RFC 8259, 8.1). A byte order mark is taken off, UTF-16 is converted, and other bytes become U+FFFD.
    /// </summary>
    private static ReadOnlyMemory<byte> AsUtf8(byte[] bytes)
    {
        var text = bytes.AsSpan();
        if (text.StartsWith(Encoding.UTF8.Preamble))
        {
            return AsValid(bytes.AsMemory(Encoding.UTF8.Preamble.Length));
        }

        // JSON begins with an ASCII character, so that UTF-16 without a mark shows itself by a zero beside it.
        return text is [0xFF, 0xFE, ..] ? Encoding.Convert(Encoding.Unicode, Encoding.UTF8, bytes, 2, bytes.Length - 2)
            : text is [0xFE, 0xFF, ..] ? Encoding.Convert(Encoding.BigEndianUnicode, Encoding.UTF8, bytes, 2, bytes.Length - 2)
            : text is [not 0, 0, ..] ? Encoding.Convert(Encoding.Unicode, Encoding.UTF8, bytes)
            : text is [0, not 0, ..] ? Encoding.Convert(Encoding.BigEndianUnicode, Encoding.UTF8, bytes)
            : AsValid(bytes);
    }

    private static ReadOnlyMemory<byte> AsValid(ReadOnlyMemory<byte> bytes) =>
        Utf8.IsValid(bytes.Span) ? bytes : Encoding.UTF8.GetBytes(Encoding.UTF8.GetString(bytes.Span));
}
