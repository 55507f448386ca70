using System.Buffers.Binary;
using System.Runtime.InteropServices;
using System.Security.Cryptography;
using System.Text;

namespace Broker.Tokens;

/// <summary>The name of something that secrets decide: an HMAC, of which nothing can be guessed without its key.</summary>
internal readonly record struct RecordName(ulong A, ulong B, ulong C, ulong D)
{
    public override string ToString() => "***";
}

/// <summary>The key under which records are named; another one in each process.</summary>
internal sealed class NameKey
{
    private readonly byte[] key = RandomNumberGenerator.GetBytes(32);

    /// <summary>Each part stands behind its length, null behind -1: no two lists of parts are one message.</summary>
    public RecordName Name(params ReadOnlySpan<string?> parts)
    {
        var size = 0;
        foreach (var part in parts)
        {
            size += 4 + (part is null ? 0 : Encoding.UTF8.GetByteCount(part));
        }
        var message = size <= 1024 ? stackalloc byte[size] : new byte[size];
        var rest = message;
        foreach (var part in parts)
        {
            var written = part is null ? 0 : Encoding.UTF8.GetBytes(part, rest[4..]);
            BinaryPrimitives.WriteInt32LittleEndian(rest, part is null ? -1 : written);
            rest = rest[(4 + written)..];
        }
        Span<byte> hash = stackalloc byte[32];
        HMACSHA256.HashData(key, message, hash);
        CryptographicOperations.ZeroMemory(message);
        var words = MemoryMarshal.Cast<byte, ulong>(hash);
        return new(words[0], words[1], words[2], words[3]);
    }

    /// <summary>The same as text, to be a part of another name.</summary>
    public string Digest(params ReadOnlySpan<string?> parts)
    {
        var name = Name(parts);
        return $"{name.A:x16}{name.B:x16}{name.C:x16}{name.D:x16}";
    }
}
