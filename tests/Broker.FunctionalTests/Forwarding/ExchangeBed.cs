using System.Net;
using System.Net.Http.Headers;
using System.Net.WebSockets;
using System.Text;
using System.Text.Json.Nodes;
using Broker.Credentials;
using Broker.FunctionalTests.TokenService;
using Broker.TokenService;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Shouldly;
using Simulators;

namespace Broker.FunctionalTests.Forwarding;

/// <summary>
/// A broker with a token service before an upstream whose answers never end, and a caller that opens one exchange of each kind.
/// </summary>
internal sealed class ExchangeBed : IAsyncDisposable
{
    /// <summary>Each kind of exchange by the caller's protocol; the paths of the upstream are named after them.</summary>
    // csharpier-ignore
    public static readonly string[] Kinds =
    [
        "socket-h1", "socket-h2", "events-h1", "events-h2", "grpc-h2", "download-h1", "download-h2", "chunks-h1", "upload-h1",
        "upload-h2", "poll-h1", "poll-h2",
    ];

    private readonly EchoUpstream upstream;
    private readonly TaskCompletionSource opened = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly TaskCompletionSource cutAtUpstream = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly string kind;
    private readonly Action<JsonObject>? change;

    private ExchangeBed(EchoUpstream upstream, BrokerUnderTest broker, string kind, Action<JsonObject>? change)
    {
        (this.upstream, Broker, this.kind, this.change) = (upstream, broker, kind, change);
        upstream.ReadsBody = false;
        upstream.Answer = Serve;
        Client = new(new SocketsHttpHandler { UseProxy = false }) { BaseAddress = broker.Address, Timeout = TimeSpan.FromSeconds(60) };
    }

    public BrokerUnderTest Broker { get; }

    public EchoUpstream Upstream => upstream;

    public HttpClient Client { get; }

    /// <summary>The upstream sees that its side was given up.</summary>
    public Task CutAtUpstream => cutAtUpstream.Task;

    /// <summary>Lets the upstream finish its answer.</summary>
    public TaskCompletionSource Finish { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);

    /// <summary>What the upstream writes in a WebSocket; the default is one whole message.</summary>
    public Func<WebSocket, Task> Talk { get; set; } =
        socket => socket.SendAsync("hello"u8.ToArray(), WebSocketMessageType.Text, true, default);

    /// <summary>How many messages the upstream's WebSocket got.</summary>
    public int Heard { get; private set; }

    /// <summary>The subprotocol that the upstream chooses.</summary>
    public string? Protocol { get; set; }

    private Version Version => kind.EndsWith("h2", StringComparison.Ordinal) ? HttpVersion.Version20 : HttpVersion.Version11;

    private string Path => "/open/" + kind[..^3];

    public static async Task<ExchangeBed> Start(string kind, Action<JsonObject>? change = null)
    {
        var isGrpc = kind.StartsWith("grpc", StringComparison.Ordinal);
        var upstream = await EchoUpstream.Start(isGrpc ? HttpProtocols.Http2 : HttpProtocols.Http1);
        var broker = await BrokerUnderTest.Start(
            Config(upstream, kind, change).ToJsonString(),
            [
                .. TestConfig.Environment,
                ("SIGNING", Key("a signing key of forty bytes and no less")),
                ("OTHER", Key("another signing key of forty bytes or so")),
                ("HASH", TokenBed.Hash),
                ("OTHER_HASH", TokenBed.HashOf("another password")),
                ("DEVICEHIVE", DeviceHiveSimulator.AdminPassword),
                ("REDIS_NAMES", "a name key of the tests, long enough"),
                ("REDIS_KEY", Convert.ToBase64String(new byte[32])),
            ]
        );
        return new(upstream, broker, kind, change);
    }

    /// <summary>Loads the config with one more change.</summary>
    public async Task Reload(Action<JsonObject> further)
    {
        var config = Config(upstream, kind, change);
        further(config);
        var loaded = await Broker.Reload(config.ToJsonString());
        if (loaded.Snapshot is null)
        {
            throw new InvalidOperationException(string.Join('\n', loaded.ConfigErrors.All));
        }
    }

    /// <summary>
    /// Opens the exchange, and comes back once the upstream is in the middle of it. The result tells later how it ended for the caller.
    /// </summary>
    public async Task<Task<string>> Open(string credential, Action<ClientWebSocketOptions>? options = null)
    {
        var end = kind.StartsWith("socket", StringComparison.Ordinal) ? await OpenSocket(credential, options) : Exchange(credential);
        var first = await Task.WhenAny(opened.Task, end).WaitAsync(TimeSpan.FromSeconds(60));
        return first == end ? throw new InvalidOperationException("It did not open: " + await end) : end;
    }

    public async Task<HttpResponseMessage> Send(HttpMethod method, string path, string? credential, HttpContent? content = null)
    {
        using var request = new HttpRequestMessage(method, path)
        {
            Content = content,
            Version = Version,
            VersionPolicy = HttpVersionPolicy.RequestVersionExact,
        };
        Authorize(credential, (name, value) => request.Headers.TryAddWithoutValidation(name, value));
        if (kind.StartsWith("grpc", StringComparison.Ordinal) && content is not null && path == Path)
        {
            content.Headers.ContentType = new("application/grpc");
        }

        return await Client.SendAsync(request, HttpCompletionOption.ResponseHeadersRead);
    }

    public async Task<string> Post(string path, string body, string? credential = null, string type = "application/x-www-form-urlencoded")
    {
        using var answer = await Send(
            HttpMethod.Post,
            path,
            credential,
            new StringContent(body, Encoding.UTF8, MediaTypeHeaderValue.Parse(type))
        );
        var text = await answer.Content.ReadAsStringAsync();
        return (int)answer.StatusCode is 200 or 201 ? text : throw new InvalidOperationException($"{answer.StatusCode} {text}");
    }

    /// <summary>An access token and its refresh token.</summary>
    public async Task<(string Access, string Refresh)> LogIn(string name, string password = TokenBed.Password)
    {
        var pair = JsonNode.Parse(await Post("/token", $$"""{"login":"{{name}}","password":"{{password}}"}""", type: "application/json"))!;
        return (pair["accessToken"]!.GetValue<string>(), pair["refreshToken"]!.GetValue<string>());
    }

    /// <summary>The same token with another end.</summary>
    public string Ending(string token, TimeSpan after) =>
        TokenIssuer.Sign(
            TokenClaims.Read(TokenBed.Claims(token))! with
            {
                End = DateTimeOffset.UtcNow + after,
            },
            Broker.Snapshots.Current.Part<CredentialTable>().Keys!
        );

    public async Task<ClientWebSocket> Connect(string credential, Action<ClientWebSocketOptions>? options = null, string query = "")
    {
        var socket = new ClientWebSocket();
        Authorize(credential, socket.Options.SetRequestHeader);
        (socket.Options.HttpVersion, socket.Options.HttpVersionPolicy) = (Version, HttpVersionPolicy.RequestVersionExact);
        socket.Options.CollectHttpResponseDetails = true;
        options?.Invoke(socket.Options);
        await socket.ConnectAsync(new($"ws://{Broker.Address.Authority}{Path}{query}"), Client, CancellationToken.None);
        return socket;
    }

    /// <summary>Fails unless both sides see the end within a second of then. Time in which the process got no turn is left out.</summary>
    public async Task<string> EndsWithinASecond(Task<string> end, Lateness lateness, DateTimeOffset from)
    {
        await Task.WhenAll(end, CutAtUpstream).WaitAsync(TimeSpan.FromSeconds(60));
        var took = DateTimeOffset.UtcNow - from;
        (took - await lateness.Stop()).ShouldBeLessThan(TimeSpan.FromSeconds(1), $"it took {took}");
        return await end;
    }

    public async ValueTask DisposeAsync()
    {
        Finish.TrySetResult();
        Client.Dispose();
        await Broker.DisposeAsync();
        await upstream.DisposeAsync();
    }

    private static JsonObject Config(EchoUpstream upstream, string kind, Action<JsonObject>? change)
    {
        var config = TokenBed.Config(upstream.Address);
        var routes = config["ReverseProxy"]!["Routes"]!.AsObject();
        routes["open"] = JsonNode.Parse(
            """
            { "ClusterId": "api", "Match": { "Path": "/open/{kind}" },
              "Metadata": { "Action": "GetCurrentUser", "Reach": "none", "Body": "any" } }
            """
        );
        routes.Remove("all");
        if (kind.EndsWith("h2", StringComparison.Ordinal))
        {
            config["Kestrel"] = JsonNode.Parse("""{ "Endpoints": { "public": { "Url": "http://127.0.0.1:0", "Protocols": "Http2" } } }""");
        }

        if (kind.StartsWith("grpc", StringComparison.Ordinal))
        {
            config["ReverseProxy"]!["Clusters"]!["api"]!["HttpRequest"] = JsonNode.Parse(
                """{ "Version": "2", "VersionPolicy": "RequestVersionExact" }"""
            );
        }

        change?.Invoke(config);
        return config;
    }

    private async Task<Task<string>> OpenSocket(string credential, Action<ClientWebSocketOptions>? options)
    {
        var socket = await Connect(credential, options);
        return Listen(socket);
    }

    private static async Task<string> Listen(ClientWebSocket socket)
    {
        using (socket)
        {
            try
            {
                var buffer = new byte[1 << 16];
                while (true)
                {
                    var read = await socket.ReceiveAsync(buffer, default).WaitAsync(TimeSpan.FromSeconds(60));
                    if (read.MessageType == WebSocketMessageType.Close)
                    {
                        await socket.CloseOutputAsync(WebSocketCloseStatus.NormalClosure, null, default);
                        return $"closed {(int)read.CloseStatus!} {read.CloseStatusDescription}";
                    }
                }
            }
            catch (WebSocketException)
            {
                return "cut";
            }
        }
    }

    private async Task<string> Exchange(string credential)
    {
        var sends = kind.StartsWith("upload", StringComparison.Ordinal);
        try
        {
            using var answer = await Send(sends ? HttpMethod.Post : HttpMethod.Get, Path, credential, sends ? new Drip(Finish.Task) : null);
            if (!answer.IsSuccessStatusCode)
            {
                return $"{(int)answer.StatusCode} {await answer.Content.ReadAsStringAsync()}";
            }

            await (await answer.Content.ReadAsStreamAsync()).CopyToAsync(Stream.Null).WaitAsync(TimeSpan.FromSeconds(60));
            return "whole";
        }
        catch (Exception failure) when (failure is HttpRequestException or IOException)
        {
            return "cut";
        }
    }

    private async Task Serve(HttpContext context)
    {
        try
        {
            await Answer(context);
            if (context.RequestAborted.IsCancellationRequested)
            {
                cutAtUpstream.TrySetResult();
            }
        }
        catch (Exception)
        {
            cutAtUpstream.TrySetResult();
        }
    }

    private async Task Answer(HttpContext context)
    {
        var what = context.Request.Path.Value!.Split('/')[^1];
        switch (what)
        {
            case "socket":
                using (var socket = await context.WebSockets.AcceptWebSocketAsync(Protocol))
                {
                    await Talk(socket);
                    opened.TrySetResult();
                    while ((await socket.ReceiveAsync(new byte[1000], default)).MessageType != WebSocketMessageType.Close)
                    {
                        Heard++;
                    }

                    await socket.CloseOutputAsync(WebSocketCloseStatus.NormalClosure, null, default);
                }

                return;
            case "upload":
                var buffer = new byte[1000];
                while (await context.Request.Body.ReadAsync(buffer) > 0)
                {
                    opened.TrySetResult();
                }

                await context.Response.WriteAsync("all of it");
                return;
            case "refused":
                context.Response.StatusCode = 401;
                return;
            case "poll":
                opened.TrySetResult();
                await Finish.Task.WaitAsync(context.RequestAborted);
                await context.Response.WriteAsync("[]");
                return;
            default:
                context.Response.ContentType = what switch
                {
                    "events" => "text/event-stream",
                    "grpc" => "application/grpc",
                    _ => "application/octet-stream",
                };
                context.Response.ContentLength = what == "download" ? 20 : null;
                await context.Response.Body.WriteAsync("data: one\n"u8.ToArray());
                await context.Response.Body.FlushAsync();
                opened.TrySetResult();
                await Finish.Task.WaitAsync(context.RequestAborted);
                await context.Response.Body.WriteAsync("data: two\n"u8.ToArray());
                return;
        }
    }

    private static void Authorize(string? credential, Action<string, string?> set)
    {
        if (credential?.StartsWith("key:", StringComparison.Ordinal) == true)
        {
            set("X-Api-Key", credential[4..]);
        }
        else if (credential?.StartsWith("Basic ", StringComparison.Ordinal) == true)
        {
            set("Authorization", credential);
        }
        else if (!string.IsNullOrEmpty(credential))
        {
            set("Authorization", "Bearer " + credential);
        }
    }

    private static string Key(string text) => Convert.ToBase64String(Encoding.UTF8.GetBytes(text));

    /// <summary>A body that goes on until it is told to end.</summary>
    private sealed class Drip(Task end) : HttpContent
    {
        protected override async Task SerializeToStreamAsync(Stream stream, TransportContext? context)
        {
            do
            {
                await stream.WriteAsync("more "u8.ToArray());
                await stream.FlushAsync();
                await Task.WhenAny(end, Task.Delay(20));
            } while (!end.IsCompleted);
        }

        protected override bool TryComputeLength(out long length)
        {
            length = 0;
            return false;
        }
    }
}
