using System.Buffers;
using System.Buffers.Binary;
using System.Security.Cryptography;
using System.Text;

namespace Broker.Credentials;

/// <summary>32 bytes that stand for a credential; the credential itself is never kept.</summary>
internal readonly struct Digest : IEquatable<Digest>
{
    public const int Size = 32;

    private const int MostOnStack = 8 * 1024;

    private readonly ulong a;
    private readonly ulong b;
    private readonly ulong c;
    private readonly ulong d;

    public Digest(ReadOnlySpan<byte> bytes)
    {
        ArgumentOutOfRangeException.ThrowIfNotEqual(bytes.Length, Size);
        a = BinaryPrimitives.ReadUInt64LittleEndian(bytes);
        b = BinaryPrimitives.ReadUInt64LittleEndian(bytes[8..]);
        c = BinaryPrimitives.ReadUInt64LittleEndian(bytes[16..]);
        d = BinaryPrimitives.ReadUInt64LittleEndian(bytes[24..]);
    }

    /// <summary>The digest of a token, which is ASCII.</summary>
    public static Digest OfAscii(ReadOnlySpan<char> text)
    {
        Span<byte> hash = stackalloc byte[SHA256.HashSizeInBytes];
        var rented = text.Length > MostOnStack ? ArrayPool<byte>.Shared.Rent(text.Length) : null;
        Span<byte> bytes = rented is null ? stackalloc byte[text.Length] : rented.AsSpan(0, text.Length);
        Encoding.ASCII.GetBytes(text, bytes);
        SHA256.HashData(bytes, hash);
        if (rented is not null)
        {
            ArrayPool<byte>.Shared.Return(rented, clearArray: true);
        }

        return new(hash);
    }

    /// <summary>Picks a place among many; evenly spread, since a digest is.</summary>
    public uint Place => (uint)a;

    /// <summary>A second number, independent of <see cref="Place"/>.</summary>
    public uint Choice => (uint)b;

    // Every bit is looked at: how long the comparison takes says nothing about where two digests differ.
    public bool Equals(Digest other) => ((a ^ other.a) | (b ^ other.b) | (c ^ other.c) | (d ^ other.d)) == 0;

    public override bool Equals(object? obj) => obj is Digest other && Equals(other);

    public override int GetHashCode() => (int)a;
}
