using System.Security.Cryptography;
using System.Text;
using Broker.Configuration;
using Broker.Credentials;
using Broker.TokenService;
using Shouldly;
using Xunit;

namespace Broker.Tests.Credentials;

public sealed class CredentialCompilerTests : IDisposable
{
    private readonly Bench bench = new();

    public void Dispose() => bench.Dispose();

    [Fact]
    public void Every_mistake_of_callers_is_told_at_once()
    {
        var digest = ApiKey.New().Sha256;
        var mistakes = bench.Compile(
            Bench.With(
                (
                    "a",
                    new()
                    {
                        Keys =
                        [
                            new() { Sha256 = digest },
                            new() { Sha256 = "xyz" },
                            new() { Sha256 = Convert.ToHexString(SHA256.HashData([])) },
                        ],
                        Actions = ["GetDevices"],
                        Networks = [""],
                        UserId = 5,
                    }
                ),
                (
                    "b",
                    new()
                    {
                        Keys = [new() { Sha256 = digest.ToUpperInvariant() }],
                        UserId = 5,
                        Basic = new() { Hash = new("test", "not a hash") },
                    }
                ),
                ("c", new() { Basic = new() { Hash = new("file /x", "") } })
            )
        );
        Errors(mistakes)
            .ShouldBe(
                [
                    "Broker:Callers:a:Actions:0",
                    "Broker:Callers:a:Networks:0",
                    "Broker:Callers:a:Keys",
                    "Broker:Callers:a:Keys:1:Sha256",
                    "Broker:Callers:a:Keys:2:Sha256",
                    "Broker:Callers:b:Keys:0:Sha256",
                    "Broker:Callers:b:UserId",
                    "Broker:Callers:b:Basic:Hash",
                ],
                ignoreOrder: true
            );
        mistakes.All.ShouldContain(m => m.Path == "Broker:Callers:c:Basic:Hash" && m.Severity == Severity.Warning);
        bench.Store.IsLoaded.ShouldBeFalse();
    }

    [Fact]
    public void Key_material_that_is_weak_broken_or_of_another_kind_does_not_load()
    {
        using var weak = RSA.Create(1024);
        using var p384 = ECDsa.Create(ECCurve.NamedCurves.nistP384);
        var rsa = Bench.Rsa.ExportPkcs8PrivateKeyPem();
        foreach (
            var (algorithm, key) in new[]
            {
                (SigningAlgorithm.HS256, Convert.ToBase64String(RandomNumberGenerator.GetBytes(31))),
                (SigningAlgorithm.HS256, Convert.ToBase64String(new byte[64])),
                (SigningAlgorithm.HS256, "?secret-of-ours?"),
                (SigningAlgorithm.HS256, rsa),
                (SigningAlgorithm.HS256, Convert.ToBase64String(Encoding.ASCII.GetBytes(Bench.Rsa.ExportSubjectPublicKeyInfoPem()))),
                (SigningAlgorithm.RS256, weak.ExportPkcs8PrivateKeyPem()),
                (SigningAlgorithm.RS256, "nonsense"),
                (SigningAlgorithm.RS256, rsa[..200]),
                (SigningAlgorithm.RS256, Bench.Ec.ExportPkcs8PrivateKeyPem()),
                (
                    SigningAlgorithm.RS256,
                    Bench.Rsa.ExportEncryptedPkcs8PrivateKeyPem("x", new(PbeEncryptionAlgorithm.Aes128Cbc, HashAlgorithmName.SHA256, 1))
                ),
                (SigningAlgorithm.RS256, Bench.Rsa.ExportSubjectPublicKeyInfoPem()), // a public key can't be the first
                (SigningAlgorithm.ES256, p384.ExportPkcs8PrivateKeyPem()),
                (SigningAlgorithm.ES256, rsa),
                ((SigningAlgorithm)9, rsa),
            }
        )
        {
            var mistakes = bench.Compile(WithKeys(("k", algorithm, key)));
            Errors(mistakes).ShouldBe(["Broker:Issuing:SigningKeys:k:Key"], key);
            mistakes.All[0].Message.ShouldNotContain(key[..8]);
        }
    }

    [Fact]
    public void The_same_key_bytes_in_two_roles_do_not_load()
    {
        var secret = Convert.ToBase64String(Bench.Secret);
        var rsa = Bench.Rsa.ExportPkcs8PrivateKeyPem();
        var publicRsa = Bench.Rsa.ExportSubjectPublicKeyInfoPem();
        var der = Convert.ToBase64String(Bench.Rsa.ExportSubjectPublicKeyInfo());
        var modulus = Convert.ToBase64String(Bench.Rsa.ExportParameters(false).Modulus!);
        foreach (
            var (first, second) in new[]
            {
                ((SigningAlgorithm.HS256, secret), (SigningAlgorithm.HS256, secret)),
                ((SigningAlgorithm.RS256, rsa), (SigningAlgorithm.RS256, Bench.Rsa.ExportRSAPrivateKeyPem())),
                ((SigningAlgorithm.RS256, rsa), (SigningAlgorithm.RS256, publicRsa)),
                ((SigningAlgorithm.RS256, rsa), (SigningAlgorithm.HS256, der)),
                ((SigningAlgorithm.RS256, rsa), (SigningAlgorithm.HS256, modulus)),
                (
                    (SigningAlgorithm.ES256, Bench.Ec.ExportPkcs8PrivateKeyPem()),
                    (SigningAlgorithm.ES256, Bench.Ec.ExportSubjectPublicKeyInfoPem())
                ),
            }
        )
        {
            Errors(bench.Compile(WithKeys(("a", first.Item1, first.Item2), ("b", second.Item1, second.Item2))))
                .ShouldBe(["Broker:Issuing:SigningKeys:b:Key"]);
        }

        var corp = bench.Corp() with { KeyFile = bench.File(publicRsa) };
        Errors(bench.Compile(WithIssuer("corp", corp))).ShouldBe(["Broker:Issuers:corp:KeyFile"]);
        bench.Compile(WithIssuer("corp", bench.Corp())).HasErrors.ShouldBeFalse();
    }

    [Fact]
    public void Mistakes_of_an_issuer_are_told_with_their_place()
    {
        var corp = bench.Corp();
        foreach (
            var (options, place) in new (IssuerOptions, string)[]
            {
                (corp with { KeyFile = null }, ""),
                (corp with { Authority = "https://a.example" }, ""),
                (corp with { KeyFile = null, Authority = "http://a.example" }, ":Authority"),
                (corp with { KeyFile = null, Authority = "ftp://a.example" }, ":Authority"),
                (corp with { KeyFile = null, Authority = "https://u:p@a.example" }, ":Authority"),
                (corp with { Issuer = null }, ":Issuer"),
                (corp with { Issuer = "broker" }, ":Issuer"),
                (corp with { Audiences = [] }, ":Audiences"),
                (corp with { Algorithms = [] }, ":Algorithms"),
                (corp with { Algorithms = ["RS256", "none"] }, ":Algorithms:1"),
                (corp with { Algorithms = ["HS256"] }, ":Algorithms:0"),
                (corp with { NameClaim = "" }, ":NameClaim"),
                (corp with { ClockSkew = TimeSpan.FromHours(1) }, ":ClockSkew"),
                (corp with { KeyFile = "/does/not/exist" }, ":KeyFile"),
                (corp with { KeyFile = bench.File("") }, ":KeyFile"),
                (corp with { KeyFile = bench.File("{}") }, ":KeyFile"),
                (corp with { KeyFile = bench.File(Bench.IssuerRsa.ExportPkcs8PrivateKeyPem()) }, ":KeyFile"),
                (corp with { Networks = new() }, ":Networks"),
                (
                    corp with
                    {
                        Networks = new() { Claim = "n", Const = ["1"] },
                    },
                    ":Networks"
                ),
                (
                    corp with
                    {
                        Networks = new() { Const = ["1"], Map = new Dictionary<string, IReadOnlyList<string>>() },
                    },
                    ":Networks:Map"
                ),
                (corp with { Actions = new() { Const = ["GetNothing"] } }, ":Actions:Const:0"),
                (
                    corp with
                    {
                        Actions = new()
                        {
                            Claim = "r",
                            Map = new Dictionary<string, IReadOnlyList<string>> { ["x"] = ["GetNothing"] },
                        },
                    },
                    ":Actions:Map:x:0"
                ),
            }
        )
        {
            Errors(bench.Compile(WithIssuer("corp", options))).ShouldBe(["Broker:Issuers:corp" + place]);
        }
    }

    [Fact]
    public void An_issuer_cannot_take_a_source_of_ours_nor_another_issuers_name()
    {
        foreach (var name in new[] { "key", "KEY", "user", "token" })
        {
            Errors(bench.Compile(WithIssuer(name, bench.Corp()))).ShouldBe(["Broker:Issuers:" + name]);
        }

        var options = WithIssuer("one", bench.Corp());
        Errors(bench.Compile(options with { Issuers = new Dictionary<string, IssuerOptions>(options.Issuers) { ["two"] = bench.Corp() } }))
            .ShouldBe(["Broker:Issuers:two:Issuer"]);
    }

    [Fact]
    public void A_candidate_that_is_not_published_changes_nothing_and_a_reload_keeps_what_was_remembered()
    {
        bench.Publish(Bench.With(("app", Bench.Wide)));
        var token = bench.Token();
        bench.Bearer(token).Caller.ShouldNotBeNull();
        var memory = bench.Table.Shared.Memory;
        bench.Compile(Bench.With(("app", new())), publish: false).HasErrors.ShouldBeFalse();
        bench.Bearer(token).Caller.ShouldNotBeNull().Permissions.Actions.IsNothing.ShouldBeFalse();
        bench.Publish(Bench.With(("app", Bench.Wide)));
        bench.Table.Shared.Memory.ShouldBeSameAs(memory);
        memory.Count.ShouldBe(1);
    }

    private static List<string> Errors(ConfigErrors mistakes) =>
        [.. mistakes.All.Where(m => m.Severity == Severity.Error).Select(m => m.Path)];

    private static BrokerOptions WithKeys(params (string Id, SigningAlgorithm Algorithm, string Key)[] keys) =>
        Bench.With() with
        {
            Issuing = new()
            {
                SigningKeys = keys.ToDictionary(
                    k => k.Id,
                    k => new SigningKeyOptions { Algorithm = k.Algorithm, Key = new("test", k.Key) }
                ),
            },
        };

    private static BrokerOptions WithIssuer(string name, IssuerOptions options) =>
        Bench.With() with
        {
            Issuers = new Dictionary<string, IssuerOptions> { [name] = options },
        };
}
