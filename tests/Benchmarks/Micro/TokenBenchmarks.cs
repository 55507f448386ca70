using BenchmarkDotNet.Attributes;
using Benchmarks.Load;
using Broker;
using Broker.Configuration;
using Broker.Credentials;
using Broker.TokenService;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging.Abstractions;

namespace Benchmarks.Micro;

/// <summary>Tokens of our own: issued, verified anew, and verified before.</summary>
[MemoryDiagnoser]
public class TokenBenchmarks : IDisposable
{
    private readonly IHeaderDictionary headers = new HeaderDictionary();
    private readonly TokenIssuer issuer = new(TimeProvider.System);
    private BrokerConfig config = null!;
    private BrokerHost forgetful = null!;
    private BrokerHost remembering = null!;
    private Snapshot snapshot = null!;
    private CredentialTable anew = null!;
    private CredentialTable remembered = null!;

    [Params("HS256", "RS256", "ES256")]
    public string Algorithm { get; set; } = "";

    /// <summary>Tokens that were ended and have not run out yet.</summary>
    [Params(0, 10_000)]
    public int Revoked { get; set; }

    [GlobalSetup]
    public void Start()
    {
        config = new(Algorithm);
        var anywhere = new Uri("http://127.0.0.1:9");
        var file = config.File("broker.json", anywhere, anywhere, logs: false);
        headers.Authorization = "Bearer " + BrokerConfig.Token(file);
        (remembering, var table) = Load(file);
        remembered = table.Part<CredentialTable>();
        (forgetful, snapshot) = Load(
            config.File("forgetful.json", anywhere, anywhere, logs: false, more: "\"Limits\": { \"RememberedCredentials\": 0 },")
        );
        anew = snapshot.Part<CredentialTable>();
        foreach (var host in new[] { remembering, forgetful })
        {
            for (var i = 0; i < Revoked; i++)
            {
                host.Revocations.Revoke(TokenIssuer.NewId(), TimeProvider.System.GetUtcNow().AddHours(1), CancellationToken.None)
                    .AsTask()
                    .GetAwaiter()
                    .GetResult();
            }
        }

        if (!VerifyAnew() || !VerifyAnew() || !VerifyRemembered() || !VerifyRemembered())
        {
            throw new InvalidOperationException("What is to be measured does not work.");
        }
    }

    [Benchmark]
    public string Issue() => issuer.Issue(snapshot, BrokerConfig.CallerName, null, null);

    [Benchmark]
    public bool VerifyAnew() => Reads(anew);

    [Benchmark]
    public bool VerifyRemembered() => Reads(remembered);

    [GlobalCleanup]
    public void Dispose()
    {
        forgetful?.Dispose();
        remembering?.Dispose();
        config?.Dispose();
        GC.SuppressFinalize(this);
    }

    private bool Reads(CredentialTable table)
    {
        var read = table.Read(headers, CredentialKinds.Any, CancellationToken.None);
        return read.IsCompletedSuccessfully && read.Result.Caller is not null;
    }

    private static (BrokerHost Host, Snapshot Snapshot) Load(string file)
    {
        var host = new BrokerHost([file], _ => null, NullLoggerFactory.Instance, TimeProvider.System);
        var loaded = host.Loader.TryReload();
        return (host, loaded.Snapshot ?? throw new InvalidOperationException(string.Join('\n', loaded.ConfigErrors.All)));
    }
}
