using System.Buffers;
using System.Buffers.Binary;
using System.Collections.Frozen;
using System.Security.Cryptography;
using System.Text;

namespace Broker.Credentials;

/// <summary>Reads API keys: looked up by digest, compared in constant time.</summary>
internal sealed class ApiKeyReader
{
    public const string Header = "X-Api-Key";

    private const int MaxLength = 512;

    private static readonly SearchValues<char> Visible = SearchValues.Create([
        .. Enumerable.Range(0x21, 0x7E - 0x21 + 1).Select(code => (char)code),
    ]);

    // New in each process: where a digest lies in the table, and so how long a look-up takes, can't be worked out from outside.
    private readonly byte[] tableKey = RandomNumberGenerator.GetBytes(32);
    private readonly FrozenDictionary<ulong, (byte[] Digest, Caller Caller)[]> table;

    /// <param name="keys">SHA-256 of each key, and whose it is.</param>
    public ApiKeyReader(IEnumerable<(byte[] Digest, Caller Caller)> keys) =>
        table = keys.GroupBy(key => PlaceOf(key.Digest)).ToFrozenDictionary(group => group.Key, group => group.ToArray());

    /// <summary>Whose key this is; null when it is nobody's.</summary>
    public Caller? Read(ReadOnlySpan<char> key)
    {
        if (key.IsEmpty || key.Length > MaxLength || key.ContainsAnyExcept(Visible))
        {
            return null;
        }

        Span<byte> bytes = stackalloc byte[key.Length];
        Span<byte> digest = stackalloc byte[SHA256.HashSizeInBytes];
        Encoding.ASCII.GetBytes(key, bytes);
        SHA256.HashData(bytes, digest);
        Caller? found = null;
        foreach (var entry in table.GetValueOrDefault(PlaceOf(digest)) ?? [])
        {
            if (CryptographicOperations.FixedTimeEquals(entry.Digest, digest))
            {
                found = entry.Caller;
            }
        }

        return found;
    }

    private ulong PlaceOf(ReadOnlySpan<byte> digest)
    {
        Span<byte> place = stackalloc byte[HMACSHA256.HashSizeInBytes];
        HMACSHA256.HashData(tableKey, digest, place);
        return BinaryPrimitives.ReadUInt64LittleEndian(place);
    }
}
