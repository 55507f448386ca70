using System.Globalization;
using System.Net.Sockets;
using System.Text;
using Broker.FunctionalTests.Rights;
using Shouldly;
using Xunit;

namespace Broker.FunctionalTests.Forwarding;

/// <summary>
/// All statuses, all framings and all methods, through the broker and through bare YARP to one upstream: what the upstream saw and what the
/// caller got is the same, but for what the broker changes on purpose. Each of these differences is named here.
/// </summary>
public sealed class BesideYarpTests : IAsyncLifetime
{
    private const string Route =
        """{ "Match": { "Path": "/{**rest}" }, "Metadata": { "Action": "ManageUser", "Reach": "none", "Body": "any", "Cache": "Upstream", "Query": "a" } }""";

    private ByteUpstream upstream = null!;
    private BrokerUnderTest broker = null!;
    private BareYarp yarp = null!;

    // Statuses that end with their head: an answer to them has no body, whatever its fields say.
    private static readonly int[] Empty = [204, 205, 304];

    // csharpier-ignore
    private static readonly string[] Methods =
    [
        "GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "PROPFIND", "PROPPATCH", "MKCOL", "COPY", "MOVE", "LOCK",
        "UNLOCK", "REPORT", "SEARCH", "PURGE", "QUERY", "M-SEARCH", "LINK", "UNLINK", "FOO",
    ];

    public async ValueTask InitializeAsync()
    {
        upstream = new();
        broker = await BrokerUnderTest.Start(TestConfig.With(upstream.Address, ("all", Route)).ToJsonString(), TestConfig.Environment);
        yarp = await BareYarp.Start(upstream.Address);
    }

    public async ValueTask DisposeAsync()
    {
        await broker.DisposeAsync();
        await yarp.DisposeAsync();
        await upstream.DisposeAsync();
    }

    public static TheoryData<string, string> AnswerFramings =>
        new()
        {
            { "a length", "Content-Length: 5\r\n\r\nhello" },
            { "chunks", "Transfer-Encoding: chunked\r\n\r\n3\r\nhel\r\n2;x=y\r\nlo\r\n0\r\n\r\n" },
            { "chunks and trailers", "Transfer-Encoding: chunked\r\nTrailer: X-Sum\r\n\r\n5\r\nhello\r\n0\r\nX-Sum: 1\r\n\r\n" },
            { "the connection's end", $"Connection: close\r\n\r\nhello{ByteUpstream.Close}" },
            { "nothing", "Content-Length: 0\r\n\r\n" },
        };

    /// <summary>One reason of failure is told for all statuses together: each is one request on the two sides.</summary>
    [Theory]
    [MemberData(nameof(AnswerFramings))]
    public async Task Each_final_status_comes_back_as_through_yarp(string name, string framing)
    {
        List<string> differences = [];
        for (var status = 200; status <= 999; status++)
        {
            if (Empty.Contains(status) || (status == 401))
            {
                continue; // below
            }

            upstream.Answer = _ => $"HTTP/1.1 {status} Some Reason\r\nX-Case: {name}\r\n{framing}";
            var (ours, theirs) = (await Ask(broker.Address, "GET /x HTTP/1.1"), await Ask(yarp.Address, "GET /x HTTP/1.1"));
            if (ours != theirs)
            {
                differences.Add($"{status}: '{ours}' and '{theirs}'");
            }
        }

        differences.ShouldBeEmpty();
    }

    [Theory]
    [InlineData(204)]
    [InlineData(205)]
    [InlineData(304)]
    public async Task A_status_without_content_ends_with_its_head_however_the_upstream_frames_it(int status)
    {
        foreach (var method in Methods)
        {
            foreach (
                var framing in new[]
                {
                    "\r\n",
                    "Content-Length: 0\r\n\r\n",
                    "Content-Length: 5\r\n\r\n",
                    $"Content-Length: 5\r\n\r\nhello{ByteUpstream.Close}",
                    $"Transfer-Encoding: chunked\r\n\r\n{ByteUpstream.Close}",
                    $"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n{ByteUpstream.Close}",
                    $"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n{ByteUpstream.Close}",
                    $"\r\n{ByteUpstream.Close}",
                }
            )
            {
                if (
                    status == 205
                    && !framing.StartsWith("Content-Length: 0", StringComparison.Ordinal)
                    && !framing.EndsWith(ByteUpstream.Close, StringComparison.Ordinal)
                )
                {
                    continue; // of a 205 HTTP waits for what the fields promise: the connection's end answers that
                }

                if (status == 205 && framing.StartsWith("Transfer-Encoding: chunked\r\n\r\n\0", StringComparison.Ordinal))
                {
                    continue; // chunks that never come
                }

                // An upstream that closes says so: else the next request may meet the dying connection, and a POST is not sent again.
                var closing = framing.EndsWith(ByteUpstream.Close, StringComparison.Ordinal) ? "Connection: close\r\n" : "";
                upstream.Answer = _ => $"HTTP/1.1 {status} Some Reason\r\nX-Case: 1\r\n{closing}{framing}";
                var answer = await Ask(broker.Address, $"{method} /x HTTP/1.1");
                var expected = $"{status} [{(status == 205 ? "content-length: 0; " : "")}x-case: 1] ''";
                answer.ShouldBe(expected, $"{method} {framing}");
            }
        }
    }

    [Theory]
    [MemberData(nameof(AnswerFramings))]
    public async Task Each_method_arrives_and_is_answered_as_through_yarp(string name, string framing)
    {
        foreach (var method in Methods)
        {
            foreach (var status in new[] { 200, 201, 206, 301, 400, 403, 404, 409, 413, 429, 500, 503 })
            {
                upstream.Answer = _ =>
                    $"HTTP/1.1 {status} Some Reason\r\nX-Case: {name}\r\n{(method == "HEAD" ? framing[..(framing.IndexOf("\r\n\r\n", StringComparison.Ordinal) + 4)] : framing)}"
                    + (method == "HEAD" ? ByteUpstream.Close : "");
                await Compare($"{method} /x?a=1 HTTP/1.1");
            }
        }
    }

    public static TheoryData<string, string> RequestFramings =>
        new()
        {
            { "Content-Length: 0", "" },
            { "Content-Length: 5", "hello" },
            { "Content-Length: 005", "hello" },
            { "Transfer-Encoding: chunked", "0\r\n\r\n" },
            { "Transfer-Encoding: chunked", "5\r\nhello\r\n0\r\n\r\n" },
            { "Transfer-Encoding: Chunked", "3;x=y\r\nhel\r\n02\r\nlo\r\n0\r\n\r\n" },
            { "Transfer-Encoding: chunked\r\nTrailer: X-Sum", "5\r\nhello\r\n0\r\nX-Sum: 1\r\n\r\n" },
        };

    [Theory]
    [MemberData(nameof(RequestFramings))]
    public async Task Each_framing_of_a_body_arrives_as_through_yarp(string header, string body)
    {
        foreach (var method in Methods.Except(["GET", "HEAD", "DELETE"])) // a body is not allowed there (rights.md 11)
        {
            await Compare($"{method} /x HTTP/1.1", [header, "Content-Type: application/octet-stream"], body);
        }
    }

    [Theory]
    [InlineData("Content-Length: 5\r\n\r\nhelloextra", "what follows the answer is nobody's")]
    [InlineData("Content-Length: 10\r\n\r\nhello\0close", "it ends too early")]
    [InlineData("Content-Length: 5\r\nContent-Length: 5\r\n\r\nhello\0close", "twice the same length")]
    [InlineData("Content-Length: 5\r\nContent-Length: 6\r\n\r\nhello\0close", "two lengths")]
    [InlineData("Content-Length: +5\r\n\r\nhello\0close", "a sign")]
    [InlineData("Content-Length: -5\r\n\r\nhello\0close", "below zero")]
    [InlineData("Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n\0close", "both framings")]
    [InlineData("Transfer-Encoding: gzip, chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n\0close", "a coding that is not known")]
    [InlineData("Transfer-Encoding: identity\r\n\r\nhello\0close", "no coding")]
    [InlineData("Transfer-Encoding: chunked\r\n\r\nxyz\r\nhello\r\n0\r\n\r\n\0close", "no size")]
    [InlineData("Transfer-Encoding: chunked\r\n\r\n5\r\nhel\0close", "a chunk that ends too early")]
    [InlineData("Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n\0close", "no last chunk")]
    public async Task An_answer_that_is_framed_badly_is_never_taken_for_more_than_it_is(string framing, string why)
    {
        foreach (var status in new[] { 200, 404, 500 })
        {
            upstream.Answer = _ => $"HTTP/1.1 {status} Some Reason\r\nX-Case: 1\r\n{framing}";
            var (ours, theirs) = (await Ask(broker.Address, "GET /x HTTP/1.1"), await Ask(yarp.Address, "GET /x HTTP/1.1"));
            ours.Replace("refused", "502 [] ''", StringComparison.Ordinal).ShouldBe(theirs, why);
        }
    }

    private async Task Compare(string line, string[]? headers = null, string body = "")
    {
        upstream.Requests.Clear();
        var (ours, theirs) = (await Ask(broker.Address, line, headers, body), await Ask(yarp.Address, line, headers, body));
        ours.ShouldBe(theirs, line);
        upstream.Requests.Count.ShouldBe(2, line);
        var (fromUs, fromYarp) = (upstream.Requests.First(), upstream.Requests.Last());
        Seen(fromUs).ShouldBe(Seen(fromYarp), line);
        fromUs["Authorization"].ShouldBe($"Bearer {TestConfig.UpstreamSecret}");
    }

    /// <summary>Without what the broker puts on or takes off on purpose, and what YARP says about the caller.</summary>
    private static string Seen(RawRequest request) =>
        $"{request.Line} [{string.Join("; ", request.Headers.Select(header => header.ToLowerInvariant())
        .Where(header => !header.StartsWith("authorization:", StringComparison.Ordinal) && !header.StartsWith("x-api-key:", StringComparison.Ordinal)
            && !header.StartsWith("x-forwarded-", StringComparison.Ordinal) && !header.StartsWith("traceparent:", StringComparison.Ordinal)
            && !header.StartsWith("host:", StringComparison.Ordinal)
            // neither sends a request's trailers on, and the broker does not announce them
            && !header.StartsWith("trailer:", StringComparison.Ordinal))
        .Order(StringComparer.Ordinal))}] '{request.Body}'";

    private static async Task<string> Ask(Uri proxy, string line, string[]? headers = null, string body = "")
    {
        using var limit = new CancellationTokenSource(TimeSpan.FromSeconds(60));
        using var client = new TcpClient();
        await client.ConnectAsync(proxy.Host, proxy.Port, limit.Token);
        var stream = client.GetStream();
        var fields = string.Concat(
            new[] { "Host: a.example", $"X-Api-Key: {TestConfig.Key}" }.Concat(headers ?? []).Select(header => $"{header}\r\n")
        );
        await stream.WriteAsync(Encoding.Latin1.GetBytes($"{line}\r\n{fields}\r\n{body}"), limit.Token);
        try
        {
            var answer = await RawHttp.Read(stream, isHead: line.StartsWith("HEAD ", StringComparison.Ordinal), limit.Token);
            if (answer.Code is not null)
            {
                return "refused";
            }

            var kept = answer
                .Headers.Select(header => $"{header.Name.ToLowerInvariant()}: {header.Value}")
                .Where(header =>
                    !header.StartsWith("date:", StringComparison.Ordinal)
                    && !header.StartsWith("server:", StringComparison.Ordinal)
                    && !header.StartsWith("vary:", StringComparison.Ordinal)
                );
            return answer.Status == 502 && !kept.Any(header => header.StartsWith("x-case", StringComparison.Ordinal))
                ? "502 [] ''"
                : string.Create(
                    CultureInfo.InvariantCulture,
                    $"{answer.Status} [{string.Join("; ", kept.Order(StringComparer.Ordinal))}] '{answer.Body}'"
                );
        }
        catch (EndOfStreamException)
        {
            return "cut";
        }
        catch (IOException)
        {
            return "cut";
        }
    }
}
