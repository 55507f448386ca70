using System.Security.Cryptography;
using System.Text.Json.Nodes;
using Broker.Configuration;
using Broker.Credentials;
using Policies;
using Shouldly;
using Xunit;

namespace Broker.Tests.Credentials;

public sealed class IssuerReaderTests : IDisposable
{
    private readonly Bench bench = new();

    public IssuerReaderTests() => Use(bench.Corp());

    public void Dispose() => bench.Dispose();

    [Fact]
    public void A_good_token_gives_its_caller_with_mapped_permissions_and_template_values()
    {
        foreach (
            var token in new[]
            {
                bench.CorpToken(),
                bench.CorpToken(header: """{"alg":"ES256","typ":"at+jwt","kid":"any","x5t":"abc"}""", sign: Bench.CorpEs),
            }
        )
        {
            var caller = bench.Bearer(token).Caller.ShouldNotBeNull();
            caller.Identity.ShouldBe("corp:alice");
            caller.Permissions.ShouldBe(
                new Permissions(Selection.Of("GetDevice"), Selection.Of("7", "8"), Selection.Everything, Selection.Of("a", "5"))
            );
            caller.TemplateValues["corp:sub"].ShouldBe("alice");
            caller.TemplateValues.ContainsKey("user").ShouldBeFalse();
        }
    }

    [Fact]
    public void Every_confusion_of_the_header_is_refused()
    {
        var claims = bench.CorpClaims().ToJsonString();
        var pem = Bench.IssuerRsa.ExportSubjectPublicKeyInfo();
        Refused(Bench.Sign("""{"alg":"none"}""", claims, _ => [1]));
        Refused(Bench.Encode("""{"alg":"none"}""") + "." + Bench.Encode(claims) + ".");
        Refused(Bench.Sign("""{"alg":"HS256"}""", claims, i => HMACSHA256.HashData(pem, i)));
        Refused(
            Bench.Sign("""{"alg":"RS512"}""", claims, i => Bench.IssuerRsa.SignData(i, HashAlgorithmName.SHA512, RSASignaturePadding.Pkcs1))
        );
        Refused(
            Bench.Sign("""{"alg":"PS256"}""", claims, i => Bench.IssuerRsa.SignData(i, HashAlgorithmName.SHA256, RSASignaturePadding.Pss))
        );
        Refused(Bench.Sign("""{"alg":"ES256"}""", claims, Bench.CorpRs));
        Refused(
            Bench.Sign("""{"alg":"ES256"}""", claims, i =>
                Bench.IssuerEc.SignData(i, HashAlgorithmName.SHA256, DSASignatureFormat.Rfc3279DerSequence)
            )
        );
        using var evil = RSA.Create(2048);
        var evilKey = evil.ExportParameters(false);
        var jwk = new JsonObject
        {
            ["kty"] = "RSA",
            ["n"] = Convert.ToBase64String(evilKey.Modulus!),
            ["e"] = "AQAB",
        }.ToJsonString();
        var withKey = $$"""{"alg":"RS256","jwk":{{jwk}}}""";
        Refused(Bench.Sign(withKey, claims, i => evil.SignData(i, HashAlgorithmName.SHA256, RSASignaturePadding.Pkcs1)));
        foreach (
            var member in new[]
            {
                "\"crit\":[\"b64\"]",
                "\"b64\":false",
                "\"typ\":\"ID+JWT\"",
                "\"typ\":\"logout+jwt\"",
                "\"typ\":\"refresh+jwt\"",
                "\"alg\":\"RS256\"",
                "\"kid\":1",
                "\"zip\":\"DEF\"",
            }
        )
        {
            Refused(Bench.Sign($$"""{"alg":"RS256",{{member}}}""", claims, Bench.CorpRs));
            Refused(
                Bench.Sign($$"""{"alg":"RS256",{{member}}}""", claims, i =>
                    evil.SignData(i, HashAlgorithmName.SHA256, RSASignaturePadding.Pkcs1)
                )
            );
        }

        Refused(Bench.Sign("""{"alg":"RS256"}""", claims, i => evil.SignData(i, HashAlgorithmName.SHA256, RSASignaturePadding.Pkcs1)));
        Refused(Bench.Sign("""{"alg":"RS256"}""", claims[..^1] + ",\"sub\":\"alice\"}", Bench.CorpRs));
    }

    [Fact]
    public void Claims_have_to_be_there_and_right()
    {
        var now = bench.Clock.GetUtcNow().ToUnixTimeSeconds();
        Refused(bench.CorpToken(c => c.Remove("exp")));
        Refused(bench.CorpToken(c => c["exp"] = $"{now + 60}"));
        Refused(bench.CorpToken(c => c["nbf"] = now + 60));
        Refused(bench.CorpToken(c => c["nbf"] = "0"));
        Refused(bench.CorpToken(c => c["iat"] = now + 60));
        Refused(bench.CorpToken(c => c["aud"] = "other"));
        Refused(bench.CorpToken(c => c.Remove("aud")));
        Refused(bench.CorpToken(c => c["aud"] = new JsonArray()));
        Refused(bench.CorpToken(c => c["aud"] = "broker "));
        foreach (var issuer in new[] { "https://corp.example/", "https://CORP.example", "https://corp.example.evil", "" })
        {
            Refused(bench.CorpToken(c => c["iss"] = issuer));
        }

        foreach (var name in new JsonNode?[] { null, "", 5, new JsonArray("alice"), "a\nb", new string('a', 300) })
        {
            Refused(bench.CorpToken(c => c["sub"] = name));
        }

        foreach (var sign in new[] { "nonce", "at_hash", "c_hash" })
        {
            Refused(bench.CorpToken(c => c[sign] = "x"));
        }

        Refused(bench.CorpToken(c => c["typ"] = "Refresh"));
        Refused(bench.CorpToken(c => c["token_use"] = "id"));
        bench.Bearer(bench.CorpToken(c => c["aud"] = new JsonArray("x", "broker"))).Caller.ShouldNotBeNull();
        bench.Bearer(bench.CorpToken(c => c["nbf"] = now + 29)).Caller.ShouldNotBeNull();
    }

    [Fact]
    public void A_token_is_expired_after_its_end_and_the_skew_also_when_remembered()
    {
        var token = bench.CorpToken();
        bench.Bearer(token).Caller.ShouldNotBeNull();
        bench.Clock.Advance(TimeSpan.FromSeconds(629));
        bench.Bearer(token).Caller.ShouldNotBeNull();
        bench.Clock.Advance(TimeSpan.FromSeconds(1));
        bench.Bearer(token).ShouldBe(new(null, CredentialProblem.Expired));
        bench.Bearer(bench.CorpToken(c => c["exp"] = 1)).ShouldBe(new(null, CredentialProblem.Expired));
    }

    [Fact]
    public void An_issuer_grants_everything_only_through_the_config()
    {
        Use(bench.Corp() with { Actions = new() { Claim = "scope" } });
        Permissions Of(Action<JsonObject> change) => bench.Bearer(bench.CorpToken(change)).Caller.ShouldNotBeNull().Permissions;
        foreach (var all in new JsonNode[] { "*", "0", new JsonArray("*"), new JsonArray(0), new JsonArray("0", "*", "Any", "00") })
        {
            var text = all.ToJsonString();
            var permissions = Of(c =>
            {
                c["scope"] = JsonNode.Parse(text);
                c["nets"] = "*";
                c["devs"] = new JsonArray("*");
            });
            permissions.Actions.ShouldBe(Selection.Nothing);
            permissions.Networks.ShouldBe(Selection.Nothing);
            permissions.Devices.ShouldBe(Selection.Nothing);
        }

        Of(c => c["scope"] = "getdevice 2 nonsense").Actions.ShouldBe(Selection.Of("GetDevice", "GetNetwork"));
        Of(c => c["nets"] = new JsonObject { ["*"] = 1 }).Networks.ShouldBe(Selection.Nothing);
        Of(c => c["nets"] = new JsonArray("", 1.5, true, null, "9")).Networks.ShouldBe(Selection.Of("9"));
        Of(c => c.Remove("nets")).Networks.ShouldBe(Selection.Nothing);
        Use(bench.Corp());
        Of(c => c["roles"] = new JsonArray("boss")).Actions.ShouldBe(Selection.Everything);
        Of(c => c["roles"] = new JsonArray("*", "Boss", "GetDevice")).Actions.ShouldBe(Selection.Nothing);
    }

    [Fact]
    public void Types_that_the_config_names_are_the_only_ones()
    {
        Use(bench.Corp() with { Types = ["at+jwt"] });
        Refused(bench.CorpToken());
        Refused(bench.CorpToken(header: """{"alg":"RS256"}"""));
        bench.Bearer(bench.CorpToken(header: """{"alg":"RS256","typ":"at+jwt"}""")).Caller.ShouldNotBeNull();
    }

    [Fact]
    public void A_key_set_picks_by_key_id_and_only_usable_keys()
    {
        static JsonObject Key(RSA key, string? kid, Action<JsonObject>? change = null)
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

            change?.Invoke(jwk);
            return jwk;
        }

        using var other = RSA.Create(2048);
        using var third = RSA.Create(2048);
        var set = new JsonObject
        {
            ["keys"] = new JsonArray(
                Key(Bench.IssuerRsa, "one"),
                Key(other, "two", k => k["use"] = "enc"),
                Key(third, "three", k => k["alg"] = "RS512"),
                new JsonObject
                {
                    ["kty"] = "oct",
                    ["kid"] = "s",
                    ["k"] = Url(Bench.Secret),
                }
            ),
        };
        Use(bench.Corp() with { KeyFile = bench.File(set.ToJsonString()), Algorithms = ["RS256", "RS512"] });
        bench.Bearer(Signed("one", Bench.IssuerRsa)).Caller.ShouldNotBeNull();
        Refused(Signed("two", Bench.IssuerRsa));
        Refused(Signed("two", other));
        Refused(Signed("three", third));
        Refused(Signed("one", third));
        Refused(bench.CorpToken(header: """{"alg":"HS256","kid":"s"}""", sign: Bench.Hs));

        string Signed(string kid, RSA key) =>
            bench.CorpToken(header: $$"""{"alg":"RS256","kid":"{{kid}}"}""", sign: i =>
                key.SignData(i, HashAlgorithmName.SHA256, RSASignaturePadding.Pkcs1)
            );
        static string Url(byte[] bytes) => System.Buffers.Text.Base64Url.EncodeToString(bytes);
    }

    [Fact]
    public void A_token_changed_in_any_character_is_refused()
    {
        var token = bench.CorpToken(header: """{"alg":"ES256"}""", sign: Bench.CorpEs);
        bench.Bearer(token).Caller.ShouldNotBeNull();
        for (var i = 0; i < token.Length; i++)
        {
            var changed = token.ToCharArray();
            changed[i] ^= (char)1;
            bench.Bearer(new string(changed)).Caller.ShouldBeNull();
        }
    }

    private void Use(IssuerOptions options) =>
        bench.Publish(Bench.With(("app", Bench.Wide)) with { Issuers = new Dictionary<string, IssuerOptions> { ["corp"] = options } });

    private void Refused(string token) => bench.Bearer(token).ShouldBe(new(null, CredentialProblem.Invalid), token);
}
