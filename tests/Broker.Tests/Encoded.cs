using System.IO.Compression;
using System.Text;

namespace Broker.Tests;

/// <summary>Bodies in the content and text encodings that token endpoints and issuers answer in.</summary>
internal static class Encoded
{
    /// <summary>The value of Content-Encoding, and the body in it.</summary>
    public static IEnumerable<(string Encoding, byte[] Body)> Ways(string text)
    {
        var plain = Encoding.UTF8.GetBytes(text);
        yield return ("gzip", Gzip(plain));
        yield return ("x-gzip", Gzip(plain));
        yield return ("GZip", Gzip(plain));
        yield return ("deflate", Zlib(plain));
        yield return ("deflate", Deflate(plain));
        yield return ("br", Brotli(plain));
        yield return ("identity", plain);
        yield return ("gzip, identity", Gzip(plain));
        yield return ("br, gzip", Gzip(Brotli(plain)));
        yield return ("deflate,br,gzip", Gzip(Brotli(Zlib(plain))));
        yield return ("gzip", Gzip([.. Encoding.UTF8.Preamble, .. plain]));
        yield return ("", [.. Encoding.UTF8.Preamble, .. plain]);
        yield return ("", [.. Encoding.Unicode.Preamble, .. Encoding.Unicode.GetBytes(text)]);
        yield return ("", [.. Encoding.BigEndianUnicode.Preamble, .. Encoding.BigEndianUnicode.GetBytes(text)]);
        yield return ("", Encoding.Unicode.GetBytes(text));
    }

    /// <summary>Bodies that cannot be read, and the word that says why.</summary>
    public static IEnumerable<(string Encoding, byte[] Body, string Reason)> Broken(string text)
    {
        var plain = Encoding.UTF8.GetBytes(text);
        var gzip = Gzip(plain);
        yield return ("zstd", plain, "unknown-encoding");
        yield return ("compress", plain, "unknown-encoding");
        yield return ("gz ip", gzip, "unknown-encoding");
        yield return ("gzip, aes128gcm", gzip, "unknown-encoding");
        yield return ("gzip,gzip,gzip,gzip,gzip", Gzip(Gzip(Gzip(Gzip(gzip)))), "unknown-encoding");
        yield return ("gzip", plain, "broken-encoding");
        yield return ("br", plain, "broken-encoding");
        yield return ("deflate", plain, "broken-encoding");
        yield return ("gzip", Gzip(new byte[16 * 1024 * 1024]), "too-large");
        yield return ("deflate", Zlib(new byte[16 * 1024 * 1024]), "too-large");
        yield return ("br", Brotli(new byte[16 * 1024 * 1024]), "too-large");
        yield return ("gzip, gzip", Gzip(Gzip(new byte[64 * 1024 * 1024])), "too-large");
        yield return ("gzip, gzip", Gzip(EmptyMembers(2 * 1024 * 1024)), "too-large"); // decodes to nothing, after any amount of work
        yield return ("gzip", gzip[..(gzip.Length / 2)], "");
    }

    public static byte[] Gzip(byte[] plain) => Through(plain, to => new GZipStream(to, CompressionLevel.Fastest));

    public static byte[] Zlib(byte[] plain) => Through(plain, to => new ZLibStream(to, CompressionLevel.Fastest));

    public static byte[] Deflate(byte[] plain) => Through(plain, to => new DeflateStream(to, CompressionLevel.Fastest));

    public static byte[] Brotli(byte[] plain) => Through(plain, to => new BrotliStream(to, CompressionLevel.Fastest));

    private static byte[] EmptyMembers(int bytes)
    {
        byte[] member = [0x1F, 0x8B, 8, 0, 0, 0, 0, 0, 0, 3, 3, 0, 0, 0, 0, 0, 0, 0, 0, 0];
        return [.. Enumerable.Repeat(member, bytes / member.Length).SelectMany(one => one)];
    }

    private static byte[] Through(byte[] plain, Func<Stream, Stream> encoder)
    {
        using var to = new MemoryStream();
        using (var stream = encoder(to))
        {
            stream.Write(plain);
        }

        return to.ToArray();
    }
}
