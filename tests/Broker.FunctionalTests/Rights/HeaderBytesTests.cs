using System.Net;
using System.Text;
using System.Text.Json.Nodes;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Shouldly;
using Xunit;

namespace Broker.FunctionalTests.Rights;

/// <summary>The bytes of header values cross as they are, both ways, and nobody's bytes mark an upstream as unhealthy.</summary>
public sealed class HeaderBytesTests
{
    // As bytes: UTF-8, Latin-1, Windows-1252, and every byte that is no control character of ASCII's.
    private static readonly string[] Values =
    [
        Latin("B\u00f6se/1.0"),
        "B\u00f6se/1.0",
        "\u0080\u0085\u009f",
        Latin("\u4f60\u597d \U0001f600"),
        string.Concat(Enumerable.Range(0x80, 0x80).Select(code => (char)code)),
        "\u00c3(",
        "\u00a0x\u00ff",
    ];

    public static TheoryData<string> All => [.. Values];

    [Theory]
    [MemberData(nameof(All))]
    public async Task A_header_of_the_callers_crosses_byte_for_byte(string value)
    {
        await using var upstream = new RawUpstream();
        await using var broker = await Start(upstream.Address);

        foreach (var name in new[] { "User-Agent", "X-Other", "Accept", "Referer" })
        {
            (await Ask(broker, $"{name}: a{value}b")).Status.ShouldBe(200);
            upstream.Heads.Last().ShouldContain($"{name}: a{value}b\r\n");
        }

        (
            await RawHttp.Send(
                broker.Address,
                $"POST /x HTTP/1.1\r\nHost: b\r\nX-Api-Key: {Stage.All}\r\nContent-Type: text/plain; "
                    + $"x=\"{value}\"\r\nContent-Length: 0\r\n\r\n"
            )
        ).Status.ShouldBe(200);
        upstream.Heads.Last().ShouldContain($"Content-Type: text/plain; x=\"{value}\"\r\n");
    }

    [Theory]
    [MemberData(nameof(All))]
    public async Task A_header_of_the_upstreams_crosses_byte_for_byte(string value)
    {
        await using var upstream = new RawUpstream
        {
            Answer =
                $"HTTP/1.1 200 OK\r\nContent-Disposition: attachment; filename=\"{value}.pdf\"\r\nX-Other: {value}\r\nServer: "
                + $"x{value}\r\nContent-Type: text/plain; x=\"{value}\"\r\nContent-Length: 2\r\n\r\nok",
        };
        await using var broker = await Start(upstream.Address);

        var answer = await Ask(broker);

        (answer.Status, answer.Body).ShouldBe((200, "ok"));
        answer["Content-Disposition"].ShouldBe($"attachment; filename=\"{value}.pdf\"");
        (answer["X-Other"], answer["Server"], answer["Content-Type"]).ShouldBe(
            (value.Trim(' '), $"x{value}", $"text/plain; x=\"{value}\"")
        );
    }

    [Theory]
    [MemberData(nameof(All))]
    public async Task Over_http2_too(string value)
    {
        await using var upstream = await EchoUpstream.Start(HttpProtocols.Http2, latin1: true);
        upstream.Answer = context =>
        {
            context.Response.Headers["X-Back"] = value;
            return Task.CompletedTask;
        };
        await using var broker = await Start(upstream.Address, config =>
        {
            config["ReverseProxy"]!["Clusters"]!["api"]!["HttpRequest"] = JsonNode.Parse(
                """{ "Version": "2", "VersionPolicy": "RequestVersionExact" }"""
            );
            config["Kestrel"] = JsonNode.Parse("""{ "Endpoints": { "public": { "Url": "http://127.0.0.1:0", "Protocols": "Http2" } } }""");
        });
        using var client = new HttpClient(
            new SocketsHttpHandler
            {
                UseProxy = false,
                RequestHeaderEncodingSelector = (_, _) => Encoding.Latin1,
                ResponseHeaderEncodingSelector = (_, _) => Encoding.Latin1,
            }
        );
        var request = TestConfig.Request(HttpMethod.Get, new Uri(broker.Address, "/x").ToString());
        (request.Version, request.VersionPolicy) = (HttpVersion.Version20, HttpVersionPolicy.RequestVersionExact);
        request.Headers.TryAddWithoutValidation("X-There", value);

        var answer = await client.SendAsync(request);

        (upstream.Only.Headers["X-There"], answer.Headers.NonValidated["X-Back"].ToString()).ShouldBe((value, value));
    }

    [Fact]
    public async Task Bytes_that_cannot_cross_count_against_nobody()
    {
        await using var upstream = new RawUpstream();
        await using var broker = await Start(upstream.Address, config =>
        {
            var cluster = config["ReverseProxy"]!["Clusters"]!["api"]!;
            cluster["HealthCheck"] = JsonNode.Parse(
                """{ "Passive": { "Enabled": true, "Policy": "TransportFailureRate", "ReactivationPeriod": "00:10:00" } }"""
            );
            cluster["Metadata"] = JsonNode.Parse("""{ "x-note": "one" }""");
        });

        for (var i = 0; i < 30; i++)
        {
            (await Ask(broker, $"X-Other: a{(char)(1 + (i % 8))}b")).Status.ShouldBe(400);
            (await Ask(broker, $"X-Other: {Values[i % Values.Length]}")).Status.ShouldBe(200);
        }

        (await Ask(broker)).Status.ShouldBe(200);
        upstream.Heads.Count.ShouldBe(31);
    }

    [Fact]
    public async Task An_id_in_a_header_is_read_as_utf8_and_nothing_else_is_one()
    {
        await using var upstream = new RawUpstream();
        await using var broker = await Start(
            upstream.Address,
            config => Stage.AddCaller(config, "umlaut", "umlaut-key", "*", "*", "*", "B\u00f6"),
            """{ "Match": { "Path": "/x" }, "Metadata": { "Action": "GetDevice", "Device": "header:X-Vehicle" } }"""
        );

        (await Ask(broker, "umlaut-key", $"X-Vehicle: {Latin("B\u00f6")}")).Status.ShouldBe(200);
        upstream.Heads.Last().ShouldContain($"X-Vehicle: {Latin("B\u00f6")}\r\n");
        (await Ask(broker, "umlaut-key", "X-Vehicle: B\u00f6")).Code.ShouldBe("bad-request");
        (await Ask(broker, "umlaut-key", $"X-Vehicle: {Latin("B\u00e4")}")).Code.ShouldBe("device-not-granted");
    }

    private static string Latin(string text) => Encoding.Latin1.GetString(Encoding.UTF8.GetBytes(text));

    private static Task<RawAnswer> Ask(BrokerUnderTest broker, string header = "X-None: 1") => Ask(broker, Stage.All, header);

    private static Task<RawAnswer> Ask(BrokerUnderTest broker, string key, string header) =>
        RawHttp.Ask(broker.Address, "GET /x HTTP/1.1", ["Host: b", $"X-Api-Key: {key}", header]);

    private static Task<BrokerUnderTest> Start(Uri upstream, Action<JsonObject>? change = null, string route = TestConfig.CatchAll)
    {
        var config = Stage.ConfigOf(upstream, ("all", route));
        change?.Invoke(config);
        return BrokerUnderTest.Start(config.ToJsonString(), TestConfig.Environment);
    }
}
