using System.Net.Sockets;
using System.Text;
using Broker.FunctionalTests.Rights;
using Microsoft.AspNetCore.Http;
using Shouldly;
using Xunit;

namespace Broker.FunctionalTests.Forwarding;

/// <summary>
/// An upstream that answers an upload with an error before it has the body: the caller is told at once, and nothing more is sent.
/// </summary>
public sealed class EarlyErrorTests : IAsyncLifetime
{
    private const string Account =
        """{ "Match": { "Path": "/account/{**rest}" }, "Metadata": { "Action": "ManageUser", "Reach": "none", "Body": "any" } }""";
    private const string Public =
        """{ "Match": { "Path": "/public/{**rest}" }, "AuthorizationPolicy": "Anonymous", "Metadata": { "Body": "any" } }""";

    private ByteUpstream upstream = null!;
    private BrokerUnderTest broker = null!;

    public async ValueTask InitializeAsync()
    {
        upstream = new() { AnswersEarly = true };
        broker = await BrokerUnderTest.Start(
            TestConfig.With(upstream.Address, ("account", Account), ("public", Public)).ToJsonString(),
            TestConfig.Environment
        );
    }

    public async ValueTask DisposeAsync()
    {
        await broker.DisposeAsync();
        await upstream.DisposeAsync();
    }

    public static TheoryData<string, string, int, bool> Uploads
    {
        get
        {
            var uploads = new TheoryData<string, string, int, bool>();
            foreach (var path in new[] { "/account/x", "/public/x" })
            {
                foreach (var framing in new[] { "Content-Length: 2000000000", "Content-Length: 9000", "Transfer-Encoding: chunked" })
                {
                    foreach (var sent in new[] { 0, 5000, framing.EndsWith("9000", StringComparison.Ordinal) ? 8999 : 8_000_000 })
                    {
                        uploads.Add(path, framing, sent, true);
                        uploads.Add(path, framing, sent, false);
                    }
                }
            }

            return uploads;
        }
    }

    /// <summary>The caller sends no more than this of its body, and waits: only an answer that comes at once ends that.</summary>
    [Theory]
    [MemberData(nameof(Uploads))]
    public async Task Each_error_reaches_the_caller_at_once_and_as_it_is(string path, string framing, int sent, bool closes)
    {
        upstream.Afterwards = closes ? upstream.Afterwards : (_, over) => Task.Delay(Timeout.Infinite, over); // it neither reads nor leaves
        int[] statuses =
        [
            400,
            402,
            403,
            404,
            405,
            408,
            409,
            411,
            413,
            414,
            415,
            417,
            421,
            422,
            425,
            426,
            428,
            429,
            431,
            451,
            499,
            500,
            501,
            503,
            504,
            507,
            599,
            600,
            999,
        ];
        foreach (var status in sent > 100_000 ? [413, 503] : statuses)
        {
            upstream.Answer = _ =>
                $"HTTP/1.1 {status} No\r\nContent-Length: 6\r\nX-Why: because\r\nRetry-After: 7\r\n\r\nreason{(closes ? ByteUpstream.Close : "")}";

            var answer = await Upload(path, framing, sent);

            $"{answer.Status} {answer["X-Why"]} {answer["Retry-After"]} {answer.Body}".ShouldBe($"{status} because 7 reason", $"{status}");
        }
    }

    [Theory]
    [InlineData("Content-Length: 0\r\n\r\n", "")]
    [InlineData("Transfer-Encoding: chunked\r\n\r\n3\r\nrea\r\n3\r\nson\r\n0\r\n\r\n", "reason")]
    [InlineData("Connection: close\r\n\r\nreason\0close", "reason")]
    [InlineData("\r\n\0close", "")]
    public async Task The_errors_own_framing_does_not_matter(string framing, string body)
    {
        foreach (var path in new[] { "/account/x", "/public/x" })
        {
            upstream.Answer = _ => $"HTTP/1.1 102 Processing\r\n\r\nHTTP/1.1 413 Too Large\r\n{framing}";

            var answer = await Upload(path, "Transfer-Encoding: chunked", 5000);

            (answer.Status, answer.Body).ShouldBe((413, body));
        }
    }

    [Theory]
    [InlineData("/account/x")]
    [InlineData("/public/x")]
    public async Task The_rest_of_the_body_is_never_taken_for_another_request(string path)
    {
        upstream.Answer = request =>
            request.Line.StartsWith("POST", StringComparison.Ordinal)
                ? "HTTP/1.1 413 No\r\nContent-Length: 6\r\n\r\nreason"
                : "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
        for (var round = 0; round < 20; round++)
        {
            (await Upload(path, round % 2 == 0 ? "Transfer-Encoding: chunked" : "Content-Length: 100000", round * 100)).Status.ShouldBe(
                413
            );
            (await Ask("GET", path)).Status.ShouldBe(200);
        }

        upstream.Requests.Select(request => request.Line[..4]).Distinct().Order().ShouldBe(["GET ", "POST"]);
        upstream.Requests.Count.ShouldBe(40);
    }

    /// <summary>
    /// The client gives up an answer when fewer bytes were written than promised; what is written in their stead has an end.
    /// </summary>
    [Theory]
    [InlineData("/account/x")]
    [InlineData("/public/x")]
    public async Task A_length_without_end_keeps_no_thread(string path)
    {
        upstream.Answer = _ => $"HTTP/1.1 404 No\r\nContent-Length: 0\r\n\r\n{ByteUpstream.Close}";
        foreach (var length in new[] { 1L << 32, 1L << 40, 1L << 50, long.MaxValue })
        {
            var answers = await Task.WhenAll(Enumerable.Range(0, 8).Select(_ => Upload(path, $"Content-Length: {length}", 1)));

            answers.ShouldAllBe(answer => answer.Status == 404 || (answer.Status == 502 && length > 1L << 36), $"{length}");
        }
    }

    /// <summary>The connection of an upload that was cut short is back in the client's pool before it is closed.</summary>
    [Fact]
    public async Task A_request_that_waits_for_the_connection_of_a_cut_upload_takes_another_one()
    {
        await using var keeping = new ByteUpstream { AnswersEarly = true, Afterwards = (_, _) => Task.CompletedTask };
        var config = TestConfig.With(keeping.Address, ("account", Account));
        config["ReverseProxy"]!["Clusters"]!["api"]!["HttpClient"] = System.Text.Json.Nodes.JsonNode.Parse(
            """{ "MaxConnectionsPerServer": 1 }"""
        );
        await using var narrow = await BrokerUnderTest.Start(config.ToJsonString(), TestConfig.Environment);
        keeping.Answer = request =>
            request.Line.StartsWith("POST", StringComparison.Ordinal)
                ? "HTTP/1.1 413 No\r\nContent-Length: 0\r\n\r\n"
                : "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
        for (var round = 0; round < 30; round++)
        {
            using var client = new TcpClient();
            await client.ConnectAsync(narrow.Address.Host, narrow.Address.Port);
            var stream = client.GetStream();
            await stream.WriteAsync(
                Encoding.ASCII.GetBytes(
                    $"POST /account/x HTTP/1.1\r\nHost: a\r\nX-Api-Key: {TestConfig.Key}\r\nContent-Type: "
                        + "application/octet-stream\r\nContent-Length: 1000000\r\n\r\nabc"
                )
            );
            var others = Enumerable
                .Range(0, 4)
                .Select(_ => RawHttp.Ask(narrow.Address, "GET /account/x HTTP/1.1", ["Host: a", $"X-Api-Key: {TestConfig.Key}"]))
                .ToList();

            (await RawHttp.Read(stream, isHead: false, CancellationToken.None)).Status.ShouldBe(413);
            foreach (var other in others)
            {
                (await other).Status.ShouldBe(200, $"round {round}");
            }
        }
    }

    [Theory]
    [InlineData("/account/x", true)]
    [InlineData("/public/x", true)]
    [InlineData("/account/x", false)]
    [InlineData("/public/x", false)]
    public async Task A_connection_that_ends_without_an_answer_ends_the_upload_at_once(string path, bool isReset)
    {
        upstream.Answer = _ => ByteUpstream.Close;
        upstream.Afterwards = (stream, _) =>
        {
            ((NetworkStream)stream).Socket.LingerState = new(isReset, 0);
            return Task.CompletedTask;
        };

        foreach (var framing in new[] { "Content-Length: 2000000000", "Transfer-Encoding: chunked" })
        {
            foreach (var sent in new[] { 0, 5000, 8_000_000 })
            {
                (await Upload(path, framing, sent)).Status.ShouldBe(502, $"{framing} {sent}");
            }
        }
    }

    [Theory]
    [InlineData(false, false)]
    [InlineData(false, true)]
    [InlineData(true, false)]
    [InlineData(true, true)]
    public async Task Over_http2_the_error_reaches_the_caller_at_once_too(bool isUpstreamHttp2, bool isLong)
    {
        await using var bench = await ReplayBench.Start(isUpstreamHttp2: isUpstreamHttp2, isCallerHttp2: true);
        foreach (var status in new[] { 400, 403, 413, 429, 500, 503 })
        {
            bench.Refusals = int.MaxValue;
            bench.Refuse = async context =>
            {
                context.Response.StatusCode = status;
                context.Response.Headers["X-Why"] = "because";
                await context.Response.WriteAsync("reason");
                await context.Response.CompleteAsync();
                // it neither reads nor leaves
                await Task.Delay(Timeout.Infinite, context.RequestAborted).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            };
            var content = new HandContent();
            var sending = bench.Send(content);
            await content.Send(new string('x', isLong ? 90_000 : 5));

            using var answer = await sending.WaitAsync(TimeSpan.FromSeconds(60));

            (
                (int)answer.StatusCode,
                answer.Headers.GetValues("X-Why").Single(),
                await answer.Content.ReadAsStringAsync().WaitAsync(TimeSpan.FromSeconds(60))
            ).ShouldBe((status, "because", "reason"));
            content.End();
        }
    }

    [Fact]
    public async Task An_early_answer_that_is_no_error_lets_the_body_go_on()
    {
        upstream.AnswersEarly = false;
        upstream.Answer = request => $"HTTP/1.1 200 OK\r\nContent-Length: {request.Body.Length}\r\n\r\n{request.Body}";

        (await Upload("/account/x", "Content-Length: 9000", 9000)).Body.Length.ShouldBe(9000);
    }

    private async Task<RawAnswer> Ask(string method, string path) =>
        await RawHttp.Ask(broker.Address, $"{method} {path} HTTP/1.1", ["Host: a.example", .. Key(path)]);

    private static string[] Key(string path) =>
        path.StartsWith("/public", StringComparison.Ordinal) ? [] : [$"X-Api-Key: {TestConfig.Key}"];

    /// <summary>A body of which only these many bytes are sent.</summary>
    private async Task<RawAnswer> Upload(string path, string framing, int sent)
    {
        using var limit = new CancellationTokenSource(TimeSpan.FromSeconds(60));
        using var client = new TcpClient();
        await client.ConnectAsync(broker.Address.Host, broker.Address.Port, limit.Token);
        var stream = client.GetStream();
        var head =
            $"POST {path} HTTP/1.1\r\nHost: a.example\r\n{string.Concat(Key(path).Select(line => $"{line}\r\n"))}Content-Type: application/octet-stream\r\n{framing}\r\n\r\n";
        await stream.WriteAsync(Encoding.ASCII.GetBytes(head), limit.Token);
        var writing = Write(stream, framing.StartsWith('T'), sent, limit.Token);
        var answer = await RawHttp.Read(stream, isHead: false, limit.Token);
        client.Close();
        await writing.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        return answer;
    }

    private static async Task Write(NetworkStream stream, bool isChunked, int sent, CancellationToken cancellation)
    {
        for (var rest = sent; rest > 0; rest -= 10_000)
        {
            var piece = new string('x', Math.Min(rest, 10_000));
            await stream.WriteAsync(Encoding.ASCII.GetBytes(isChunked ? $"{piece.Length:x}\r\n{piece}\r\n" : piece), cancellation);
        }
    }
}
