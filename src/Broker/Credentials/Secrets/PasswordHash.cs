using System.Buffers.Binary;

namespace Broker.Credentials;

/// <summary>The outside of a hash that the framework's PasswordHasher made.</summary>
/// <remarks>Format: aspnetcore, PasswordHasher.cs, version 3: 0x01, PRF, iterations and salt length as big-endian numbers, salt,
/// subkey.</remarks>
internal static class PasswordHash
{
    private const int HeaderLength = 13;
    private const int MinIterations = 10_000;
    private const int MaxIterations = 5_000_000;
    private const int MinSalt = 16;
    private const int MinSubkey = 16;
    private const string Cure = "'broker key hash' makes one";

    /// <summary>Why the text is no usable hash; null when it is.</summary>
    public static string? Problem(string hash)
    {
        var bytes = new byte[hash.Length];
        if (!Convert.TryFromBase64String(hash, bytes, out var length) || length < HeaderLength + MinSalt + MinSubkey || bytes[0] != 1)
        {
            return $"is no password hash of ASP.NET Core's PasswordHasher, version 3; {Cure}";
        }

        var iterations = BinaryPrimitives.ReadUInt32BigEndian(bytes.AsSpan(5));
        var salt = BinaryPrimitives.ReadUInt32BigEndian(bytes.AsSpan(9));
        if (BinaryPrimitives.ReadUInt32BigEndian(bytes.AsSpan(1)) > 2 || salt < MinSalt || salt > length - HeaderLength - MinSubkey)
        {
            return $"is a broken password hash; {Cure}";
        }

        return iterations is < MinIterations or > MaxIterations
            ? $"has {iterations} iterations; between {MinIterations} and {MaxIterations} are taken; {Cure}"
            : null;
    }
}
