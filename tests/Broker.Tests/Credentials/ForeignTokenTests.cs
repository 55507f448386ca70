using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text.Json.Nodes;
using Broker.Configuration;
using Broker.Credentials;
using Policies;
using Shouldly;
using Xunit;

namespace Broker.Tests.Credentials;

/// <summary>Access tokens of external issuers as Keycloak, Cognito, Entra ID, Auth0 and Okta write them.</summary>
public sealed class ForeignTokenTests : IDisposable
{
    private const string AtJwt = """{"alg":"RS256","typ":"at+jwt"}""";

    private readonly Bench bench = new();

    public ForeignTokenTests() => Use(bench.Corp());

    public void Dispose() => bench.Dispose();

    [Theory]
    [InlineData(8_192)]
    [InlineData(9_000)]
    [InlineData(31_000)]
    [InlineData(900_000)]
    public void A_long_token_is_read_also_when_it_is_remembered(int length)
    {
        var token = bench.CorpToken(c => c["groups"] = new string('g', length));
        var caller = bench.Bearer(token).Caller.ShouldNotBeNull();
        bench.Bearer(token).Caller.ShouldBeSameAs(caller);
        Refused(token[..^2] + (token[^2] == 'A' ? 'B' : 'A') + token[^1]);
    }

    [Fact]
    public void A_long_token_of_our_own_was_not_written_by_us() => Refused(bench.Token(c => c["x"] = new string('x', 8_000)));

    [Fact]
    public void A_key_that_a_token_brings_along_is_ignored_and_never_used()
    {
        using var evil = RSA.Create(2048);
        using var evilCurve = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var evilKey = evil.ExportParameters(false);
        var request = new CertificateRequest("CN=evil", evil, HashAlgorithmName.SHA256, RSASignaturePadding.Pkcs1);
        using var certificate = request.CreateSelfSigned(DateTimeOffset.UtcNow, DateTimeOffset.UtcNow.AddDays(1));
        var jwk = $$"""{"kty":"RSA","kid":"e","n":"{{Url(evilKey.Modulus!)}}","e":"AQAB"}""";
        foreach (
            var member in new[]
            {
                $"\"jwk\":{jwk}",
                "\"jku\":\"https://evil.example/\"",
                "\"x5u\":\"https://evil.example/\"",
                $"\"x5c\":[\"{Convert.ToBase64String(certificate.RawData)}\"]",
                "\"jku\":5,\"x5u\":null,\"x5c\":\"x\",\"jwk\":[]",
                $"\"x5t\":\"{Url(certificate.GetCertHash())}\",\"x5t#S256\":\"abc\"",
                $"\"kid\":\"e\",\"jwk\":{jwk}",
            }
        )
        {
            Taken(bench.CorpToken(header: $$"""{"alg":"RS256",{{member}}}"""));
            Refused(bench.CorpToken(header: $$"""{"alg":"RS256",{{member}}}""", sign: By(evil)));
            var onCurve = $$"""{"alg":"ES256",{{member}}}""";
            Refused(bench.CorpToken(header: onCurve, sign: i => evilCurve.SignData(i, HashAlgorithmName.SHA256)));
            Refused(bench.CorpToken(header: $$"""{"alg":"HS256",{{member}}}""", sign: i => HMACSHA256.HashData(certificate.RawData, i)));
            Refused(bench.CorpToken(header: $$"""{"alg":"none",{{member}}}""", sign: _ => [1]));
            Refused(bench.Token(header: $$"""{"alg":"HS256","kid":"h","typ":"at+jwt",{{member}}}""")); // we write none of them
        }

        foreach (
            var member in new[]
            {
                "\"crit\":[\"exp\"]",
                "\"crit\":[]",
                "\"crit\":null",
                "\"crit\":[\"b64\"],\"b64\":false",
                "\"b64\":true",
                "\"zip\":\"DEF\"",
                "\"enc\":\"A256GCM\"",
            }
        )
        {
            Refused(bench.CorpToken(header: $$"""{"alg":"RS256",{{member}}}"""));
        }
    }

    [Fact]
    public void A_nonce_is_taken_in_a_token_that_says_it_is_an_access_token_and_in_no_other()
    {
        foreach (var mark in new[] { "nonce", "at_hash", "c_hash" })
        {
            Taken(bench.CorpToken(c => (c[mark], c["typ"]) = ("n", "Bearer"))); // Keycloak
            Taken(bench.CorpToken(c => (c[mark], c["typ"]) = ("n", "bearer"), header: """{"alg":"RS256"}"""));
            Taken(bench.CorpToken(c => c[mark] = "n", AtJwt));
            Taken(bench.CorpToken(c => c[mark] = "n", """{"alg":"RS256","typ":"application/at+jwt"}"""));
            Taken(bench.CorpToken(c => c[mark] = "n", """{"alg":"RS256","typ":"Bearer"}"""));
            Taken(bench.CorpToken(c => (c[mark], c["token_use"]) = ("n", "access")));

            Refused(bench.CorpToken(c => c[mark] = "n"));
            Refused(bench.CorpToken(c => c[mark] = "n", """{"alg":"RS256"}"""));
            Refused(bench.CorpToken(c => (c[mark], c["typ"]) = ("n", "JWT")));
            Refused(bench.CorpToken(c => (c[mark], c["typ"]) = ("n", 5)));
            Refused(bench.CorpToken(c => (c[mark], c["token_use"]) = ("n", new JsonArray("access"))));
        }
    }

    [Fact]
    public void A_token_that_says_it_is_another_is_refused_whatever_else_it_says()
    {
        string[] headers = [AtJwt, """{"alg":"RS256","typ":"JWT"}""", """{"alg":"RS256","typ":"Bearer"}""", """{"alg":"RS256"}"""];
        foreach (var header in headers)
        {
            foreach (var typ in new[] { "ID", "id", "Id", "Refresh", "Offline", "Logout", "id_token", "refresh_token", "UserInfo" })
            {
                Refused(bench.CorpToken(c => c["typ"] = typ, header));
                Refused(bench.CorpToken(c => (c["typ"], c["token_use"]) = (typ, "access"), header));
            }

            Refused(bench.CorpToken(c => c["token_use"] = "id", header));
            Refused(bench.CorpToken(c => (c["token_use"], c["typ"]) = ("ID", "Bearer"), header));
            const string logout = "http://schemas.openid.net/event/backchannel-logout";
            Refused(bench.CorpToken(c => c["events"] = new JsonObject { [logout] = new JsonObject() }, header));
            Taken(bench.CorpToken(c => c["typ"] = "Bearer", header));
        }

        foreach (var typ in new[] { "ID", "id_token+jwt", "logout+jwt", "secevent+jwt", "dpop+jwt", "JOSE", "" })
        {
            Refused(bench.CorpToken(c => c["typ"] = "Bearer", $$"""{"alg":"RS256","typ":"{{typ}}"}"""));
        }
    }

    [Fact]
    public void An_issuer_whose_tokens_have_no_aud_says_which_claim_stands_in_its_place()
    {
        Use(
            bench.Corp() with
            {
                Audience = new() { Claim = "client_id" },
                Audiences = ["app1", "app2"],
            }
        );
        void Cognito(JsonObject c)
        {
            c.Remove("aud");
            (c["client_id"], c["token_use"]) = ("app2", "access");
        }

        Taken(bench.CorpToken(Cognito));
        Taken(
            bench.CorpToken(c =>
            {
                Cognito(c);
                c.Remove("token_use");
            })
        ); // without aud it is no ID token: those must have one
        Taken(
            bench.CorpToken(c =>
            {
                Cognito(c);
                c["aud"] = "https://api.example";
            })
        );
        Taken(
            bench.CorpToken(c =>
            {
                Cognito(c);
                c["client_id"] = new JsonArray("x", "app1");
            })
        );
        foreach (
            var client in new JsonNode?[]
            {
                null,
                "",
                "app",
                "app1 app2",
                "APP1",
                5,
                new JsonArray(),
                new JsonArray(new JsonArray("app1")),
                new JsonObject { ["app1"] = 1 },
            }
        )
        {
            Refused(
                bench.CorpToken(c =>
                {
                    Cognito(c);
                    c["client_id"] = client?.DeepClone();
                })
            );
        }

        Refused(
            bench.CorpToken(c =>
            {
                Cognito(c);
                c.Remove("client_id");
            })
        );
        Refused(
            bench.CorpToken(c =>
            {
                Cognito(c);
                c["token_use"] = "id";
            })
        );
        Refused(
            bench.CorpToken(c =>
            {
                Cognito(c);
                c["token_use"] = "other";
            })
        );
        Refused(
            bench.CorpToken(c =>
            {
                Cognito(c);
                c["aud"] = "app1";
                c.Remove("token_use");
            })
        ); // may be an ID token
        Refused(
            bench.CorpToken(c =>
            {
                c["aud"] = "app1";
            })
        );

        Use(
            bench.Corp() with
            {
                Audience = new() { Claim = "/act/client" },
                Audiences = ["app1"],
            }
        );
        Taken(
            bench.CorpToken(c =>
            {
                Cognito(c);
                c["act"] = new JsonObject { ["client"] = "app1" };
            })
        );
        Refused(bench.CorpToken(Cognito));
    }

    [Fact]
    public void An_issuer_whose_audience_is_not_checked_still_gives_no_ID_token_in()
    {
        Use(
            bench.Corp() with
            {
                Audience = new() { Check = "none" },
                Audiences = [],
            }
        );
        Taken(bench.CorpToken(c => c.Remove("aud")));
        Taken(bench.CorpToken(c => c["aud"] = "whoever", AtJwt));
        Taken(bench.CorpToken(c => (c["aud"], c["typ"]) = ("whoever", "Bearer")));
        Refused(bench.CorpToken(c => c["aud"] = "whoever")); // may be an ID token
        Refused(
            bench.CorpToken(c =>
            {
                c.Remove("aud");
                c["nonce"] = "n";
            })
        );
        Refused(
            bench.CorpToken(c =>
            {
                c.Remove("aud");
                c["token_use"] = "id";
            })
        );
    }

    [Fact]
    public void Roles_are_found_by_a_JSON_Pointer()
    {
        Selection Of(string claim, string json)
        {
            Use(bench.Corp() with { Networks = new() { Claim = claim } });
            return Taken(
                bench.CorpToken(c =>
                {
                    foreach (var (name, value) in JsonNode.Parse(json)!.AsObject())
                    {
                        c[name] = value?.DeepClone();
                    }
                })
            ).Permissions.Networks;
        }

        const string keycloak = """
            {"realm_access":{"roles":["a","b"]},"resource_access":{"my/app":{"roles":["c"]},"x~y":{"roles":"d e"},"":{"n":7}},
             "deep":[{"r":["f"]}],"/odd":"g"}
            """;
        Of("/realm_access/roles", keycloak).ShouldBe(Selection.Of("a", "b"));
        Of("/resource_access/my~1app/roles", keycloak).ShouldBe(Selection.Of("c"));
        Of("/resource_access/x~0y/roles", keycloak).ShouldBe(Selection.Of("d", "e"));
        Of("/resource_access//n", keycloak).ShouldBe(Selection.Of("7"));
        Of("/deep/0/r", keycloak).ShouldBe(Selection.Of("f"));
        Of("/~1odd", keycloak).ShouldBe(Selection.Of("g"));
        Of("https://acme.example/roles", """{"https://acme.example/roles":["h"]}""").ShouldBe(Selection.Of("h")); // a name, no pointer
        foreach (
            var nothing in new[]
            {
                "/realm_access",
                "/realm_access/Roles",
                "/realm_access/roles/x",
                "/realm_access/roles/00",
                "/realm_access/roles/9",
                "/realm_access/roles/-",
                "/deep/-1/r",
                "/deep/99999999999999999999/r",
                "/none/at/all",
                "realm_access/roles",
                "/",
            }
        )
        {
            Of(nothing, keycloak).ShouldBe(Selection.Nothing, nothing);
        }

        Of("/realm_access/roles/1", keycloak).ShouldBe(Selection.Of("b"));
        Of("/realm_access/roles", """{"realm_access":{"roles":["*"]}}""").ShouldBe(Selection.Nothing); // everything is the config's to say
    }

    [Theory]
    [InlineData("scope", "\"7 8\"", "7,8")]
    [InlineData("scp", "\"  7   8 \"", "7,8")]
    [InlineData("scp", "[\"7\",\"8\"]", "7,8")]
    [InlineData("nets", "7", "7")]
    [InlineData("nets", "[7,8,\"9\"]", "7,8,9")]
    [InlineData("nets", "\"\"", "")]
    [InlineData("nets", "7.5", "")]
    [InlineData("nets", "true", "")]
    [InlineData("nets", "null", "")]
    [InlineData("nets", "{}", "")]
    [InlineData("nets", "[[7]]", "")]
    public void A_claim_is_a_blank_separated_string_a_number_or_an_array(string claim, string value, string names)
    {
        Use(bench.Corp() with { Networks = new() { Claim = claim } });
        Taken(bench.CorpToken(c => c[claim] = JsonNode.Parse(value)))
            .Permissions.Networks.ShouldBe(Selection.Of(names.Split(',', StringSplitOptions.RemoveEmptyEntries)));
    }

    [Fact]
    public void The_name_of_the_caller_may_stand_deeper()
    {
        Use(bench.Corp() with { NameClaim = "/user/id" });
        Taken(bench.CorpToken(c => c["user"] = new JsonObject { ["id"] = "bob" })).Identity.ShouldBe("corp:bob");
        Refused(bench.CorpToken());
        Refused(bench.CorpToken(c => c["user"] = new JsonArray("bob")));
    }

    [Fact]
    public void Mistakes_in_these_options_are_told_at_load()
    {
        var corp = bench.Corp();
        foreach (
            var (options, place) in new (IssuerOptions, string)[]
            {
                (corp with { Audience = new() { Check = "nobody" } }, ":Audience"),
                (corp with { Audience = new() { Claim = "" } }, ":Audience:Claim"),
                (corp with { Audience = new() { Claim = "/a~2b" } }, ":Audience:Claim"),
                (
                    corp with
                    {
                        Audience = new() { Claim = "azp", Check = "none" },
                        Audiences = [],
                    },
                    ":Audience"
                ),
                (corp with { Audience = new() { Check = "none" } }, ":Audiences"),
                (
                    corp with
                    {
                        Audience = new() { Claim = "azp" },
                        Audiences = [],
                    },
                    ":Audiences"
                ),
                (corp with { NameClaim = "/a~" }, ":NameClaim"),
                (corp with { Networks = new() { Claim = "/a/~x" } }, ":Networks:Claim"),
            }
        )
        {
            var issuers = new Dictionary<string, IssuerOptions> { ["corp"] = options };
            bench
                .Compile(Bench.With() with { Issuers = issuers }, publish: false)
                .All.Where(mistake => mistake.Severity == Severity.Error)
                .Select(mistake => mistake.Path)
                .ShouldBe(["Broker:Issuers:corp" + place]);
        }
    }

    [Fact]
    public void Each_refusal_is_logged_with_its_rule_what_was_expected_and_what_was_found()
    {
        var now = bench.Clock.GetUtcNow().ToUnixTimeSeconds();
        using var evil = RSA.Create(2048);
        foreach (
            var (token, rule, expected, found) in new (string Token, string Rule, string Expected, string Found)[]
            {
                ("opaque-token-of-somebody", "form", "a signed JWT", "no JWT"),
                ("a.b.c.d.e", "form", "a signed JWT", "encrypted"),
                (bench.CorpToken(header: """{"alg":"RS256","crit":["x"]}"""), "crit", "no 'crit'", "crit"),
                (bench.CorpToken(c => c["iss"] = "https://corp.example/"), "iss", "https://corp.example", "https://corp.example/"),
                (bench.CorpToken(header: """{"alg":"PS256"}"""), "alg", "RS256, ES256", "PS256"),
                (bench.CorpToken(header: """{"alg":"RS256","typ":"logout+jwt"}"""), "typ", "at+jwt", "logout+jwt"),
                (bench.CorpToken(sign: By(evil)), "signature", "", "tried"),
                (bench.CorpToken(c => c["aud"] = "elsewhere"), "audience", "broker", "elsewhere"),
                (bench.CorpToken(c => c.Remove("aud")), "audience", "broker", "missing"),
                (bench.CorpToken(c => c.Remove("exp")), "exp", "", "missing"),
                (bench.CorpToken(c => c["exp"] = "soon"), "exp", "", "soon"),
                (bench.CorpToken(c => c["exp"] = now - 60), "exp", "after", $"{now - 30}, clock skew included"),
                (bench.CorpToken(c => c["nbf"] = now + 600), "nbf", "", $"{now + 600}"),
                (bench.CorpToken(c => c["iat"] = now + 600), "iat", "", $"{now + 600}"),
                (bench.CorpToken(c => c.Remove("sub")), "sub", "", "missing"),
                (bench.CorpToken(c => c["nonce"] = "n-0S6"), "access token", "", "nonce"),
                (bench.CorpToken(c => c["typ"] = "ID"), "access token", "", "ID"),
            }
        )
        {
            bench.Clock.Advance(TimeSpan.FromSeconds(11)); // the next line of the same rule
            bench.Lines.Clear();
            bench.Bearer(token).Caller.ShouldBeNull();
            var line = bench.Lines.ShouldHaveSingleItem(rule);
            line.ShouldStartWith("Information 250 ");
            line.ShouldContain($"'{rule}'");
            line.ShouldContain(expected);
            line.ShouldContain(found);
            foreach (var part in token.Split('.').Where(part => part.Length > 8))
            {
                line.ShouldNotContain(part); // never the token
            }
        }
    }

    [Fact]
    public void What_was_found_is_cut_and_holds_nothing_that_a_log_or_terminal_obeys()
    {
        bench.Bearer(bench.CorpToken(c => c["aud"] = "a\r\nFATAL \u001b[31m\u2028\u202e\u00fc" + new string('x', 5_000)));
        var line = bench.Lines.ShouldHaveSingleItem();
        line.ShouldAllBe(letter => letter >= ' ' && letter <= '~');
        line.Length.ShouldBeLessThan(400);
        line.ShouldContain("FATAL");
    }

    [Fact]
    public void A_stranger_cannot_flood_the_log_nor_hide_why_a_signed_token_was_refused()
    {
        using var evil = RSA.Create(2048);
        for (var i = 0; i < 500; i++)
        {
            var each = i;
            bench.Bearer(bench.CorpToken(c => c["jti"] = $"{each}", sign: By(evil)));
            bench.Bearer($"opaque{i}");
            bench.Bearer(bench.CorpToken(c => c["iss"] = $"https://{each}.example"));
        }

        bench.Lines.Count.ShouldBe(3); // one a rule
        bench.Bearer(bench.CorpToken(c => c["aud"] = "elsewhere"));
        bench.Lines.Count.ShouldBe(4);
        bench.Clock.Advance(TimeSpan.FromSeconds(10));
        bench.Bearer("opaque");
        bench.Lines.Count.ShouldBe(5);
        bench.Lines[^1].ShouldContain("499");
    }

    private void Use(IssuerOptions options) =>
        bench.Publish(Bench.With(("app", Bench.Wide)) with { Issuers = new Dictionary<string, IssuerOptions> { ["corp"] = options } });

    private Caller Taken(string token) => bench.Bearer(token).Caller.ShouldNotBeNull(bench.Lines.LastOrDefault());

    private void Refused(string token) => bench.Bearer(token).ShouldBe(new(null, CredentialProblem.Invalid));

    private static Func<byte[], byte[]> By(RSA key) => input => key.SignData(input, HashAlgorithmName.SHA256, RSASignaturePadding.Pkcs1);

    private static string Url(byte[] bytes) => System.Buffers.Text.Base64Url.EncodeToString(bytes);
}
