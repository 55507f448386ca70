using System.Net;
using System.Text;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;

namespace Simulators;

/// <summary>A strict stand-in for one upstream system, listening on a real socket of this machine.</summary>
public abstract class Simulator : IAsyncDisposable
{
    private static readonly object WireMethod = new();
    private readonly CancellationTokenSource _closing = new();
    private WebApplication? _application;

    private protected Simulator(SimulatorOptions options)
    {
        Options = options;
        Issued = new IssuedTokens(options.Time);
    }

    /// <summary>Where it listens; all hosts of the vendor are this one.</summary>
    public Uri Address { get; private set; } = new("http://127.0.0.1:0");

    /// <summary>Every request it received, but those to its control plane.</summary>
    public ReceivedRequests Received { get; } = new();

    /// <summary>What it does wrong on purpose.</summary>
    public Faults Faults { get; } = new();

    /// <summary>How many logins were tried.</summary>
    public int Logins => Counters.Asked(TokenCall.Login);

    /// <summary>How many logins led to a token, answered or lost.</summary>
    public int LoginsGranted => Counters.Granted(TokenCall.Login);

    /// <summary>How many refreshes were tried.</summary>
    public int Refreshes => Counters.Asked(TokenCall.Refresh);

    /// <summary>How many refreshes led to a token, answered or lost.</summary>
    public int RefreshesGranted => Counters.Granted(TokenCall.Refresh);

    /// <summary>How many access tokens would be accepted now.</summary>
    public int LiveTokens => Issued.Live;

    /// <summary>Until when this access token is accepted; null when it is not.</summary>
    public DateTimeOffset? AcceptedUntil(string accessToken) =>
        Issued.Find(accessToken) is (TokenState.Live, { } token) ? token.Expires : null;

    internal TokenCounters Counters { get; } = new();

    private protected SimulatorOptions Options { get; }

    private protected IssuedTokens Issued { get; }

    private protected DateTimeOffset Now => Options.Time.GetUtcNow();

    /// <summary>All access tokens issued so far are refused from now on.</summary>
    public void RevokeAccessTokens() => Issued.EndAll(TokenState.Revoked);

    /// <summary>All access tokens issued so far are expired from now on.</summary>
    public void ExpireAccessTokens() => Issued.EndAll(TokenState.Expired);

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        GC.SuppressFinalize(this);
        if (Interlocked.Exchange(ref _application, null) is not { } application)
        {
            return;
        }
        await _closing.CancelAsync();

        // Real time: a clock moved by hand would never end it.
        using var patience = new CancellationTokenSource(TimeSpan.FromSeconds(1), TimeProvider.System);
        await application.StopAsync(patience.Token);
        await application.DisposeAsync();
        _closing.Dispose();
    }

    /// <summary>Paths that differ in case are different paths.</summary>
    internal virtual bool IsCaseSensitive => false;

    /// <summary>The vendor's 401.</summary>
    internal abstract Answer Unauthorized(Call call);

    internal async Task WaitAsync(TimeSpan time, Call call)
    {
        if (time != TimeSpan.Zero)
        {
            using var until = Until(call);
            await Task.Delay(time, Options.Time, until.Token);
        }
    }

    private protected abstract void Map(Routes routes);

    /// <summary>What is done to a request before it is routed.</summary>
    private protected virtual void Prepare(HttpRequest request) { }

    private protected CancellationTokenSource Until(Call call) =>
        CancellationTokenSource.CreateLinkedTokenSource(call.Context.RequestAborted, _closing.Token);

    private protected static async Task<T> OpenAsync<T>(T simulator)
        where T : Simulator
    {
        await simulator.ListenAsync();
        return simulator;
    }

    private async Task ListenAsync()
    {
        // The empty builder reads no file and no environment: the broker's own Kestrel settings must not reach it.
        var builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions());
        builder.Services.AddRoutingCore();
        builder.Services.AddSingleton<IHostLifetime, NoSignals>();
        builder.WebHost.UseKestrelCore().ConfigureKestrel(Listen);
        if (Options.Certificate is not null)
        {
            builder.WebHost.UseKestrelHttpsConfiguration();
        }
        _application = builder.Build();
        _application.Use(
            (context, next) =>
            {
                context.Items[WireMethod] = context.Request.Method;
                Prepare(context.Request);
                return next(context);
            }
        );
        _application.UseRouting();
        _application.Use(RecordAsync);
        _application.UseWebSockets();
        Map(new Routes(_application, this));
        ControlPlane.Map(_application, this);
        await _application.StartAsync();
        Address = new Uri(_application.Urls.Single());
    }

    private void Listen(KestrelServerOptions kestrel)
    {
        kestrel.AddServerHeader = false;
        kestrel.Limits.MaxRequestBodySize = null;
        kestrel.Limits.MinRequestBodyDataRate = null;
        kestrel.Limits.MinResponseDataRate = null;
        kestrel.Listen(Options.Host, Options.Port, listener =>
        {
            listener.Protocols = HttpProtocols.Http1;
            if (Options.Certificate is { } certificate)
            {
                listener.Protocols = HttpProtocols.Http1AndHttp2;
                listener.UseHttps(certificate);
            }
        });
    }

    private async Task RecordAsync(HttpContext context, RequestDelegate next)
    {
        if (!context.Request.Path.StartsWithSegments(ControlPlane.Prefix, StringComparison.Ordinal))
        {
            var traits = context.GetEndpoint()?.Metadata.GetMetadata<RouteTraits>();
            var body = traits?.Streams == true ? "" : await ReadBodyAsync(context.Request);
            var target = context.Features.GetRequiredFeature<IHttpRequestFeature>().RawTarget;
            var headers = context.Request.Headers.ToDictionary(
                header => header.Key,
                header => header.Value.Select(value => value ?? "").ToArray(),
                StringComparer.OrdinalIgnoreCase
            );
            Received.Add(
                new(Now, traits?.Kind ?? RequestKind.Data, (string)context.Items[WireMethod]!, target, headers, body)
                {
                    RemotePort = context.Connection.RemotePort,
                }
            );
            context.Features.Set(new Call(context, body));
        }
        await next(context);
    }

    private static async Task<string> ReadBodyAsync(HttpRequest request)
    {
        using var reader = new StreamReader(request.Body, Encoding.UTF8, detectEncodingFromByteOrderMarks: false);
        return await reader.ReadToEndAsync(request.HttpContext.RequestAborted);
    }

    /// <summary>A host lifetime that leaves the process's signals alone.</summary>
    private sealed class NoSignals : IHostLifetime
    {
        public Task WaitForStartAsync(CancellationToken cancellationToken) => Task.CompletedTask;

        public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;
    }
}
