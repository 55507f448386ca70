using System.Net;
using System.Security.Cryptography;
using Microsoft.AspNetCore.Http;
using Shouldly;
using Xunit;

namespace Broker.FunctionalTests.Forwarding;

/// <summary>Streams, unbuffered and of any size: events, gRPC, long bodies both ways.</summary>
public sealed class StreamTests
{
    private const long Size = 300L << 20;

    [Fact]
    public async Task The_head_of_an_event_stream_and_each_event_arrive_before_the_next_one_is_made()
    {
        await using var upstream = await EchoUpstream.Start();
        var go = new SemaphoreSlim(0);
        upstream.Answer = async context =>
        {
            context.Response.ContentType = "text/event-stream";
            await context.Response.Body.FlushAsync();
            await go.WaitAsync(context.RequestAborted);
            for (var i = 1; i <= 3; i++)
            {
                await context.Response.WriteAsync($"data: {i}\n\n");
                await context.Response.Body.FlushAsync();
                await go.WaitAsync(context.RequestAborted);
            }
        };
        await using var broker = await BrokerUnderTest.Start(
            TestConfig.With(upstream.Address, ("all", TestConfig.CatchAll)).ToJsonString(),
            TestConfig.Environment
        );

        var answer = await broker
            .Client.SendAsync(TestConfig.Request(HttpMethod.Get, "/events"), HttpCompletionOption.ResponseHeadersRead)
            .WaitAsync(TimeSpan.FromSeconds(60));
        go.Release();
        using var reader = new StreamReader(await answer.Content.ReadAsStreamAsync());
        for (var i = 1; i <= 3; i++)
        {
            (await reader.ReadLineAsync().WaitAsync(TimeSpan.FromSeconds(60))).ShouldBe($"data: {i}");
            await reader.ReadLineAsync();
            go.Release();
        }

        (await reader.ReadLineAsync()).ShouldBeNull();
        answer.Content.Headers.ContentType!.MediaType.ShouldBe("text/event-stream");
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    public async Task A_grpc_call_crosses_with_its_frames_and_trailers(int refusals)
    {
        await using var bench = await ReplayBench.Start(isUpstreamHttp2: true, isCallerHttp2: true);
        bench.Refusals = 0;
        var left = refusals;
        bench.Upstream.Answer = async context =>
        {
            var message = await ReplayBench.Body(context);
            if (left-- > 0)
            {
                await ReplayBench.Say401(context);
                return;
            }

            context.Response.ContentType = "application/grpc";
            await context.Response.WriteAsync(message);
            context.Response.AppendTrailer("grpc-status", "0");
            context.Response.AppendTrailer("grpc-message", "fine");
        };

        var answer = await bench.Send(Grpc(new ByteArrayContent(Frame("hello"))), change: request =>
            request.Headers.TE.Add(new("trailers"))
        );

        (await answer.Content.ReadAsByteArrayAsync()).ShouldBe(Frame("hello"));
        answer.TrailingHeaders.GetValues("grpc-status").ShouldBe(["0"]);
        answer.TrailingHeaders.GetValues("grpc-message").ShouldBe(["fine"]);
        bench.Upstream.Requests.Count.ShouldBe(1 + refusals);
        bench.Upstream.Requests.ShouldAllBe(request =>
            request.Headers["TE"] == "trailers" && request.Headers["Content-Type"] == "application/grpc"
        );
    }

    [Fact]
    public async Task A_grpc_stream_goes_both_ways_message_by_message()
    {
        await using var bench = await ReplayBench.Start(isUpstreamHttp2: true, isCallerHttp2: true);
        bench.Upstream.Answer = async context =>
        {
            context.Response.ContentType = "application/grpc";
            await context.Response.Body.FlushAsync(); // the head goes before any message came
            var buffer = new byte[1000];
            while (await context.Request.Body.ReadAsync(buffer) is var count and > 0)
            {
                await context.Response.Body.WriteAsync(buffer.AsMemory(0, count));
                await context.Response.Body.FlushAsync();
            }

            context.Response.AppendTrailer("grpc-status", "0");
        };
        var content = new HandContent();

        var answer = await bench.Send(Grpc(content)).WaitAsync(TimeSpan.FromSeconds(60));
        var stream = await answer.Content.ReadAsStreamAsync();
        foreach (var text in new[] { "one", "two", new string('x', 900) })
        {
            await content.Send(text);
            var read = new byte[text.Length];
            await stream.ReadExactlyAsync(read).AsTask().WaitAsync(TimeSpan.FromSeconds(60));
            read.ShouldBe(System.Text.Encoding.UTF8.GetBytes(text));
        }

        content.End();
        (await stream.ReadAsync(new byte[1])).ShouldBe(0);
        answer.TrailingHeaders.GetValues("grpc-status").ShouldBe(["0"]);
    }

    [Fact]
    public async Task A_grpc_call_that_the_server_ends_while_the_caller_still_sends_ends_for_the_caller()
    {
        await using var bench = await ReplayBench.Start(isUpstreamHttp2: true, isCallerHttp2: true);
        bench.Upstream.Answer = context =>
        {
            context.Response.ContentType = "application/grpc";
            context.Response.AppendTrailer("grpc-status", "7");
            return Task.CompletedTask;
        };
        var content = new HandContent();

        var answer = await bench.Send(Grpc(content)).WaitAsync(TimeSpan.FromSeconds(60));

        (await answer.Content.ReadAsByteArrayAsync().WaitAsync(TimeSpan.FromSeconds(60))).ShouldBeEmpty();
        answer.TrailingHeaders.GetValues("grpc-status").ShouldBe(["7"]);
        content.End();
    }

    [Fact]
    public async Task Three_hundred_megabytes_pass_each_way_in_bounded_memory()
    {
        await using var bench = await ReplayBench.Start();
        var upHash = "";
        long peak = 0;
        bench.Upstream.Answer = async context =>
        {
            if (HttpMethods.IsPost(context.Request.Method))
            {
                upHash = await Hash(context.Request.Body, bytes => peak = Math.Max(peak, bytes));
                return;
            }

            await new PatternContent(Size).CopyToAsync(context.Response.Body);
        };
        var before = GC.GetTotalMemory(forceFullCollection: true);

        (await bench.Send(new PatternContent(Size))).EnsureSuccessStatusCode();
        var down = await Hash(await (await bench.Send(null)).Content.ReadAsStreamAsync(), bytes => peak = Math.Max(peak, bytes));

        upHash.ShouldBe(PatternContent.HashOf(Size));
        down.ShouldBe(upHash);
        (peak - before).ShouldBeLessThan(Size / 2);
    }

    private static async Task<string> Hash(Stream stream, Action<long> watch)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        var buffer = new byte[1 << 20];
        for (var reads = 0; await stream.ReadAsync(buffer) is var count and > 0; reads++)
        {
            hash.AppendData(buffer, 0, count);
            if (reads % 64 == 0)
            {
                watch(GC.GetTotalMemory(forceFullCollection: false));
            }
        }

        return Convert.ToHexStringLower(hash.GetHashAndReset());
    }

    private static byte[] Frame(string message) => [0, 0, 0, 0, (byte)message.Length, .. System.Text.Encoding.UTF8.GetBytes(message)];

    private static HttpContent Grpc(HttpContent content)
    {
        content.Headers.ContentType = new("application/grpc");
        return content;
    }

    /// <summary>So many bytes, no two blocks alike.</summary>
    private sealed class PatternContent : HttpContent
    {
        private const int Block = 1 << 20;
        private readonly long size;

        public PatternContent(long size)
        {
            this.size = size;
            Headers.ContentType = new("application/octet-stream");
        }

        public static string HashOf(long size)
        {
            using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
            foreach (var block in Blocks(size))
            {
                hash.AppendData(block);
            }

            return Convert.ToHexStringLower(hash.GetHashAndReset());
        }

        protected override async Task SerializeToStreamAsync(Stream stream, TransportContext? context)
        {
            foreach (var block in Blocks(size))
            {
                await stream.WriteAsync(block);
            }
        }

        protected override bool TryComputeLength(out long length)
        {
            length = size;
            return true;
        }

        private static IEnumerable<byte[]> Blocks(long size)
        {
            var block = new byte[Block];
            for (var i = 0; i < size / Block; i++)
            {
                BitConverter.TryWriteBytes(block, i);
                block[i] = 1;
                yield return block;
            }
        }
    }
}
