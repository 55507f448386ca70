using System.Net;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using System.Text.Json.Nodes;
using Broker.Configuration;
using Broker.Credentials;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;
using Shouldly;
using Xunit;

namespace Broker.Tests.Credentials;

/// <summary>Discovery documents and key sets of external issuers as they are in the world, over real sockets.</summary>
public sealed class ForeignKeyTests : IAsyncDisposable
{
    private static readonly RSA Old = RSA.Create(2048);
    private static readonly RSA New = RSA.Create(2048);
    private static readonly ECDsa Curve = ECDsa.Create(ECCurve.NamedCurves.nistP384);

    private readonly Bench bench = new();
    private WebApplication? server;
    private string address = "";
    private int asked;
    private string keys = "";
    private Func<string, (string Encoding, byte[] Body)> encode = text => ("", Encoding.UTF8.GetBytes(text));

    public async ValueTask DisposeAsync()
    {
        if (server is not null)
        {
            await server.DisposeAsync();
        }

        bench.Dispose();
    }

    [Fact]
    public async Task Discovery_and_key_sets_are_read_in_every_content_encoding_and_with_a_byte_order_mark()
    {
        await Start(Jwk(Old, "a"));
        var ways = Encoded.Ways("{}").Count();
        for (var i = 0; i < ways; i++)
        {
            var way = i;
            encode = text => Encoded.Ways(text).ElementAt(way);
            Use();
            (await Read("a", Old)).Caller.ShouldNotBeNull($"{Encoded.Ways("{}").ElementAt(way).Encoding} {way}");
            bench.Publish(Bench.With());
        }
    }

    [Fact]
    public async Task What_cannot_be_decoded_within_its_bounds_is_no_key_set_and_the_reason_is_logged()
    {
        await Start(Jwk(Old, "a"));
        var all = Encoded.Broken("""{"issuer":"https://corp.example","jwks_uri":"https://corp.example/keys"}""").ToList();
        for (var i = 0; i < all.Count; i++)
        {
            var one = all[i];
            encode = text => (one.Encoding, one.Reason == "unknown-encoding" ? Encoding.UTF8.GetBytes(text) : one.Body);
            Use();
            (await Read("a", Old)).ShouldBe(new(null, CredentialProblem.Unknown), one.Encoding);
            var told = bench.Lines.Where(line => line.Contains("could not be fetched", StringComparison.Ordinal)).ShouldHaveSingleItem();
            told.ShouldContain(one.Reason);
            bench.Publish(Bench.With());
            bench.Lines.Clear();
        }
    }

    [Theory]
    [InlineData("a", "a")]
    [InlineData(null, "a")]
    [InlineData(null, null)]
    [InlineData("a", null)]
    public async Task A_new_key_under_the_same_id_or_without_one_is_asked_for_when_a_signature_fails(string? inSet, string? inToken)
    {
        await Start(Jwk(Old, inSet));
        Use();
        (await Read(inToken, Old)).Caller.ShouldNotBeNull();
        asked.ShouldBe(2);

        keys = Set(Jwk(New, inSet));
        for (var i = 0; i < 20; i++)
        {
            (await Read(inToken, New, $"{i}")).Problem.ShouldBe(CredentialProblem.Invalid); // the same limit as for an unknown key id
        }

        asked.ShouldBe(2);
        bench.Clock.Advance(Authority.UnknownKeyAfter);
        (await Read(inToken, New)).Caller.ShouldNotBeNull();
        asked.ShouldBe(4);
        (await Read(inToken, Old, "late")).Problem.ShouldBe(CredentialProblem.Invalid); // the key that left is gone
        asked.ShouldBe(4);
    }

    [Fact]
    public async Task A_flood_of_bad_signatures_asks_once_each_limit_and_re_verifies_no_good_token()
    {
        await Start(Jwk(Old, "a"));
        Use();
        var good = Token("a", Old, "good");
        var before = (await Read(good)).Caller.ShouldNotBeNull();
        for (var round = 1; round <= 3; round++)
        {
            bench.Clock.Advance(Authority.UnknownKeyAfter);
            await Task.WhenAll(Enumerable.Range(0, 50).Select(i => Read("a", New, $"{round}-{i}")));
            asked.ShouldBe(2 + (2 * round));
        }

        (await Read(good)).Caller.ShouldBeSameAs(before); // the same keys again: what was verified under them still is
    }

    [Fact]
    public async Task Old_and_new_key_under_one_id_both_verify_and_a_key_listed_twice_is_one()
    {
        var twice = Jwk(New, "a");
        twice["alg"] = "RS256";
        await Start(Jwk(Old, "a"), Jwk(New, "a"), Jwk(New, "a"), twice, Jwk(Old, "b"), Jwk(New, null));
        Use();
        (await Read("a", Old)).Caller.ShouldNotBeNull();
        (await Read("a", New)).Caller.ShouldNotBeNull();
        (await Read("b", New)).Problem.ShouldBe(CredentialProblem.Invalid); // an id that is there picks its keys and no others
        (await Read(null, Old)).Caller.ShouldNotBeNull();
        (await Read(null, New)).Caller.ShouldNotBeNull();
        bench.Table.Issuers[0].Source.Known!.All.Count.ShouldBe(5); // a and a, the one with alg, b, and the one without an id
    }

    [Theory]
    [InlineData("rsa")]
    [InlineData("rsa without kty")]
    [InlineData("rsa in lines")]
    [InlineData("rsa as a string")]
    [InlineData("ec")]
    public async Task A_key_that_stands_only_in_a_certificate_is_read(string what)
    {
        var isRsa = what[0] == 'r';
        var certificate = isRsa ? Certificate(Old) : Certificate(Curve);
        var lines = what == "rsa in lines" ? Base64FormattingOptions.InsertLineBreaks : Base64FormattingOptions.None;
        var text = Convert.ToBase64String(certificate, lines);
        var jwk = new JsonObject { ["kid"] = "c", ["x5t"] = "abc" };
        jwk["x5c"] = what == "rsa as a string" ? text : new JsonArray(text, "bm8gY2VydGlmaWNhdGU=");
        if (what != "rsa without kty")
        {
            jwk["kty"] = isRsa ? "RSA" : "EC";
        }

        await Start(jwk);
        Use(corp => corp with { Algorithms = ["RS256", "ES384"] });
        (await Read(isRsa ? Token("c", Old, "") : OnCurve("c"))).Caller.ShouldNotBeNull();
    }

    [Fact]
    public async Task What_is_no_usable_key_is_left_out_and_takes_no_other_along()
    {
        using var weak = RSA.Create(1024);
        JsonObject With(Action<JsonObject> change)
        {
            var jwk = Jwk(New, "bad");
            change(jwk);
            return jwk;
        }

        var point = Curve.ExportParameters(false).Q;
        JsonNode?[] bad =
        [
            null,
            "text",
            5,
            new JsonArray(),
            new JsonObject(),
            With(k => k["kty"] = "OKP"),
            With(k => k["kty"] = "AKP"),
            With(k => k["kty"] = 5),
            With(k => k["kty"] = "oct"),
            With(k => k["kty"] = new JsonArray("RSA")),
            With(k => k["kty"] = "EC"),
            With(k => k["use"] = "enc"),
            With(k => k["use"] = 5),
            With(k => k["use"] = new JsonArray("sig")),
            With(k => k["key_ops"] = new JsonArray("encrypt")),
            With(k => k["key_ops"] = "wrapKey"),
            With(k => k["key_ops"] = 5),
            With(k => k["key_ops"] = new JsonArray(new JsonObject())),
            With(k => k["alg"] = "RSA-OAEP"),
            With(k => k["alg"] = "ES256"),
            With(k => k["alg"] = 5),
            With(k => k["alg"] = "none"),
            With(k => k["alg"] = "HS256"),
            With(k => k["n"] = 5),
            With(k => k["n"] = ""),
            With(k => k["n"] = "?"),
            With(k => k.Remove("n")),
            With(k => k["e"] = "AQ"),
            With(k => k["e"] = "AA"),
            With(k => k["e"] = "Ag"),
            With(k => k["n"] = new string('A', 4000)),
            With(k => k["n"] = "_" + new string('A', 40_000)),
            With(k => k["d"] = "AQAB"),
            With(k => k["oth"] = new JsonArray()),
            With(k => k["k"] = ""),
            Jwk(weak, "bad"),
            new JsonObject { ["kid"] = "bad", ["x5c"] = new JsonArray() },
            new JsonObject { ["kid"] = "bad", ["x5c"] = new JsonArray("AAAA") },
            new JsonObject { ["kid"] = "bad", ["x5c"] = new JsonArray(5) },
            new JsonObject { ["kid"] = "bad", ["x5c"] = 5 },
            new JsonObject
            {
                ["kid"] = "bad",
                ["kty"] = "EC",
                ["x5c"] = new JsonArray(Convert.ToBase64String(Certificate(New))),
            },
            new JsonObject
            {
                ["kid"] = "bad",
                ["kty"] = "RSA",
                ["alg"] = "ES384",
                ["x5c"] = Convert.ToBase64String(Certificate(Curve)),
            },
            new JsonObject { ["kid"] = "bad", ["x5u"] = "https://evil.example/key.pem" },
            new JsonObject
            {
                ["kid"] = "bad",
                ["kty"] = "EC",
                ["crv"] = "P-256",
                ["x"] = Url(point.X!),
                ["y"] = Url(point.Y!),
            },
            new JsonObject
            {
                ["kid"] = "bad",
                ["kty"] = "EC",
                ["crv"] = "secp256k1",
                ["x"] = Url(point.X!),
                ["y"] = Url(point.Y!),
            },
            new JsonObject
            {
                ["kid"] = "bad",
                ["kty"] = "EC",
                ["crv"] = "P-384",
                ["x"] = Url(point.X!),
                ["y"] = Url(point.X!),
            },
        ];
        await Start(bad.Prepend(Jwk(Old, "a")).Append(Jwk(Old, "z")).ToArray());
        Use();
        (await Read("a", Old)).Caller.ShouldNotBeNull();
        (await Read("z", Old)).Caller.ShouldNotBeNull();
        (await Read("bad", New)).Problem.ShouldBe(CredentialProblem.Invalid);
        bench.Table.Issuers[0].Source.Known!.All.Count.ShouldBe(2);
    }

    [Fact]
    public async Task Numbers_are_read_with_a_sign_byte_padding_or_the_other_alphabet_of_Base64()
    {
        var rsa = Old.ExportParameters(false);
        var point = Curve.ExportParameters(false).Q;
        await Start(
            new JsonObject
            {
                ["kty"] = "RSA",
                ["kid"] = "sign",
                ["n"] = Url([0, .. rsa.Modulus!]),
                ["e"] = Url([0, .. rsa.Exponent!]),
            },
            new JsonObject
            {
                ["kty"] = "RSA",
                ["kid"] = "plain",
                ["n"] = Convert.ToBase64String(rsa.Modulus!),
                ["e"] = "AQAB",
            },
            new JsonObject
            {
                ["kty"] = "RSA",
                ["kid"] = 7,
                ["n"] = Url(rsa.Modulus!),
                ["e"] = "AQAB",
                ["use"] = "",
                ["alg"] = "",
                ["key_ops"] = new JsonArray("verify"),
            },
            new JsonObject
            {
                ["kty"] = "EC",
                ["kid"] = "ec",
                ["crv"] = "P-384",
                ["x"] = Url([0, .. point.X!]),
                ["y"] = Url([0, .. point.Y!]),
            }
        );
        Use(corp => corp with { Algorithms = ["RS256", "ES384"] });
        foreach (var kid in new[] { "sign", "plain", "7" })
        {
            (await Read(kid, Old)).Caller.ShouldNotBeNull(kid);
        }

        (await Read(OnCurve("ec"))).Caller.ShouldNotBeNull();
    }

    private void Use(Func<IssuerOptions, IssuerOptions>? change = null)
    {
        var corp = bench.Corp() with { KeyFile = null, Issuer = null, Authority = address, AllowInsecure = true };
        bench.Publish(Bench.With() with { Issuers = new Dictionary<string, IssuerOptions> { ["corp"] = change?.Invoke(corp) ?? corp } });
    }

    private string Token(string? kid, RSA key, string id) =>
        Signed(kid is null ? """{"alg":"RS256"}""" : $$"""{"alg":"RS256","kid":"{{kid}}"}""", id, input =>
            key.SignData(input, HashAlgorithmName.SHA256, RSASignaturePadding.Pkcs1)
        );

    private string OnCurve(string kid) =>
        Signed($$"""{"alg":"ES384","kid":"{{kid}}"}""", "", input => Curve.SignData(input, HashAlgorithmName.SHA384));

    private string Signed(string header, string id, Func<byte[], byte[]> sign) =>
        bench.CorpToken(
            c =>
            {
                c["iss"] = address;
                c["jti"] = id;
            },
            header,
            sign
        );

    private Task<CredentialResult> Read(string? kid, RSA key, string id = "") => Read(Token(kid, key, id));

    private Task<CredentialResult> Read(string token) =>
        bench.ReadAsync(CredentialKinds.Any, ("Authorization", "Bearer " + token)).AsTask();

    private async Task Start(params JsonNode?[] set)
    {
        keys = Set(set);
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.ConfigureKestrel(kestrel => kestrel.Listen(IPAddress.Loopback, 0));
        server = builder.Build();
        server.Run(async context =>
        {
            Interlocked.Increment(ref asked);
            var discovery = new JsonObject { ["issuer"] = address, ["jwks_uri"] = $"{address}/jwks" };
            var (encoding, body) = encode(context.Request.Path == "/jwks" ? keys : discovery.ToJsonString());
            if (encoding.Length > 0)
            {
                context.Response.Headers.ContentEncoding = encoding;
            }

            await context.Response.Body.WriteAsync(body);
        });
        await server.StartAsync();
        address = server.Urls.Single();
    }

    private static string Set(params JsonNode?[] set) =>
        new JsonObject { ["keys"] = new JsonArray([.. set.Select(key => key?.DeepClone())]) }.ToJsonString();

    private static JsonObject Jwk(RSA key, string? kid)
    {
        var p = key.ExportParameters(false);
        var jwk = new JsonObject
        {
            ["kty"] = "RSA",
            ["n"] = Url(p.Modulus!),
            ["e"] = Url(p.Exponent!),
        };
        if (kid is not null)
        {
            jwk["kid"] = kid;
        }

        return jwk;
    }

    private static byte[] Certificate(RSA key) =>
        Certificate(new CertificateRequest("CN=issuer", key, HashAlgorithmName.SHA256, RSASignaturePadding.Pkcs1));

    private static byte[] Certificate(ECDsa key) => Certificate(new CertificateRequest("CN=issuer", key, HashAlgorithmName.SHA256));

    private static byte[] Certificate(CertificateRequest request)
    {
        // It is only how a key is written: its dates do not count.
        using var certificate = request.CreateSelfSigned(DateTimeOffset.UtcNow.AddDays(-2), DateTimeOffset.UtcNow.AddDays(-1));
        return certificate.RawData;
    }

    private static string Url(byte[] bytes) => System.Buffers.Text.Base64Url.EncodeToString(bytes);
}
