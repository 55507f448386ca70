using System.Collections.Concurrent;
using System.Net;
using System.Numerics;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
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

/// <summary>
/// RSA keys with the ROCA weakness (CVE-2017-15361) sign and verify nothing. Published moduli are those of the detector of the weakness's
/// finders.
/// </summary>
public sealed class RocaWeaknessTests : IDisposable
{
    // crocs-muni/roca, roca/tests/data: mod03.txt, mod09.txt and pubkey03.pem, which are weak.
    private const string Weak2048 =
        "9dcd7420e420c270a68060eb8b5aa7457a9f6648f86fafed2775cc1f79ae962f1e63f1b9e51c55f9ea6fdc7332e9b0058c9ff2eb1fc89855029cf6aa"
        + "fe21e689feb38ac9ffb12f1ce371bb5d0e9aae64161abce74b4244bf68f1edb4411f756a097c8929c14740245ea355f8332d1aa36bb50c7dcb4505da"
        + "8de02e4e53d38f8df06097da7524df0df93db48eac8cc4af2d3a16257eb2b2adca6ba464e5974fa92550d31b1babf161e7692d00b86e3dd886ecab4a"
        + "bfbe1a8f8cc263ff4af55cdb45f4249a5193925f5e983d762f0b6800943eb0267b08f42ed311ce1f5c86eacbc8ce4d3cb7a2fee1ef5641423a1cf411"
        + "4e5ecf50034a60a412523af9e6f4aa11";

    private const string Weak4096 =
        "c39a928060db513091b604eadad719ed94e246de8fe15fb76efab5cfabbc3fc5486fe2ef2a5a5a8472f0c5be089edec071fb284df4467fa1fa6c8f0b"
        + "013d3173fe636744666289bf67b5c998c87b59015d94bb9c20d30a70cfe275e42fd3c6f44d4c5252f9c6b6803f92afd928153bdb90ef08ede934c076"
        + "f33543f9a1c362130929b9a1324c5ebee6831c251c48a7dee24d75ac538ce9a58d7ff09c12a5d772b6c33f4265a4e4830bd73ad221d24d4d3f092e24"
        + "279c15fc1d10ca69561f4f071313c86b11ab36a5dd28df392f581834eecfdc9e183a466198e33cf01d273bd41d4b7e288cc66f24eba04676bd2090f6"
        + "f73830336a317bc2d423b558b9d8f632e12af7b0e7fc9bdb69282e81fdf41a68cf4e85f01fc343dfe52a3ad01f67459d380165159e1209ef1ce4ecd2"
        + "6648e061faf0896551f7f1f92d6b6a19af0ab7f1f092d7e168bcec0ee478b8618489a8967a71e5e0a5c197662d8e9756f090a177109d4a34ae20a18c"
        + "5629efea5ca66623960fc325f779cdae891a7ec051f00e837b8f2fb9fd19f6a35832ca0e5ce8375972c42a308f7d5ca0434022c131874087e826ed73"
        + "7994e46fbe44f5f1e908934f6033e6851ebd05447dddbaa51c0671849cafd3a503cdc150101914edf33b140c168c3dbea4791e74ea619ab1b31c9069"
        + "1de1d425b746b222a2b26ed54222cbcaf27a054f9f66f77be6466198c33e37dd";

    private const string Weak2049 =
        "1a9c5a687db8fb2a30f82dff8dda154c291ef27b04b25e185b8ab20c4c6a5f604859fe59ede54a0af7c0e7288800ad7193bb731a5bf1e1170d7a1c66"
        + "930d41ea3eb21dedf7b8af5d42a91c34f72045b96efd57cb182301ddcc26967e5508e9ab889986d57e837dfe70f99fc37c498f43c17c3b9b064cf704"
        + "443d7a033e03a821697aabf30fb29ee7d33b3767965a89058e3b39754bd3a1c007d28a23b0cfa79f9d711ac6e4c4b4f77b0634b1ecd68591af03c7d5"
        + "3b62a5f2d91163d4ef4f8f26831ae461ed85ec5f788c5123ffc12c87420fdcfea1d1b4a52c3521824fb3998348739b62a986d8e76b2289bc2eb8bc06"
        + "d138147851b83a07183d210559f906321";

    // test_fingerprint.py, fake_mods: each remainder alone looks weak, but they do not agree on one exponent. They are not weak.
    private const string OnlyAlike1 =
        "671f033425b5ae00140c5b04dbcaeada430ae348cf3bf18d6ec4621ea824c52dd2b0ac85762b28a5d39ff23da73d4fcb241bf97b696e403eca234e05"
        + "db9fe9ace2da265887c7b2ac7f9e7ed5bf6d919d43286776cf57c07d3411e15f729fa6e563858059334d072638d9dfbfc4f32474b6c6071092f5a961"
        + "a7271f3209b37d9d";

    private const string OnlyAlike2 =
        "8b9fcac53796d02b4c19422cd62e350a2ef70d411e07d54cc4f6ddb20f893ea2f09f905034407b2d8ec009513d81329efedcca7a5a3a0066c33c5368"
        + "b2d08b656155e01c9ffe4a84a77ed0399237fc4ffa0801f95ed67c9e2e134cbd47b6559fc1bb24fd0ca6e09431c786ea1c05f146efa8a237e9a65ce8"
        + "a56a91ff698ec2fb";

    private static readonly Lazy<RSA> WeakPair = new(MakeWeakPair);

    private readonly Bench bench = new();

    public void Dispose() => bench.Dispose();

    [Theory]
    [InlineData(Weak2048, true)]
    [InlineData(Weak4096, true)]
    [InlineData(Weak2049, true)]
    [InlineData(OnlyAlike1, false)]
    [InlineData(OnlyAlike2, false)]
    public void Published_moduli_are_told_apart(string modulus, bool isWeak) =>
        RocaWeakness.Affects(Convert.FromHexString(modulus.Length % 2 == 0 ? modulus : "0" + modulus)).ShouldBe(isWeak);

    [Fact]
    public void A_key_made_as_the_flawed_chips_make_it_is_found_and_many_sound_keys_are_not()
    {
        RocaWeakness.Affects(WeakPair.Value.ExportParameters(false).Modulus).ShouldBeTrue();
        foreach (var bits in Enumerable.Repeat(2048, 12).Append(3072))
        {
            using var sound = RSA.Create(bits);
            RocaWeakness.Affects(sound.ExportParameters(false).Modulus).ShouldBeFalse();
        }

        var random = new Random(15361);
        var modulus = new byte[256];
        for (var i = 0; i < 20_000; i++)
        {
            random.NextBytes(modulus);
            modulus[^1] |= 1;
            RocaWeakness.Affects(modulus).ShouldBeFalse(Convert.ToHexString(modulus));
        }
    }

    [Fact]
    public void A_weak_signing_key_of_ours_does_not_load_in_any_form_and_place()
    {
        var weak = WeakPair.Value;
        foreach (
            var pem in new[]
            {
                weak.ExportPkcs8PrivateKeyPem(),
                weak.ExportRSAPrivateKeyPem(),
                weak.ExportSubjectPublicKeyInfoPem(),
                weak.ExportRSAPublicKeyPem(),
                PublicOf(Weak2048).ExportSubjectPublicKeyInfoPem(),
                PublicOf(Weak4096).ExportSubjectPublicKeyInfoPem(),
            }
        )
        {
            var mistakes = bench.Compile(WithKeys(Bench.Rsa.ExportPkcs8PrivateKeyPem(), pem));
            mistakes.All.Select(mistake => mistake.Path).ShouldBe(["Broker:Issuing:SigningKeys:k1:Key"], pem);
            mistakes.All[0].Message.ShouldContain("CVE-2017-15361");
        }

        bench
            .Compile(WithKeys(weak.ExportPkcs8PrivateKeyPem()))
            .All.Select(mistake => mistake.Path)
            .ShouldBe(["Broker:Issuing:SigningKeys:k0:Key"]);
        bench
            .Compile(WithKeys(Bench.Rsa.ExportPkcs8PrivateKeyPem(), Bench.IssuerRsa.ExportSubjectPublicKeyInfoPem()))
            .HasErrors.ShouldBeFalse();
    }

    [Fact]
    public void A_key_file_that_holds_a_weak_key_does_not_load_also_where_a_sound_one_stands_beside_it()
    {
        var weak = WeakPair.Value;
        var sound = Bench.IssuerRsa.ExportSubjectPublicKeyInfoPem() + "\n";
        var certificate = new CertificateRequest("CN=weak", weak, HashAlgorithmName.SHA256, RSASignaturePadding.Pkcs1)
            .CreateSelfSigned(DateTimeOffset.UtcNow.AddDays(-1), DateTimeOffset.UtcNow.AddDays(1))
            .ExportCertificatePem();
        foreach (
            var text in new[]
            {
                sound + weak.ExportSubjectPublicKeyInfoPem(),
                weak.ExportRSAPublicKeyPem(),
                sound + certificate,
                PublicOf(Weak2049).ExportSubjectPublicKeyInfoPem(),
                KeySet(Jwk(Bench.IssuerRsa, "sound"), Jwk(weak, "weak")),
                KeySet(Jwk(PublicOf(Weak2048), null)),
            }
        )
        {
            var mistakes = bench.Compile(WithKeyFile(text));
            mistakes.All.Select(mistake => mistake.Path).ShouldBe(["Broker:Issuers:corp:KeyFile"], text);
            mistakes.All[0].Message.ShouldContain("CVE-2017-15361");
            mistakes
                .All[0]
                .Message.Contains("'weak'", StringComparison.Ordinal)
                .ShouldBe(text.Contains("\"weak\"", StringComparison.Ordinal));
        }

        bench.Compile(WithKeyFile(sound)).HasErrors.ShouldBeFalse();
    }

    [Fact]
    public async Task A_weak_key_in_an_authoritys_key_set_verifies_nothing_is_told_in_the_log_and_the_others_serve()
    {
        await using var server = await Serve(KeySet(Jwk(WeakPair.Value, "weak"), Jwk(Bench.IssuerRsa, "sound")));
        var address = server.Urls.Single();
        var log = new Lines();
        using var client = new HttpClient();
        var authority = new Authority(address, allowInsecure: true, client, bench.Clock, log);
        (await authority.Newer(null, TestContext.Current.CancellationToken))
            .ShouldNotBeNull()
            .All.Select(key => key.Id)
            .ShouldBe(["sound"]);
        log.Texts.ShouldContain(line =>
            line.StartsWith("Warning 290 ", StringComparison.Ordinal)
            && line.Contains("with kid weak:", StringComparison.Ordinal)
            && line.Contains("CVE-2017-15361", StringComparison.Ordinal)
        );

        // The same from outside: a token that the weak key signed is nobody's.
        bench.Publish(
            Bench.With() with
            {
                Issuers = new Dictionary<string, IssuerOptions>
                {
                    ["corp"] = bench.Corp() with { KeyFile = null, Issuer = null, Authority = address, AllowInsecure = true },
                },
            }
        );
        (await Read("weak", WeakPair.Value)).Problem.ShouldBe(CredentialProblem.Invalid);
        (await Read("sound", Bench.IssuerRsa)).Caller.ShouldNotBeNull().Identity.ShouldBe("corp:alice");

        Task<CredentialResult> Read(string kid, RSA key) =>
            bench
                .ReadAsync(
                    CredentialKinds.Any,
                    (
                        "Authorization",
                        "Bearer "
                            + bench.CorpToken(
                                claims => claims["iss"] = address,
                                $$"""{"alg":"RS256","kid":"{{kid}}"}""",
                                input => key.SignData(input, HashAlgorithmName.SHA256, RSASignaturePadding.Pkcs1)
                            )
                    )
                )
                .AsTask();
    }

    [Fact]
    public async Task An_authority_with_weak_keys_alone_is_one_without_a_usable_key()
    {
        await using var server = await Serve(KeySet(Jwk(PublicOf(Weak2048), "weak")));
        var log = new Lines();
        using var client = new HttpClient();

        var authority = new Authority(server.Urls.Single(), allowInsecure: true, client, bench.Clock, log);

        (await authority.Newer(null, TestContext.Current.CancellationToken)).ShouldBeNull();
        log.Texts.Select(line => line[..line.IndexOf(' ', 8)]).ShouldBe(["Warning 290", "Warning 201"]);
    }

    private BrokerOptions WithKeyFile(string text) =>
        Bench.With() with
        {
            Issuers = new Dictionary<string, IssuerOptions> { ["corp"] = bench.Corp() with { KeyFile = bench.File(text) } },
        };

    private static BrokerOptions WithKeys(params string[] pems) =>
        Bench.With() with
        {
            Issuing = new()
            {
                SigningKeys = pems.Index()
                    .ToDictionary(
                        pem => $"k{pem.Index}",
                        pem => new SigningKeyOptions { Algorithm = SigningAlgorithm.RS256, Key = new("test", pem.Item) }
                    ),
            },
        };

    private static RSA PublicOf(string modulus)
    {
        var rsa = RSA.Create();
        rsa.ImportParameters(
            new() { Modulus = Convert.FromHexString(modulus.Length % 2 == 0 ? modulus : "0" + modulus), Exponent = [1, 0, 1] }
        );
        return rsa;
    }

    /// <summary>A key of 2048 bits with both primes as the flawed chips make them. Always the same one.</summary>
    private static RSA MakeWeakPair()
    {
        var random = new Random(2017);
        var product = Primes().Take(126).Aggregate(BigInteger.One, (all, prime) => all * prime);
        var (p, q) = (WeakPrime(random, product), WeakPrime(random, product));
        var (n, e) = (p * q, new BigInteger(65537));
        var d = Inverse(e, (p - 1) * (q - 1));
        var rsa = RSA.Create();
        rsa.ImportParameters(
            new()
            {
                Modulus = Bytes(n, 256),
                Exponent = [1, 0, 1],
                D = Bytes(d, 256),
                P = Bytes(p, 128),
                Q = Bytes(q, 128),
                DP = Bytes(d % (p - 1), 128),
                DQ = Bytes(d % (q - 1), 128),
                InverseQ = Bytes(Inverse(q, p), 128),
            }
        );
        return rsa;
    }

    private static BigInteger WeakPrime(Random random, BigInteger product)
    {
        var highest = BigInteger.Pow(2, 1024);
        var lowest = highest * 3 / 4; // so that two of them make 2048 bits
        while (true)
        {
            var power = BigInteger.ModPow(65537, random.NextInt64(), product);
            var factor = (lowest / product) + ((highest - lowest) / product * random.Next() / int.MaxValue);
            var candidate = (factor * product) + power;
            if (
                candidate > lowest
                && candidate < highest
                && candidate % 65537 != 1
                && BigInteger.ModPow(2, candidate - 1, candidate).IsOne
                && BigInteger.ModPow(3, candidate - 1, candidate).IsOne
            )
            {
                return candidate;
            }
        }
    }

    private static IEnumerable<int> Primes() =>
        Enumerable.Range(2, 1000).Where(number => Enumerable.Range(2, (int)Math.Sqrt(number) - 1).All(divisor => number % divisor != 0));

    private static BigInteger Inverse(BigInteger number, BigInteger modulus)
    {
        var (a, b, x, y) = (number, modulus, BigInteger.One, BigInteger.Zero);
        while (b > 0)
        {
            var quotient = a / b;
            (a, b, x, y) = (b, a - (quotient * b), y, x - (quotient * y));
        }

        return ((x % modulus) + modulus) % modulus;
    }

    private static byte[] Bytes(BigInteger number, int length)
    {
        var bytes = new byte[length];
        number.TryWriteBytes(bytes.AsSpan(length - number.GetByteCount(isUnsigned: true)), out _, isUnsigned: true, isBigEndian: true);
        return bytes;
    }

    private static string KeySet(params JsonNode[] keys) => new JsonObject { ["keys"] = new JsonArray(keys) }.ToJsonString();

    private static JsonObject Jwk(RSA key, string? kid)
    {
        static string Url(byte[] bytes) => System.Buffers.Text.Base64Url.EncodeToString(bytes);
        var p = key.ExportParameters(false);
        return new()
        {
            ["kty"] = "RSA",
            ["kid"] = kid,
            ["use"] = "sig",
            ["n"] = Url(p.Modulus!),
            ["e"] = Url(p.Exponent!),
        };
    }

    private static async Task<WebApplication> Serve(string keySet)
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.ConfigureKestrel(kestrel => kestrel.Listen(IPAddress.Loopback, 0));
        var server = builder.Build();
        server.Run(context =>
            context.Response.WriteAsync(
                context.Request.Path == "/jwks"
                    ? keySet
                    : new JsonObject { ["issuer"] = server.Urls.Single(), ["jwks_uri"] = server.Urls.Single() + "/jwks" }.ToJsonString()
            )
        );
        await server.StartAsync();
        return server;
    }

    /// <summary>Keeps what is logged, as level, number and text.</summary>
    private sealed class Lines : ILogger
    {
        public ConcurrentQueue<string> Texts { get; } = [];

        public IDisposable? BeginScope<TState>(TState state)
            where TState : notnull => null;

        public bool IsEnabled(LogLevel logLevel) => true;

        public void Log<TState>(
            LogLevel logLevel,
            EventId eventId,
            TState state,
            Exception? exception,
            Func<TState, Exception?, string> formatter
        ) => Texts.Enqueue($"{logLevel} {eventId.Id} {formatter(state, exception)}");
    }
}
