using System.Buffers.Binary;
using System.Globalization;
using System.Runtime.InteropServices;
using System.Security.Cryptography;
using System.Text;

namespace Broker.UpstreamTokens;

/// <summary>The name of something that secrets decide: an HMAC, of which nothing can be guessed without its key.</summary>
internal readonly record struct OpaqueName(ulong A, ulong B, ulong C, ulong D)
{
    /// <summary>The name as it stands in a key of Redis; in no log.</summary>
    public string Hex => $"{A:x16}{B:x16}{C:x16}{D:x16}";

    /// <summary>The name that <see cref="Hex"/> wrote; no name for anything else.</summary>
    public static OpaqueName Parse(string? hex) =>
        hex is { Length: 64 } && Part(hex, 0, out var a) && Part(hex, 16, out var b) && Part(hex, 32, out var c) && Part(hex, 48, out var d)
            ? new(a, b, c, d)
            : default;

    public override string ToString() => "***";

    private static bool Part(string hex, int at, out ulong part) =>
        ulong.TryParse(hex.AsSpan(at, 16), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out part);
}

/// <summary>The key under which records are named; where tokens are shared the config's, else another one in each process.</summary>
internal sealed class NamingKey
{
    private readonly byte[] key;

    public NamingKey() => key = RandomNumberGenerator.GetBytes(32);

    /// <param name="secret">What all replicas' names come from.</param>
    public NamingKey(string secret) =>
        key = HKDF.DeriveKey(HashAlgorithmName.SHA256, Encoding.UTF8.GetBytes(secret), 32, info: "broker record names"u8.ToArray());

    /// <summary>Each part stands behind its length, null behind -1: no two lists of parts are one message.</summary>
    public OpaqueName Name(params ReadOnlySpan<string?> parts)
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
    public string Digest(params ReadOnlySpan<string?> parts) => Name(parts).Hex;
}
