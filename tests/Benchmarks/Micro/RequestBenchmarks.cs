using BenchmarkDotNet.Attributes;
using Benchmarks.Load;
using Broker;
using Broker.Credentials;
using Broker.Forwarding;
using Broker.UpstreamTokens;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging.Abstractions;

namespace Benchmarks.Micro;

/// <summary>The steps of a request that are taken on each one.</summary>
[MemoryDiagnoser]
public class RequestBenchmarks : IDisposable
{
    private readonly BrokerConfig config = new("RS256");
    private readonly BrokerHost host;
    private readonly TokenCellRegistry vault = new(TimeProvider.System, NullLogger<TokenCellRegistry>.Instance);
    private readonly IHeaderDictionary headers = new HeaderDictionary();
    private readonly CredentialTable credentials;
    private readonly TokenCell cell;

    public RequestBenchmarks()
    {
        var anywhere = new Uri("http://127.0.0.1:9");
        var file = config.File("broker.json", anywhere, anywhere, logs: false);
        host = new([file], _ => null, NullLoggerFactory.Instance, TimeProvider.System);
        credentials = host.Loader.TryReload().Snapshot!.Part<CredentialTable>();
        headers.Authorization = "Bearer " + BrokerConfig.Token(file);
        credentials.Read(headers, CredentialKinds.Any, CancellationToken.None).AsTask().GetAwaiter().GetResult(); // remembered from here on
        cell = Cell();
        if (!HandOut() || !ReadRemembered() || LookAtPath() is not null)
        {
            throw new InvalidOperationException("What is to be measured does not work.");
        }
    }

    /// <summary>A fresh token of an account that is renewed.</summary>
    [Benchmark]
    public bool HandOut() => cell.TryGet(out _);

    /// <summary>A token of ours, verified before: its hash, its place, its end.</summary>
    [Benchmark]
    public bool ReadRemembered()
    {
        var read = credentials.Read(headers, CredentialKinds.Any, CancellationToken.None);
        return read.IsCompletedSuccessfully && read.Result.Caller is not null;
    }

    [Benchmark]
    public string? LookAtPath() => PathRule.Problem(BrokerConfig.Target);

    [GlobalCleanup]
    public void Dispose()
    {
        host.Dispose();
        vault.Dispose();
        config.Dispose();
        GC.SuppressFinalize(this);
    }

    private TokenCell Cell()
    {
        var name = vault.Names.Name("benchmark");
        var made = vault.Find(name, 1, () => new CellPlan
            {
                Upstream = "api",
                Account = "default",
                Source = new OneToken(),
                Times = new(
                    TimeSpan.FromMinutes(1),
                    TimeSpan.FromMinutes(1),
                    TimeSpan.FromSeconds(15),
                    TimeSpan.FromSeconds(2),
                    TimeSpan.FromMinutes(5),
                    TimeSpan.FromHours(12)
                ),
                Logins = [new() { Permit = 10, Per = TimeSpan.FromMinutes(1) }],
                Endpoint = name,
                Identity = name,
                Fingerprint = name,
                IsOnlyOne = false,
                RefreshTokenFile = null,
                Version = 1,
            });
        made.Get(CancellationToken.None).AsTask().GetAwaiter().GetResult();
        return made;
    }

    private sealed class OneToken : ITokenSource
    {
        public bool CanLogin => true;

        public bool Rotates => false;

        public string? FirstRefreshToken => null;

        public Task<TokenAnswer> Login(CancellationToken cancellation) =>
            Task.FromResult(TokenAnswer.Token(new string('t', 600), null, TimeSpan.FromHours(12)));

        public Task<TokenAnswer> Refresh(TokenPair pair, CancellationToken cancellation) => Login(cancellation);
    }
}
