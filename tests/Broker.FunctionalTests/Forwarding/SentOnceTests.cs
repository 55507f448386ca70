using System.Net.Sockets;
using System.Text.Json.Nodes;
using Broker.FunctionalTests.Rights;
using Broker.FunctionalTests.UpstreamTokens;
using Shouldly;
using Xunit;

namespace Broker.FunctionalTests.Forwarding;

/// <summary>Invariant 26: nothing that is not idempotent is sent again by a layer that did not decide so.</summary>
public sealed class SentOnceTests
{
    private const string Ok = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

    private static readonly string[] NoBody = [],
        EmptyBody = ["Content-Length: 0"],
        TypeAlone = ["Content-Type: application/json"];
    private static readonly string[] Body = ["Content-Length: 2", "Content-Type: application/json"];
    private static readonly string[] Chunks = ["Transfer-Encoding: chunked", "Content-Type: application/json"];

    private static readonly (string[] Form, string Text)[] Bodies =
    [
        (NoBody, ""),
        (EmptyBody, ""),
        (TypeAlone, ""),
        (Body, "{}"),
        ([.. Body, "Expect: 100-continue"], "{}"),
        (Chunks, "2\r\n{}\r\n0\r\n\r\n"),
    ];

    [Theory]
    [InlineData("POST")]
    [InlineData("PATCH")]
    [InlineData("PROPFIND")]
    [InlineData("LOCK")]
    [InlineData("MKCOL")]
    [InlineData("REPORT")]
    [InlineData("PURGE")]
    public async Task A_kept_connection_that_closes_as_the_request_comes_does_not_send_it_twice(string method)
    {
        foreach (var (form, text) in Bodies)
        {
            await using var upstream = ClosingAtTheSecond();
            await using var broker = await Start(upstream.Address);
            (await Ask(broker, "GET", "/first", NoBody)).Status.ShouldBe(200);

            var answer = await Ask(broker, method, "/second", form, text);

            $"{answer.Status} {answer.Code}".ShouldBe("502 upstream-closed", $"{method} {string.Join(", ", form)}");
            upstream.Heads.Count(head => head.Contains("/second", StringComparison.Ordinal)).ShouldBe(1);
            (await Ask(broker, method, "/third", form, text)).Status.ShouldBe(200, "the next request is served");
        }
    }

    [Theory]
    [InlineData("GET")]
    [InlineData("HEAD")]
    [InlineData("OPTIONS")]
    [InlineData("PUT")]
    [InlineData("DELETE")]
    public async Task One_that_is_idempotent_and_has_no_body_may_go_again(string method)
    {
        await using var upstream = ClosingAtTheSecond();
        await using var broker = await Start(upstream.Address);
        (await Ask(broker, "GET", "/first", NoBody)).Status.ShouldBe(200);

        (await Ask(broker, method, "/second", NoBody)).Status.ShouldBe(method == "HEAD" ? 204 : 200);

        upstream.Heads.Count(head => head.Contains("/second", StringComparison.Ordinal)).ShouldBe(2);
    }

    [Theory]
    [InlineData("GET", false)]
    [InlineData("HEAD", false)]
    [InlineData("DELETE", false)]
    [InlineData("POST", true)] // RFC 9110, 8.6: where a method has a meaning for a body, its length is said
    [InlineData("PUT", true)]
    [InlineData("PATCH", true)]
    public async Task The_upstream_sees_no_other_framing_for_it(string method, bool hasLength)
    {
        await using var upstream = HandUpstream.OfRequests(
            async (head, socket) =>
            {
                await HandUpstream.Say(socket, head.StartsWith("HEAD", StringComparison.Ordinal) ? "HTTP/1.1 204 No Content\r\n\r\n" : Ok);
                return true;
            }
        );
        await using var broker = await Start(upstream.Address);

        (await Ask(broker, method, "/x", NoBody)).Status.ShouldBeOneOf(200, 204);

        var head = upstream.Heads.ShouldHaveSingleItem();
        head.ShouldNotContain("Transfer-Encoding");
        head.Contains("Content-Length: 0\r\n", StringComparison.Ordinal).ShouldBe(hasLength);
    }

    [Theory]
    [InlineData("closes", 1)]
    [InlineData("resets the stream", 1)]
    [InlineData("refuses the stream", 2)] // REFUSED_STREAM: it has not looked at it
    [InlineData("goes away before it", 2)] // GOAWAY that names an earlier stream as the last
    public async Task Over_HTTP2_it_goes_again_only_where_the_upstream_says_that_it_did_not_look_at_it(string how, int seen)
    {
        var requests = 0;
        var flags = new List<byte>();
        await using var upstream = HandUpstream.OfConnections(
            async (socket, _) =>
            {
                var stream = new NetworkStream(socket);
                await stream.ReadExactlyAsync(new byte[RawHttp2.Preface.Length]);
                var raw = new RawHttp2(stream);
                await raw.Write(new(Frame.Settings, 0, 0, []));
                while (await raw.Read() is { } frame)
                {
                    if (frame is { Type: Frame.Settings, Flags: 0 })
                    {
                        await raw.Write(new(Frame.Settings, 1, 0, []));
                    }
                    else if (frame.Type == Frame.Headers)
                    {
                        flags.Add(frame.Flags);
                        if (Interlocked.Increment(ref requests) != 1)
                        {
                            await raw.Write(new(Frame.Headers, Frame.EndStream | Frame.EndHeaders, frame.Stream, [0x88]));
                            continue;
                        }

                        switch (how)
                        {
                            case "closes":
                                return;
                            case "resets the stream":
                                await raw.Write(new(Frame.Reset, 0, frame.Stream, [0, 0, 0, 2]));
                                break;
                            case "refuses the stream":
                                await raw.Write(new(Frame.Reset, 0, frame.Stream, [0, 0, 0, 7]));
                                break;
                            default:
                                await raw.Write(new(Frame.GoAway, 0, 0, [0, 0, 0, 0, 0, 0, 0, 0]));
                                break;
                        }
                    }
                }
            }
        );
        await using var broker = await Start(upstream.Address, """{ "Version": "2", "VersionPolicy": "RequestVersionExact" }""");

        var answer = await Ask(broker, "POST", "/x", NoBody);

        $"{answer.Status} {answer.Code}".Trim().ShouldBe(seen == 2 ? "200" : "502 upstream-closed");
        requests.ShouldBe(seen);
        flags.ShouldAllBe(flag => (flag & Frame.EndStream) != 0);
    }

    /// <summary>Closes the first connection at its second request, without an answer; serves all else.</summary>
    private static HandUpstream ClosingAtTheSecond()
    {
        var requests = 0;
        return HandUpstream.OfRequests(
            async (head, socket) =>
            {
                if (Interlocked.Increment(ref requests) == 2)
                {
                    return false;
                }

                await HandUpstream.Say(socket, head.StartsWith("HEAD", StringComparison.Ordinal) ? "HTTP/1.1 204 No Content\r\n\r\n" : Ok);
                return true;
            }
        );
    }

    private static async Task<BrokerUnderTest> Start(Uri upstream, string? request = null)
    {
        var config = TestConfig.With(upstream, ("all", TestConfig.CatchAll));
        if (request is not null)
        {
            config["ReverseProxy"]!["Clusters"]!["api"]!["HttpRequest"] = JsonNode.Parse(request);
        }

        return await TokenConfig.Start(config);
    }

    private static Task<RawAnswer> Ask(BrokerUnderTest broker, string method, string path, string[] headers, string body = "") =>
        RawHttp.Ask(broker.Address, $"{method} {path} HTTP/1.1", ["Host: x", $"X-Api-Key: {TestConfig.Key}", .. headers], body);
}
