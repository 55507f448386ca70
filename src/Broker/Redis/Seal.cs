using System.Buffers.Binary;
using System.Security.Cryptography;
using System.Text;

namespace Broker.Redis;

/// <summary>Encrypts and authenticates what stands in Redis, AES-256-GCM under a ring of keys: the first encrypts, all decrypt.</summary>
/// <remarks>
/// <code>
///   version  id's length  id  mac of the id (8)  nonce (12)  ciphertext  tag (16)
/// </code>
/// Associated data: the name that it stands under, the format version, the generation. The id has a mac of its own, under a key that no
/// rotation touches: so that an id that is merely damaged is a miss, and only one that somebody wrote is a key that we lack.
/// </remarks>
internal sealed class Seal
{
    private const byte Version = 1;
    private const int MacSize = 8;
    private const int NonceSize = 12;
    private const int TagSize = 16;

    private volatile List<(string Id, byte[] Key)> ring;
    private readonly Func<string, string, long, ulong> mac;

    /// <param name="ring">The keys by their ids.</param>
    /// <param name="mac">The mac of a key's id, the name and the generation; its key stands outside the ring.</param>
    public Seal(IEnumerable<KeyValuePair<string, byte[]>> ring, Func<string, string, long, ulong> mac) =>
        (this.ring, this.mac) = ([.. ring.Select(key => (key.Key, key.Value))], mac);

    /// <summary>Another ring, from now on.</summary>
    public void Use(IEnumerable<KeyValuePair<string, byte[]>> newer) => ring = [.. newer.Select(key => (key.Key, key.Value))];

    /// <summary>Without a key nothing can be closed.</summary>
    public bool HasKeys => ring.Count > 0;

    public byte[] Close(ReadOnlySpan<byte> text, string name, long generation)
    {
        var (id, secret) = ring[0];
        var idBytes = Encoding.UTF8.GetBytes(id);
        var closed = new byte[2 + idBytes.Length + MacSize + NonceSize + text.Length + TagSize];
        closed[0] = Version;
        closed[1] = (byte)idBytes.Length;
        idBytes.CopyTo(closed, 2);
        var rest = closed.AsSpan(2 + idBytes.Length);
        Mac(id, name, generation).CopyTo(rest);
        var nonce = rest.Slice(MacSize, NonceSize);
        RandomNumberGenerator.Fill(nonce);
        using var aes = new AesGcm(secret, TagSize);
        aes.Encrypt(nonce, text, rest.Slice(MacSize + NonceSize, text.Length), rest[^TagSize..], Bound(name, generation));
        return closed;
    }

    /// <summary>The text; null when it is damaged, or when <paramref name="lacks"/> names a key that is not in the ring.</summary>
    public byte[]? Open(ReadOnlySpan<byte> closed, string name, long generation, out string? lacks)
    {
        lacks = null;
        if (!Split(closed, name, generation, out var id, out var rest))
        {
            return null;
        }
        var found = ring.Find(known => known.Id == id);
        if (found.Key is null)
        {
            lacks = id;
            return null;
        }
        var text = rest[(MacSize + NonceSize)..^TagSize];
        var plain = new byte[text.Length];
        try
        {
            using var aes = new AesGcm(found.Key, TagSize);
            aes.Decrypt(rest.Slice(MacSize, NonceSize), text, rest[^TagSize..], plain, Bound(name, generation));
            return plain;
        }
        catch (AuthenticationTagMismatchException)
        {
            return null;
        }
    }

    private bool Split(ReadOnlySpan<byte> closed, string name, long generation, out string id, out ReadOnlySpan<byte> rest)
    {
        id = "";
        rest = default;
        if (closed.Length < 2 || closed[0] != Version || closed.Length < 2 + closed[1] + MacSize + NonceSize + TagSize)
        {
            return false;
        }
        id = Encoding.UTF8.GetString(closed.Slice(2, closed[1]));
        rest = closed[(2 + closed[1])..];
        return CryptographicOperations.FixedTimeEquals(rest[..MacSize], Mac(id, name, generation));
    }

    private byte[] Mac(string id, string name, long generation)
    {
        var bytes = new byte[MacSize];
        BinaryPrimitives.WriteUInt64LittleEndian(bytes, mac(id, name, generation));
        return bytes;
    }

    private static byte[] Bound(string name, long generation) => Encoding.UTF8.GetBytes($"{name}|{Version}|{generation}");
}
