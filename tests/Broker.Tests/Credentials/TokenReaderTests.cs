using System.Security.Cryptography;
using System.Text;
using System.Text.Json.Nodes;
using Broker.Configuration;
using Broker.Credentials;
using Policies;
using Shouldly;
using Xunit;

namespace Broker.Tests.Credentials;

public sealed class TokenReaderTests : IDisposable
{
    private static readonly string[] Dimensions = ["a", "n", "dt", "d"];
    private readonly Bench bench = new();

    public TokenReaderTests() =>
        bench.Publish(Bench.With(("app", Bench.Wide)) with { Issuers = new Dictionary<string, IssuerOptions> { ["corp"] = bench.Corp() } });

    public void Dispose() => bench.Dispose();

    [Fact]
    public void Each_algorithm_is_verified_with_the_key_of_its_id()
    {
        var claims = bench.Claims().ToJsonString();
        foreach (
            var token in new[]
            {
                Bench.Sign(Bench.HsHeader, claims, Bench.Hs),
                Bench.Sign("""{"alg":"RS256","kid":"r","typ":"JWT"}""", claims, Bench.Rs),
                Bench.Sign("""{"alg":"ES256","kid":"e"}""", claims, Bench.Es),
            }
        )
        {
            var caller = bench.Bearer(token).Caller.ShouldNotBeNull();
            caller.Identity.ShouldBe("key:app");
            caller.Permissions.ShouldBe(
                new Permissions(Selection.Of("GetDevice"), Selection.Of("1", "2"), Selection.Everything, Selection.Everything)
            );
        }
    }

    [Fact]
    public void The_header_cannot_choose_how_it_is_verified()
    {
        var claims = bench.Claims().ToJsonString();
        var pem = Bench.Rsa.ExportSubjectPublicKeyInfoPem();
        var jwk = """{"kty":"oct","k":"AAAA"}""";
        Refused(Bench.Sign("""{"alg":"none","kid":"h"}""", claims, _ => [1]));
        Refused(Bench.Encode("""{"alg":"none"}""") + "." + Bench.Encode(claims) + ".");
        Refused(Bench.Sign("""{"alg":"None","kid":"h"}""", claims, Bench.Hs));
        Refused(Bench.Sign("""{"alg":"hs256","kid":"h"}""", claims, Bench.Hs));
        Refused(Bench.Sign("""{"kid":"h"}""", claims, Bench.Hs));
        Refused(Bench.Sign("""{"alg":"HS256","kid":"r"}""", claims, input => HMACSHA256.HashData(Encoding.ASCII.GetBytes(pem), input)));
        Refused(
            Bench.Sign("""{"alg":"HS256","kid":"r"}""", claims, input => HMACSHA256.HashData(Bench.Rsa.ExportSubjectPublicKeyInfo(), input))
        );
        Refused(Bench.Sign("""{"alg":"HS256","kid":"e"}""", claims, Bench.Hs));
        Refused(Bench.Sign("""{"alg":"RS256","kid":"h"}""", claims, Bench.Rs));
        Refused(
            Bench.Sign("""{"alg":"PS256","kid":"r"}""", claims, i =>
                Bench.Rsa.SignData(i, HashAlgorithmName.SHA256, RSASignaturePadding.Pss)
            )
        );
        Refused(
            Bench.Sign("""{"alg":"RS256","kid":"r"}""", claims, i =>
                Bench.Rsa.SignData(i, HashAlgorithmName.SHA512, RSASignaturePadding.Pkcs1)
            )
        );
        Refused(Bench.Sign("""{"alg":"HS256"}""", claims, Bench.Hs)); // no kid
        foreach (var kid in new[] { "\"\"", "\"H\"", "\"h \"", "\"../h\"", "\"h\\u0000\"", "1", "null", "[\"h\"]", "\"' OR 1=1\"" })
        {
            Refused(Bench.Sign($$"""{"alg":"HS256","kid":{{kid}}}""", claims, Bench.Hs));
        }

        foreach (
            var member in new[]
            {
                $"\"jwk\":{jwk}",
                "\"jku\":\"https://evil.example/jwks\"",
                "\"x5u\":\"https://evil.example\"",
                "\"x5c\":[]",
                "\"crit\":[\"exp\"]",
                "\"crit\":[]",
                "\"b64\":false",
                "\"b64\":true",
                "\"zip\":\"DEF\"",
                "\"enc\":\"A128GCM\"",
                "\"cty\":\"JWT\"",
                "\"typ\":\"refresh+jwt\"",
                "\"typ\":1",
                "\"typ\":\"\"",
            }
        )
        {
            Refused(Bench.Sign($$"""{"alg":"HS256","kid":"h",{{member}}}""", claims, Bench.Hs));
        }
    }

    [Fact]
    public void A_member_that_stands_twice_is_refused_also_when_it_is_escaped()
    {
        var claims = bench.Claims().ToJsonString();
        Refused(Bench.Sign("""{"alg":"HS256","kid":"h","kid":"h"}""", claims, Bench.Hs));
        Refused(Bench.Sign("""{"alg":"HS256","kid":"h","\u006bid":"h"}""", claims, Bench.Hs));
        Refused(Bench.Sign(Bench.HsHeader, claims[..^1] + ",\"sub\":\"key:app\"}", Bench.Hs));
        Refused(Bench.Sign(Bench.HsHeader, claims[..^1] + ",\"\\u0073ub\":\"key:app\"}", Bench.Hs));
        Refused(Bench.Sign(Bench.HsHeader, claims.Replace("\"t\":1", "\"t\":1,\"t\":1"), Bench.Hs));
        Refused(Bench.Sign(Bench.HsHeader, claims + " {}", Bench.Hs));
        Refused(Bench.Sign(Bench.HsHeader, "[" + claims + "]", Bench.Hs));
        Refused(Bench.Sign(Bench.HsHeader, "/**/" + claims, Bench.Hs));
    }

    [Fact]
    public void A_signature_in_another_form_is_refused()
    {
        var claims = bench.Claims().ToJsonString();
        const string header = """{"alg":"ES256","kid":"e"}""";
        bench.Bearer(Bench.Sign(header, claims, Bench.Es)).Caller.ShouldNotBeNull();
        Refused(Bench.Sign(header, claims, i => Bench.Ec.SignData(i, HashAlgorithmName.SHA256, DSASignatureFormat.Rfc3279DerSequence)));
        Refused(Bench.Sign(header, claims, _ => new byte[64]));
        Refused(Bench.Sign(header, claims, i => [.. Bench.Es(i), 0]));
        Refused(Bench.Sign(Bench.HsHeader, claims, i => Bench.Hs(i)[..31]));
        Refused(Bench.Sign(Bench.HsHeader, claims, i => [.. Bench.Hs(i), 0]));
    }

    [Fact]
    public void A_signature_of_any_length_is_refused_and_never_throws()
    {
        var claims = bench.Claims().ToJsonString();
        foreach (var header in new[] { Bench.HsHeader, "{\"alg\":\"RS256\",\"kid\":\"r\"}", "{\"alg\":\"ES256\",\"kid\":\"e\"}" })
        {
            foreach (var length in new[] { 0, 1, 31, 32, 33, 63, 64, 65, 255, 256, 257, 512 })
            {
                Refused(Bench.Sign(header, claims, _ => RandomNumberGenerator.GetBytes(length)));
            }
        }
    }

    [Fact]
    public void Text_that_is_no_text_is_refused_where_it_stands()
    {
        foreach (var name in new[] { "sub", "jti", "aud", "iss", "x" })
        {
            Refused(Bench.Sign(Bench.HsHeader, bench.Claims(c => c[name] = "HALF").ToJsonString().Replace("HALF", "\\ud800"), Bench.Hs));
            Refused(bench.CorpToken(c => c[name] = "x", "{\"alg\":\"RS256\",\"kid\":\"\\udc00\"}"));
            Refused(
                Bench.Sign(
                    "{\"alg\":\"RS256\"}",
                    bench.CorpClaims(c => c[name] = "HALF").ToJsonString().Replace("HALF", "\\ud800"),
                    Bench.CorpRs
                )
            );
        }

        Refused(Bench.Sign(Bench.HsHeader, bench.Claims(c => c["HALF"] = 1).ToJsonString().Replace("HALF", "\\ud800"), Bench.Hs));
        Refused(
            Bench.Sign(
                Bench.HsHeader,
                bench.Claims(c => c["payload"]!["n"] = new JsonArray("HALF")).ToJsonString().Replace("HALF", "\\ud800"),
                Bench.Hs
            )
        );
    }

    [Fact]
    public void A_token_changed_in_any_character_or_bit_is_refused()
    {
        foreach (
            var token in new[]
            {
                bench.Token(),
                Bench.Sign("""{"alg":"RS256","kid":"r"}""", bench.Claims().ToJsonString(), Bench.Rs),
                Bench.Sign("""{"alg":"ES256","kid":"e"}""", bench.Claims().ToJsonString(), Bench.Es),
            }
        )
        {
            bench.Bearer(token).Caller.ShouldNotBeNull(); // remembered: a changed one must not hit it
            for (var i = 0; i < token.Length; i++)
            {
                for (var bit = 0; bit < 7; bit++)
                {
                    var changed = token.ToCharArray();
                    changed[i] ^= (char)(1 << bit);
                    Refused(new string(changed));
                }
            }

            Refused(token + "A");
            Refused(token + "=");
            Refused(token + ".");
            Refused(token[..^1]);
            Refused("." + token);
        }
    }

    [Fact]
    public void A_token_over_eight_kilobytes_is_refused_before_it_is_parsed()
    {
        string Sized(int padding) => bench.Token(c => c["x"] = new string('a', padding));
        bench.Bearer(Sized(4000)).Caller.ShouldNotBeNull();
        Sized(6100).Length.ShouldBeGreaterThan(8192);
        Refused(Sized(6100));
    }

    [Fact]
    public void Every_claim_has_to_be_there_in_its_own_shape()
    {
        foreach (var claim in new[] { "iss", "sub", "aud", "iat", "exp", "jti", "payload" })
        {
            Refused(bench.Token(c => c.Remove(claim)));
            Refused(bench.Token(c => c[claim] = null));
            Refused(bench.Token(c => c[claim] = new JsonArray()));
            Refused(bench.Token(c => c[claim] = ""));
            Refused(bench.Token(c => c[claim] = -5));
        }

        foreach (var claim in new[] { "e", "t" })
        {
            Refused(bench.Token(c => c["payload"]!.AsObject().Remove(claim)));
            Refused(bench.Token(c => c["payload"]![claim] = "1"));
        }

        foreach (var subject in new[] { "app", "key:", "key:App", "corp:app", "KEY:app", " key:app", "key:app ", "user:app" })
        {
            Refused(bench.Token(c => c["sub"] = subject));
        }

        Refused(bench.Token(c => c["aud"] = "other"));
        Refused(bench.Token(c => c["aud"] = new JsonArray("broker")));
        Refused(bench.Token(c => c["nbf"] = 0));
        Refused(bench.Token(c => c["exp"] = 1e300));
        Refused(bench.Token(c => c["payload"]!["e"] = long.MaxValue));
        foreach (var list in new[] { "n", "dt", "d", "a" })
        {
            Refused(bench.Token(c => c["payload"]![list] = "*"));
            Refused(bench.Token(c => c["payload"]![list] = new JsonArray((JsonNode?)null)));
            Refused(bench.Token(c => c["payload"]![list] = new JsonArray("")));
        }

        Refused(bench.Token(c => c["payload"]!["a"] = new JsonArray("3")));
        Refused(bench.Token(c => c["payload"]!["a"] = new JsonArray(3.5)));
        Refused(bench.Token(c => c["payload"]!["n"] = new JsonArray(3)));
        Refused(bench.Token(c => c["iat"] = bench.Clock.GetUtcNow().ToUnixTimeSeconds() + 60));
    }

    [Fact]
    public void A_refresh_token_is_no_bearer_token()
    {
        Refused(bench.Token(c => c["payload"]!["t"] = 0));
        Refused(bench.Token(c => c["payload"]!["t"] = 2));
    }

    [Fact]
    public void A_dimension_that_is_missing_or_empty_is_nothing_and_an_unknown_action_adds_nothing()
    {
        foreach (var empty in new[] { true, false })
        {
            var caller = bench
                .Bearer(
                    bench.Token(c =>
                    {
                        foreach (var name in Dimensions)
                        {
                            c["payload"]!.AsObject().Remove(name);
                            if (empty)
                            {
                                c["payload"]![name] = new JsonArray();
                            }
                        }
                    })
                )
                .Caller.ShouldNotBeNull();
            caller.Permissions.ShouldBe(default);
        }

        Actions(1, 999, 1000, -1, int.MaxValue).ShouldBe(Selection.Nothing);
        Actions(3, 999).ShouldBe(Selection.Of("GetDevice"));
        Actions(0).ShouldBe(Selection.Everything);

        Selection Actions(params int[] numbers) =>
            bench
                .Bearer(bench.Token(c => c["payload"]!["a"] = new JsonArray([.. numbers.Select(n => (JsonNode)n)])))
                .Caller.ShouldNotBeNull()
                .Permissions.Actions;
    }

    [Fact]
    public void Our_issuer_with_another_issuers_key_and_the_reverse_are_refused()
    {
        var claims = bench.Claims().ToJsonString();
        var corp = bench.CorpClaims().ToJsonString();
        bench.Bearer(Bench.Sign("""{"alg":"RS256"}""", corp, Bench.CorpRs)).Caller.ShouldNotBeNull();
        Refused(Bench.Sign("""{"alg":"RS256"}""", claims, Bench.CorpRs));
        Refused(Bench.Sign("""{"alg":"RS256","kid":"r"}""", claims, Bench.CorpRs));
        Refused(Bench.Sign("""{"alg":"RS256"}""", corp, Bench.Rs));
        Refused(Bench.Sign("""{"alg":"RS256","kid":"r"}""", corp, Bench.Rs));
        Refused(Bench.Sign(Bench.HsHeader, corp, Bench.Hs));
        Refused(bench.Token(c => c["iss"] = "someone"));
    }

    [Fact]
    public void The_user_number_has_to_be_its_callers()
    {
        Refused(bench.Token(c => c["payload"]!["u"] = 18));
        Refused(bench.Token(c => c["payload"]!["u"] = "17"));
        bench.Bearer(bench.Token(c => c["payload"]!.AsObject().Remove("u"))).Caller.ShouldNotBeNull();
    }

    private void Refused(string token) => bench.Bearer(token).ShouldBe(new(null, CredentialProblem.Invalid), token);
}
