using System.Buffers.Text;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using Broker.Credentials;
using Broker.Operations;
using FsCheck;
using FsCheck.Fluent;
using FsCheck.Xunit;
using Shouldly;
using Xunit;

namespace Broker.Tests.Credentials;

/// <summary>Whatever stands in a key set, reading it never throws, and each key that comes of it stands there.</summary>
public sealed class AnyKeySetTests
{
    private static readonly RSA Rsa = RSA.Create(2048);
    private static readonly ECDsa Ec = ECDsa.Create(ECCurve.NamedCurves.nistP256);

    private static readonly string[] Members =
    [
        "kty",
        "kid",
        "use",
        "key_ops",
        "alg",
        "n",
        "e",
        "crv",
        "x",
        "y",
        "x5c",
        "x5t",
        "d",
        "k",
        "oth",
    ];

    private static readonly string[] Values =
    [
        "null",
        "true",
        "5",
        "-1e999",
        "\"\"",
        "\"RSA\"",
        "\"EC\"",
        "\"oct\"",
        "\"sig\"",
        "\"enc\"",
        "\"RS256\"",
        "\"ES256\"",
        "\"P-256\"",
        "\"P-521\"",
        "\"AQAB\"",
        "\"AA\"",
        "\"?\"",
        "[]",
        "[\"verify\"]",
        "[5]",
        "{}",
        "{\"keys\":[]}",
        "\"\\u0000\"",
        "\"\\ud83d\\ude00\"",
        "\"\\ud83d\"",
    ];

    [Fact]
    public void For_any_change_of_a_key_set_reading_never_throws_and_finds_no_key_that_is_not_there()
    {
        var (found, lost) = (0, 0);
        var good = Entries();
        var values = Values.Concat(good.SelectMany(entry => entry.Select(member => member.Value!.ToJsonString()))).ToArray();
        var change =
            from entry in Gen.Choose(0, good.Length - 1)
            from member in Gen.Elements(Members)
            from value in Gen.Elements(values)
            select (entry, member, value);
        var changes = from count in Gen.Choose(0, 4) from some in Gen.ArrayOf(change, count) select some;

        Check.One(Config.QuickThrowOnFailure.WithMaxTest(2000), Prop.ForAll(Arb.From(changes), some =>
            {
                var entries = good.Select(entry => entry.ToDictionary(member => member.Key, member => member.Value!.ToJsonString()))
                    .ToArray();
                foreach (var (entry, member, value) in some)
                {
                    entries[entry][member] = value;
                }

                // Written by hand, so that half a surrogate pair gets in.
                var written = entries.Select(entry =>
                    "{" + string.Join(',', entry.Select(member => $"\"{member.Key}\":{member.Value}")) + "}"
                );
                var text = $"{{\"keys\":[{string.Join(',', written)}]}}";
                if (ForeignJson.Parse(Encoding.UTF8.GetBytes(text)) is not { } set)
                {
                    lost++;
                    return true;
                }

                var keys = KeySetReader.Read(set, out _);
                found += keys.Count;
                return keys.All(key => StandsIn(set, key));
            }));

        found.ShouldBeGreaterThan(1000);
        lost.ShouldBeGreaterThan(10);
    }

    [Property(MaxTest = 1000)]
    public bool For_any_bytes_reading_never_throws(byte[]? bytes, int place)
    {
        var whole = Encoding.UTF8.GetBytes(new JsonObject { ["keys"] = new JsonArray([.. Entries()]) }.ToJsonString());
        var some = bytes ?? [];
        var at = (int)((uint)place % whole.Length);
        byte[][] tries =
        [
            some,
            [.. whole[..at], .. some],
            [.. whole[..at], .. some, .. whole[at..]],
            [.. Encoding.Unicode.Preamble, .. some],
            [.. Encoding.BigEndianUnicode.Preamble, .. some],
        ];
        return tries.All(one => ForeignJson.Parse(one) is not { } set || KeySetReader.Read(set, out _).All(key => StandsIn(set, key)));
    }

    private static JsonObject[] Entries()
    {
        var rsa = Rsa.ExportParameters(false);
        var point = Ec.ExportParameters(false).Q;
        using var certificate = new CertificateRequest(
            "CN=issuer",
            Rsa,
            HashAlgorithmName.SHA256,
            RSASignaturePadding.Pkcs1
        ).CreateSelfSigned(DateTimeOffset.UtcNow, DateTimeOffset.UtcNow.AddDays(1));
        return
        [
            new()
            {
                ["kty"] = "RSA",
                ["kid"] = "r",
                ["use"] = "sig",
                ["alg"] = "RS256",
                ["n"] = Url(rsa.Modulus),
                ["e"] = "AQAB",
            },
            new()
            {
                ["kty"] = "EC",
                ["kid"] = "e",
                ["crv"] = "P-256",
                ["x"] = Url(point.X),
                ["y"] = Url(point.Y),
            },
            new() { ["kid"] = "c", ["x5c"] = new JsonArray(Convert.ToBase64String(certificate.RawData)) },
        ];
    }

    private static string Url(byte[]? number) => Base64Url.EncodeToString(number);

    /// <summary>Whether an entry of the set holds the key's numbers, or a certificate that does; not read by the code under test.</summary>
    private static bool StandsIn(JsonElement set, IssuerKey key)
    {
        var main = Base64UrlEncoded(key.Key.N ?? key.Key.X);
        return set.GetProperty("keys")
            .EnumerateArray()
            .Where(entry => entry.ValueKind == JsonValueKind.Object)
            .Any(entry =>
                Holds(entry, "n", main)
                || Holds(entry, "x", main)
                || (
                    entry.TryGetProperty("x5c", out var chain)
                    && Base64In(chain.GetRawText().Replace("\\u002B", "+", StringComparison.Ordinal)) is { } der
                    && der.AsSpan().IndexOf(main) >= 0
                )
            );
    }

    private static bool Holds(JsonElement entry, string name, byte[] number) =>
        entry.TryGetProperty(name, out var member)
        && member.ValueKind == JsonValueKind.String
        && Base64UrlEncoded(member.GetString()!).AsSpan().EndsWith(number);

    private static byte[]? Base64In(string text)
    {
        var quoted = text.Split('"');
        return quoted.Length > 1 ? Base64UrlEncoded(quoted[1]) : null;
    }

    private static byte[] Base64UrlEncoded(string text)
    {
        try
        {
            return Base64Url.DecodeFromChars(text.Replace('+', '-').Replace('/', '_').TrimEnd('='));
        }
        catch (FormatException)
        {
            return [];
        }
    }
}
