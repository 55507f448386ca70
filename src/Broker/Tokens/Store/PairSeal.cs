using System.Buffers.Binary;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;

namespace Broker.Tokens.Store;

/// <summary>Encrypts pairs for Redis, AES-256-GCM under a ring of keys: the first encrypts, all decrypt.</summary>
/// <remarks>
/// <code>
///   version  id's length  id  mac of the id (8)  nonce (12)  ciphertext  tag (16)
/// </code>
/// Associated data: the key's name in Redis, the format version, the generation. The id has a mac of its own, under the name key: so that an id that is
/// merely damaged is a miss, and only one that somebody wrote is a key that we lack.
/// </remarks>
internal sealed class PairSeal
{
    private const byte Version = 1;
    private const byte Plain = 0;
    private const int MacSize = 8;
    private const int NonceSize = 12;
    private const int TagSize = 16;

    private volatile List<(string Id, byte[] Key)> ring;
    private readonly NameKey names;

    /// <param name="ring">The keys by their ids; none: nothing is encrypted.</param>
    /// <param name="names">Stands outside the ring.</param>
    public PairSeal(IEnumerable<KeyValuePair<string, byte[]>> ring, NameKey names) => (this.ring, this.names) = ([.. ring.Select(key => (key.Key, key.Value))], names);

    /// <summary>Another ring, from now on.</summary>
    public void Use(IEnumerable<KeyValuePair<string, byte[]>> newer) => ring = [.. newer.Select(key => (key.Key, key.Value))];

    public byte[] Close(SharedPair pair, string key)
    {
        var ring = this.ring;
        var text = PairText.Write(pair);
        if (ring.Count == 0)
        {
            return [Plain, .. text];
        }
        var (id, secret) = ring[0];
        var idBytes = Encoding.UTF8.GetBytes(id);
        var sealedPair = new byte[2 + idBytes.Length + MacSize + NonceSize + text.Length + TagSize];
        sealedPair[0] = Version;
        sealedPair[1] = (byte)idBytes.Length;
        idBytes.CopyTo(sealedPair, 2);
        var rest = sealedPair.AsSpan(2 + idBytes.Length);
        Mac(id, key, pair.Generation).CopyTo(rest);
        var nonce = rest.Slice(MacSize, NonceSize);
        RandomNumberGenerator.Fill(nonce);
        using var aes = new AesGcm(secret, TagSize);
        aes.Encrypt(nonce, text, rest.Slice(MacSize + NonceSize, text.Length), rest[^TagSize..], Bound(key, pair.Generation));
        CryptographicOperations.ZeroMemory(text);
        return sealedPair;
    }

    /// <summary>The pair; null when it is absent or damaged, or when <paramref name="lacks"/> names a key that is not in the ring.</summary>
    public SharedPair? Open(ReadOnlySpan<byte> blob, string key, long generation, string run, out string? lacks)
    {
        var ring = this.ring;
        lacks = null;
        if (ring.Count == 0 || blob.Length < 2 || blob[0] != Version)
        {
            // Plain text counts where the config says so, and nowhere else.
            return ring.Count == 0 && blob.Length > 1 && blob[0] == Plain ? PairText.Read(blob[1..], generation, run) : Lacking(blob, key, generation, out lacks);
        }
        if (Split(blob, key, generation, out var id, out var nonce, out var text, out var tag) is false)
        {
            return null;
        }
        var found = ring.Find(known => known.Id == id);
        if (found.Key is null)
        {
            lacks = id;
            return null;
        }
        var plain = new byte[text.Length];
        try
        {
            using var aes = new AesGcm(found.Key, TagSize);
            aes.Decrypt(nonce, text, tag, plain, Bound(key, generation));
            return PairText.Read(plain, generation, run);
        }
        catch (AuthenticationTagMismatchException)
        {
            return null;
        }
        finally
        {
            CryptographicOperations.ZeroMemory(plain);
        }
    }

    /// <summary>An encrypted pair that is met without a ring is not ours to overwrite either.</summary>
    private SharedPair? Lacking(ReadOnlySpan<byte> blob, string key, long generation, out string? lacks)
    {
        lacks = ring.Count == 0 && Split(blob, key, generation, out var id, out _, out _, out _) ? id : null;
        return null;
    }

    private bool Split(
        ReadOnlySpan<byte> blob, string key, long generation, out string id, out ReadOnlySpan<byte> nonce, out ReadOnlySpan<byte> text, out ReadOnlySpan<byte> tag)
    {
        id = "";
        nonce = text = tag = default;
        if (blob.Length < 2 || blob[0] != Version || blob.Length < 2 + blob[1] + MacSize + NonceSize + TagSize)
        {
            return false;
        }
        id = Encoding.UTF8.GetString(blob.Slice(2, blob[1]));
        var rest = blob[(2 + blob[1])..];
        nonce = rest.Slice(MacSize, NonceSize);
        text = rest[(MacSize + NonceSize)..^TagSize];
        tag = rest[^TagSize..];
        return CryptographicOperations.FixedTimeEquals(rest[..MacSize], Mac(id, key, generation));
    }

    private byte[] Mac(string id, string key, long generation)
    {
        var mac = new byte[MacSize];
        BinaryPrimitives.WriteUInt64LittleEndian(mac, names.Name("seal", id, key, $"{generation}").A);
        return mac;
    }

    private static byte[] Bound(string key, long generation) => Encoding.UTF8.GetBytes($"{key}|{Version}|{generation}");
}

/// <summary>A pair as text; only ever inside a seal, or where the config allows plain text.</summary>
internal static class PairText
{
    public static byte[] Write(SharedPair pair) => JsonSerializer.SerializeToUtf8Bytes(new Form(
        pair.Access, pair.Refresh, pair.Life.Ticks, pair.EndsAt, pair.EndsAtUtc.UtcTicks, pair.Record.A, pair.Record.B, pair.Record.C, pair.Record.D, pair.By, pair.Of.Hex));

    public static SharedPair? Read(ReadOnlySpan<byte> text, long generation, string run)
    {
        try
        {
            return JsonSerializer.Deserialize<Form>(text) is not { Access: not null } form ? null : new SharedPair
            {
                Generation = generation,
                Run = run,
                Access = form.Access,
                Refresh = form.Refresh,
                Life = new TimeSpan(form.Life),
                EndsAt = form.EndsAt,
                EndsAtUtc = new DateTimeOffset(form.EndsAtUtc, TimeSpan.Zero),
                Record = new(form.A, form.B, form.C, form.D),
                By = form.By,
                Of = RecordName.Parse(form.Of),
            };
        }
        catch (Exception fault) when (fault is JsonException or ArgumentOutOfRangeException)
        {
            return null;
        }
    }

    private sealed record Form(string Access, string? Refresh, long Life, long EndsAt, long EndsAtUtc, ulong A, ulong B, ulong C, ulong D, string By, string? Of);
}
