using System.Net.Sockets;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using Broker.FunctionalTests.Forwarding;
using Shouldly;
using Xunit;

namespace Broker.FunctionalTests.Rights;

/// <summary>An upstream that switches protocols unasked: it would get a way to the caller on which nothing is decided any more.</summary>
public sealed class UnaskedUpgradeTests
{
    private const string Account =
        """{ "Match": { "Path": "/account/{**rest}" }, "Metadata": { "Action": "ManageUser", "Reach": "none", "Body": "any" } }""";
    private const string Public =
        """{ "Match": { "Path": "/public/{**rest}" }, "AuthorizationPolicy": "Anonymous", "Metadata": { "Body": "any" } }""";

    public static TheoryData<string, string, string> Unasked
    {
        get
        {
            var cases = new TheoryData<string, string, string>();
            foreach (var path in new[] { "/account/x", "/public/x" })
            {
                foreach (var method in new[] { "GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS" })
                {
                    foreach (
                        var upgrade in new[] { "", "Upgrade: h2c", "Upgrade: websocket, h2c", "Upgrade: SPDY/3.1", "Upgrade: TLS/1.0" }
                    )
                    {
                        cases.Add(path, method, upgrade);
                    }

                    if (method != "GET")
                    {
                        cases.Add(path, method, "Upgrade: websocket");
                    }
                }
            }

            return cases;
        }
    }

    [Theory]
    [MemberData(nameof(Unasked))]
    public async Task A_101_that_nobody_asked_for_is_502_and_nothing_follows_it(string path, string method, string upgrade)
    {
        await using var upstream = new ByteUpstream();
        await using var broker = await BrokerUnderTest.Start(Config(upstream), TestConfig.Environment);
        foreach (var answered in new[] { "h2c", "websocket", "TLS/1.0" })
        {
            (upstream.Answer, upstream.Afterwards) = (_ => Switching(answered), ReadOn);
            upstream.Requests.Clear();

            await ShouldBeClosed(broker, upstream, path, method, upgrade);
        }
    }

    [Fact]
    public async Task Nor_over_tls()
    {
        using var key = RSA.Create(2048);
        using var certificate = new CertificateRequest(
            "CN=upstream",
            key,
            HashAlgorithmName.SHA256,
            RSASignaturePadding.Pkcs1
        ).CreateSelfSigned(DateTimeOffset.UtcNow.AddDays(-1), DateTimeOffset.UtcNow.AddDays(1));
        await using var upstream = new ByteUpstream(certificate) { Answer = _ => Switching("h2c"), Afterwards = ReadOn };
        var config = TestConfig.With(upstream.Address, ("account", Account), ("public", Public));
        config["ReverseProxy"]!["Clusters"]!["api"]!["HttpClient"] = new System.Text.Json.Nodes.JsonObject
        {
            ["DangerousAcceptAnyServerCertificate"] = true,
        };
        await using var broker = await BrokerUnderTest.Start(config.ToJsonString(), TestConfig.Environment);

        await ShouldBeClosed(broker, upstream, "/account/x", "GET", "Upgrade: h2c");
    }

    [Theory]
    [InlineData("h2c")]
    [InlineData("websocket, h2c")]
    [InlineData("websocket/13")]
    [InlineData("")]
    public async Task A_websocket_that_was_asked_for_is_answered_by_a_websocket_only(string answered)
    {
        await using var upstream = new ByteUpstream { Answer = _ => Switching(answered), Afterwards = ReadOn };
        await using var broker = await BrokerUnderTest.Start(Config(upstream), TestConfig.Environment);

        await ShouldBeClosed(broker, upstream, "/account/x", "GET", "Upgrade: websocket");
    }

    [Fact]
    public async Task A_websocket_that_was_asked_for_and_given_is_joined()
    {
        await using var upstream = new ByteUpstream
        {
            Answer = _ => Switching("WebSocket"),
            Afterwards = (stream, over) => stream.WriteAsync("frames"u8.ToArray(), over).AsTask(),
        };
        await using var broker = await BrokerUnderTest.Start(Config(upstream), TestConfig.Environment);
        using var client = await Connect(broker);
        await client.GetStream().WriteAsync(Head("GET", "/account/x", "Upgrade: websocket"));

        (await RawHttp.Read(client.GetStream(), false, CancellationToken.None)).Status.ShouldBe(101);
        var frames = new byte[6];
        await client.GetStream().ReadExactlyAsync(frames);
        Encoding.ASCII.GetString(frames).ShouldBe("frames");
    }

    private static string Config(ByteUpstream upstream) =>
        TestConfig.With(upstream.Address, ("account", Account), ("public", Public)).ToJsonString();

    private static string Switching(string to) =>
        $"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\n{(to.Length > 0 ? $"Upgrade: {to}\r\n" : "")}\r\n";

    /// <summary>A tunnel would bring the caller's further bytes here; the connection's end ends this.</summary>
    private static async Task ReadOn(Stream stream, CancellationToken over)
    {
        var one = new byte[1];
        if (await stream.ReadAsync(one, over) > 0)
        {
            throw new IOException("The caller's bytes came through.");
        }
    }

    private static async Task<TcpClient> Connect(BrokerUnderTest broker)
    {
        var client = new TcpClient();
        await client.ConnectAsync(broker.Address.Host, broker.Address.Port);
        return client;
    }

    private static byte[] Head(string method, string path, string upgrade) =>
        Encoding.ASCII.GetBytes(
            $"{method} {path} HTTP/1.1\r\nHost: a.example\r\nX-Api-Key: {TestConfig.Key}\r\n"
                + (
                    upgrade.Length > 0
                        ? $"Connection: Upgrade\r\n{upgrade}\r\nSec-WebSocket-Key: "
                            + "dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n"
                        : ""
                )
                + (method is "POST" or "PUT" ? "Content-Length: 0\r\n" : "")
                + "\r\n"
        );

    private static async Task ShouldBeClosed(BrokerUnderTest broker, ByteUpstream upstream, string path, string method, string upgrade)
    {
        using var client = await Connect(broker);
        var stream = client.GetStream();
        await stream.WriteAsync(Head(method, path, upgrade));
        using var limit = new CancellationTokenSource(TimeSpan.FromSeconds(60));

        var answer = await RawHttp.Read(stream, method == "HEAD", limit.Token);

        (answer.Status, method == "HEAD" ? "upstream-unasked-upgrade" : answer.Code).ShouldBe(
            (502, "upstream-unasked-upgrade"),
            $"{path} {method} {upgrade}"
        );
        answer["Upgrade"].ShouldBeNull();

        // Another request on the connection is one of its own, or there is none.
        upstream.Answer = _ => "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
        upstream.Afterwards = (_, _) => Task.CompletedTask;
        try
        {
            await stream.WriteAsync(Encoding.ASCII.GetBytes("GET /account/secret HTTP/1.1\r\nHost: a.example\r\n\r\n"), limit.Token);
            var second = await RawHttp.Read(stream, false, limit.Token);
            (second.Status, second.Code).ShouldBe((401, "credential-missing"));
        }
        catch (Exception closed) when (closed is IOException)
        {
            // The connection is closed.
        }

        upstream.Requests.Count.ShouldBe(1);
    }
}
