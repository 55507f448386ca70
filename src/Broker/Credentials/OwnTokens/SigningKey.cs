using System.Buffers.Text;
using System.Security.Cryptography;
using System.Text.Json.Nodes;
using Broker.Configuration;
using Microsoft.Extensions.ObjectPool;

namespace Broker.Credentials;

/// <summary>One key of our own tokens: one id, one algorithm, and nothing else is ever verified with it.</summary>
internal abstract class SigningKey(string id, SigningAlgorithm algorithm, IReadOnlySet<string> fingerprints)
{
    public string Id { get; } = id;

    /// <summary>As a token's <c>alg</c> has to name it, exactly.</summary>
    public string Algorithm { get; } = algorithm.ToString();

    public IReadOnlySet<string> Fingerprints { get; } = fingerprints;

    /// <summary>Whether the private part is there.</summary>
    public abstract bool CanSign { get; }

    public abstract bool Verify(ReadOnlySpan<byte> input, ReadOnlySpan<byte> signature);

    public abstract byte[] Sign(ReadOnlySpan<byte> input);

    /// <summary>What anyone may know of it, as a JSON Web Key (RFC 7517); null when all of it is secret.</summary>
    public virtual JsonObject? PublicJwk() => null;

    private protected JsonObject Jwk(string type, params (string Name, byte[]? Value)[] members)
    {
        var jwk = new JsonObject
        {
            ["kty"] = type,
            ["kid"] = Id,
            ["alg"] = Algorithm,
            ["use"] = "sig",
        };
        foreach (var (name, value) in members)
        {
            jwk[name] = Base64Url.EncodeToString(value);
        }

        return jwk;
    }

    /// <summary>Prints no key.</summary>
    public override string ToString() => $"{Id} ({Algorithm})";
}

/// <summary>HS256.</summary>
internal sealed class HmacKey(string id, byte[] secret) : SigningKey(id, SigningAlgorithm.HS256, KeyFingerprint.Of(secret))
{
    public override bool CanSign => true;

    public override bool Verify(ReadOnlySpan<byte> input, ReadOnlySpan<byte> signature)
    {
        Span<byte> expected = stackalloc byte[HMACSHA256.HashSizeInBytes];
        HMACSHA256.HashData(secret, input, expected);
        return CryptographicOperations.FixedTimeEquals(expected, signature); // constant time; false when the lengths differ
    }

    public override byte[] Sign(ReadOnlySpan<byte> input) => HMACSHA256.HashData(secret, input);
}

/// <summary>RS256.</summary>
internal sealed class RsaKey(string id, RSAParameters parameters, IReadOnlySet<string> fingerprints)
    : SigningKey(id, SigningAlgorithm.RS256, fingerprints)
{
    // An RSA object is not promised to be safe for use by two threads: each use borrows one.
    private readonly ObjectPool<RSA> pool = new DefaultObjectPool<RSA>(new Policy(parameters));

    public override bool CanSign { get; } = parameters.D is not null;

    public override JsonObject? PublicJwk() => Jwk("RSA", ("n", parameters.Modulus), ("e", parameters.Exponent));

    public override bool Verify(ReadOnlySpan<byte> input, ReadOnlySpan<byte> signature)
    {
        var rsa = pool.Get();
        try
        {
            return rsa.VerifyData(input, signature, HashAlgorithmName.SHA256, RSASignaturePadding.Pkcs1);
        }
        finally
        {
            pool.Return(rsa);
        }
    }

    public override byte[] Sign(ReadOnlySpan<byte> input)
    {
        var rsa = pool.Get();
        try
        {
            return rsa.SignData(input, HashAlgorithmName.SHA256, RSASignaturePadding.Pkcs1);
        }
        finally
        {
            pool.Return(rsa);
        }
    }

    private sealed class Policy(RSAParameters parameters) : PooledObjectPolicy<RSA>
    {
        public override RSA Create() => RSA.Create(parameters);

        public override bool Return(RSA obj) => true;
    }
}

/// <summary>ES256: ECDSA over P-256, a signature of exactly 64 bytes.</summary>
internal sealed class EcKey(string id, ECParameters parameters, IReadOnlySet<string> fingerprints)
    : SigningKey(id, SigningAlgorithm.ES256, fingerprints)
{
    private const int SignatureLength = 64;

    private readonly ObjectPool<ECDsa> pool = new DefaultObjectPool<ECDsa>(new Policy(parameters));

    public override bool CanSign { get; } = parameters.D is not null;

    public override JsonObject? PublicJwk()
    {
        var jwk = Jwk("EC", ("x", parameters.Q.X), ("y", parameters.Q.Y));
        jwk["crv"] = "P-256";
        return jwk;
    }

    public override bool Verify(ReadOnlySpan<byte> input, ReadOnlySpan<byte> signature)
    {
        if (signature.Length != SignatureLength)
        {
            return false; // RFC 7518, 3.4: r and s of 32 bytes each, never DER
        }

        var ecdsa = pool.Get();
        try
        {
            return ecdsa.VerifyData(input, signature, HashAlgorithmName.SHA256, DSASignatureFormat.IeeeP1363FixedFieldConcatenation);
        }
        finally
        {
            pool.Return(ecdsa);
        }
    }

    public override byte[] Sign(ReadOnlySpan<byte> input)
    {
        var ecdsa = pool.Get();
        try
        {
            return ecdsa.SignData(input, HashAlgorithmName.SHA256, DSASignatureFormat.IeeeP1363FixedFieldConcatenation);
        }
        finally
        {
            pool.Return(ecdsa);
        }
    }

    private sealed class Policy(ECParameters parameters) : PooledObjectPolicy<ECDsa>
    {
        public override ECDsa Create() => ECDsa.Create(parameters);

        public override bool Return(ECDsa obj) => true;
    }
}
