using System.Buffers.Text;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json.Nodes;
using Broker.Configuration;
using Broker.Credentials;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Identity;
using Microsoft.Extensions.Primitives;
using Microsoft.Extensions.Time.Testing;
using Policies;

namespace Broker.Tests.Credentials;

/// <summary>A compiler and the snapshots it compiled, as the broker would publish them.</summary>
internal sealed class Bench : IDisposable
{
    public static readonly byte[] Secret = [.. Enumerable.Range(1, 32).Select(i => (byte)(i * 7))];
    public static readonly RSA Rsa = RSA.Create(2048);
    public static readonly ECDsa Ec = ECDsa.Create(ECCurve.NamedCurves.nistP256);
    public static readonly RSA IssuerRsa = RSA.Create(2048);
    public static readonly ECDsa IssuerEc = ECDsa.Create(ECCurve.NamedCurves.nistP256);

    private readonly CredentialCompiler compiler;
    private readonly List<string> files = [];
    private long version;

    public Bench(
        IPasswordHasher<CallerOptions>? hasher = null,
        TimeProvider? time = null,
        IRevocations? revocations = null,
        UpstreamUserSessions? users = null
    )
    {
        Revocations = revocations ?? new LocalRevocations(time ?? Clock);
        Users = users ?? new UpstreamUserSessions(time ?? Clock);
        compiler = new(Store, time ?? Clock, new LineLog(Lines), hasher ?? new PasswordHasher<CallerOptions>(), Revocations, users: Users);
    }

    public IRevocations Revocations { get; }

    /// <summary>What was logged from Information upwards.</summary>
    public List<string> Lines { get; } = [];

    public UpstreamUserSessions Users { get; }

    public FakeTimeProvider Clock { get; } = new(new(2026, 11, 22, 12, 0, 0, TimeSpan.Zero));

    public SnapshotStore Store { get; } = new();

    public CredentialTable Table => Store.Current.Part<CredentialTable>();

    public static CallerOptions Wide { get; } =
        new()
        {
            Actions = ["*"],
            Networks = ["*"],
            DeviceTypes = ["*"],
            Devices = ["*"],
            UserId = 17,
        };

    public static IssuingOptions Issuing { get; } =
        new()
        {
            SigningKeys = new Dictionary<string, SigningKeyOptions>
            {
                ["h"] = new() { Algorithm = SigningAlgorithm.HS256, Key = new("test", Convert.ToBase64String(Secret)) },
                ["r"] = new() { Algorithm = SigningAlgorithm.RS256, Key = new("test", Rsa.ExportPkcs8PrivateKeyPem()) },
                ["e"] = new() { Algorithm = SigningAlgorithm.ES256, Key = new("test", Ec.ExportPkcs8PrivateKeyPem()) },
            },
        };

    public IssuerOptions Corp() =>
        new()
        {
            Issuer = "https://corp.example",
            KeyFile = File(IssuerRsa.ExportSubjectPublicKeyInfoPem() + "\n" + IssuerEc.ExportSubjectPublicKeyInfoPem()),
            Audiences = ["broker"],
            Actions = new()
            {
                Claim = "roles",
                Map = new Dictionary<string, IReadOnlyList<string>> { ["reader"] = ["GetDevice"], ["boss"] = ["*"] },
            },
            Networks = new() { Claim = "nets" },
            DeviceTypes = new() { Const = ["*"] },
            Devices = new() { Claim = "devs" },
        };

    public string File(string text)
    {
        var path = Path.GetTempFileName();
        System.IO.File.WriteAllText(path, text);
        files.Add(path);
        return path;
    }

    public ConfigErrors Compile(BrokerOptions options, bool publish = true)
    {
        var mistakes = new ConfigErrors();
        var snapshot = new Snapshot
        {
            Version = ++version,
            Broker = options,
            ReverseProxy = [],
            Kestrel = [],
            Serilog = [],
            Actions = new ActionNames(options.Actions.ToDictionary(a => a.Key, a => a.Value.Number), []),
        };
        compiler.Compile(snapshot, mistakes);
        if (publish && !mistakes.HasErrors)
        {
            Store.Publish(snapshot);
        }

        return mistakes;
    }

    public static BrokerOptions With(params (string Name, CallerOptions Options)[] callers) =>
        new() { Callers = callers.ToDictionary(c => c.Name, c => c.Options), Issuing = Issuing };

    public Bench Publish(BrokerOptions options)
    {
        var mistakes = Compile(options);
        return mistakes.HasErrors ? throw new InvalidOperationException(string.Join("\n", mistakes.All)) : this;
    }

    public CredentialResult Read(params (string Name, string Value)[] headers) => Read(CredentialKinds.Any, headers);

    public CredentialResult Read(CredentialKinds accepted, params (string Name, string Value)[] headers)
    {
        var read = ReadAsync(accepted, headers);
        return read.IsCompleted ? read.Result : throw new InvalidOperationException("Not read at once.");
    }

    public ValueTask<CredentialResult> ReadAsync(CredentialKinds accepted, params (string Name, string Value)[] headers)
    {
        // As Kestrel has them: an empty header is there.
        var all = new Dictionary<string, StringValues>(StringComparer.OrdinalIgnoreCase);
        foreach (var (name, value) in headers)
        {
            all[name] = all.TryGetValue(name, out var before) ? new StringValues([.. before, value]) : new StringValues(value);
        }

        return Table.Read(new HeaderDictionary(all), accepted, CancellationToken.None);
    }

    public CredentialResult ReadAtOnce(IHeaderDictionary headers)
    {
        var read = Table.Read(headers, CredentialKinds.Any, CancellationToken.None);
        return read.IsCompletedSuccessfully ? read.Result : throw new InvalidOperationException("Not read at once.");
    }

    public CredentialResult Bearer(string token) => Read(("Authorization", "Bearer " + token));

    public static string Basic(string user, string password) =>
        "Basic " + Convert.ToBase64String(Encoding.UTF8.GetBytes($"{user}:{password}"));

    public static string Encode(string text) => Base64Url.EncodeToString(Encoding.UTF8.GetBytes(text));

    public static string Sign(string header, string payload, Func<byte[], byte[]> sign)
    {
        var input = $"{Encode(header)}.{Encode(payload)}";
        return $"{input}.{Base64Url.EncodeToString(sign(Encoding.ASCII.GetBytes(input)))}";
    }

    public static byte[] Hs(byte[] input) => HMACSHA256.HashData(Secret, input);

    public static byte[] Rs(byte[] input) => Rsa.SignData(input, HashAlgorithmName.SHA256, RSASignaturePadding.Pkcs1);

    public static byte[] Es(byte[] input) => Ec.SignData(input, HashAlgorithmName.SHA256);

    public static byte[] CorpRs(byte[] input) => IssuerRsa.SignData(input, HashAlgorithmName.SHA256, RSASignaturePadding.Pkcs1);

    public static byte[] CorpEs(byte[] input) => IssuerEc.SignData(input, HashAlgorithmName.SHA256);

    public const string HsHeader = """{"alg":"HS256","kid":"h","typ":"at+jwt"}""";

    /// <summary>The claims of a good token of ours for 'app', to be changed.</summary>
    public JsonObject Claims(Action<JsonObject>? change = null)
    {
        var now = Clock.GetUtcNow().ToUnixTimeSeconds();
        var claims = new JsonObject
        {
            ["iss"] = "broker",
            ["sub"] = "key:app",
            ["aud"] = "broker",
            ["iat"] = now,
            ["exp"] = now + 600,
            ["jti"] = "1",
            ["payload"] = new JsonObject
            {
                ["u"] = 17,
                ["a"] = new JsonArray(3),
                ["n"] = new JsonArray("1", "2"),
                ["dt"] = new JsonArray("*"),
                ["d"] = new JsonArray("*"),
                ["e"] = (now + 600) * 1000,
                ["t"] = 1,
            },
        };
        change?.Invoke(claims);
        return claims;
    }

    public string Token(Action<JsonObject>? change = null, string header = HsHeader) => Sign(header, Claims(change).ToJsonString(), Hs);

    /// <summary>The claims of a good token of corp's for alice, to be changed.</summary>
    public JsonObject CorpClaims(Action<JsonObject>? change = null)
    {
        var now = Clock.GetUtcNow().ToUnixTimeSeconds();
        var claims = new JsonObject
        {
            ["iss"] = "https://corp.example",
            ["sub"] = "alice",
            ["aud"] = "broker",
            ["iat"] = now,
            ["exp"] = now + 600,
            ["roles"] = new JsonArray("reader", "unknown"),
            ["nets"] = "7 8",
            ["devs"] = new JsonArray("a", 5),
        };
        change?.Invoke(claims);
        return claims;
    }

    public string CorpToken(
        Action<JsonObject>? change = null,
        string header = """{"alg":"RS256","typ":"JWT"}""",
        Func<byte[], byte[]>? sign = null
    ) => Sign(header, CorpClaims(change).ToJsonString(), sign ?? CorpRs);

    public void Dispose()
    {
        compiler.Dispose();
        files.ForEach(System.IO.File.Delete);
    }
}
