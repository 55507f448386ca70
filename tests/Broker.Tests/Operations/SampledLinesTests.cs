using Broker.Operations;
using Microsoft.AspNetCore.Connections;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Time.Testing;
using Serilog;
using Serilog.Extensions.Logging;
using Shouldly;
using Xunit;

namespace Broker.Tests.Operations;

/// <summary>A real logger behind the sampler; the clock is moved by hand.</summary>
public sealed class SampledLinesTests : IDisposable
{
    private const string Kestrel = "Microsoft.AspNetCore.Server.Kestrel";

    private readonly FakeTimeProvider clock = new();
    private readonly StringWriter output = new();
    private readonly SampledLines lines;

    public SampledLinesTests() =>
        lines = new(
            new SerilogLoggerProvider(new LoggerConfiguration().WriteTo.Sink(new LogLines(output, clock)).CreateLogger(), dispose: true),
            clock
        );

    public void Dispose() => lines.Dispose();

    [Fact]
    public void Of_a_thousand_lines_of_a_kind_the_first_is_written_and_the_others_are_counted()
    {
        var logger = lines.CreateLogger(Kestrel + ".Http2");
        for (var i = 0; i < 1000; i++)
        {
            logger.Log(
                LogLevel.Critical,
                new EventId(60, "Http2QueueOperationsExceeded"),
                Thrown(new ConnectionAbortedException("secret")),
                "Connection id {ConnectionId} exceeded",
                $"0HN{i}"
            );
        }

        var line = Written().ShouldHaveSingleItem();
        line.ShouldContain("\"Level\":\"Warning\"");
        line.ShouldContain("Connection id 0HN0 exceeded");
        line.ShouldContain("ConnectionAbortedException in SampledLinesTests.Thrown");
        line.ShouldNotContain("secret");
        line.ShouldNotContain("   at ");

        clock.Advance(SampledLines.Period);
        var told = Written()[1];
        told.ShouldContain("\"Count\":999");
        told.ShouldContain("Http2QueueOperationsExceeded");

        clock.Advance(SampledLines.Period);
        Written().Length.ShouldBe(2, "a quiet period says nothing");
        logger.Log(LogLevel.Critical, new EventId(60, "Http2QueueOperationsExceeded"), null, "again");
        Written().Length.ShouldBe(3);
    }

    [Fact]
    public void Other_events_categories_and_failures_are_other_kinds()
    {
        foreach (var category in new[] { Kestrel, "Yarp.ReverseProxy.Forwarder.HttpForwarder", "System.Net.Http" })
        {
            var logger = lines.CreateLogger(category);
            for (var i = 0; i < 10; i++)
            {
                logger.Log(LogLevel.Warning, new EventId(1), null, "one {Id}", i);
                logger.Log(LogLevel.Warning, new EventId(2), null, "two {Id}", i);
                logger.Log(LogLevel.Warning, new EventId(2), new IOException(), "two {Id}", i);
            }
        }

        Written().Length.ShouldBe(9);
    }

    [Fact]
    public void A_fault_of_the_brokers_stays_an_error_and_one_of_a_connection_is_a_warning()
    {
        var logger = lines.CreateLogger(Kestrel);
        logger.Log(
            LogLevel.Error,
            new EventId(13),
            Thrown(new InvalidOperationException()),
            "An unhandled exception was thrown by the application."
        );
        logger.Log(
            LogLevel.Error,
            new EventId(13),
            new AggregateException(new IOException()),
            "An unhandled exception was thrown by the application."
        );

        Written()[0].ShouldContain("\"Level\":\"Error\"");
        Written()[0].ShouldContain("InvalidOperationException in SampledLinesTests.Thrown");
        Written()[1].ShouldContain("\"Level\":\"Warning\"");
    }

    [Fact]
    public void Lines_of_ours_on_a_requests_way_are_told_apart_by_their_text_up_to_a_bound_and_all_others_pass()
    {
        var (edge, tokens) = (lines.CreateLogger("Broker.Forwarding.Edge"), lines.CreateLogger("Broker.UpstreamTokens.TokenCellRegistry"));
        for (var i = 0; i < 20; i++)
        {
            edge.Log(LogLevel.Warning, new EventId(400), null, "upstream {Upstream}", i % 2);
            edge.Log(LogLevel.Information, new EventId(500), null, "a request");
            tokens.Log(LogLevel.Warning, new EventId(301), null, "not renewed");
        }

        Written().Count(line => line.Contains("upstream", StringComparison.Ordinal)).ShouldBe(2);
        Written().Count(line => line.Contains("a request", StringComparison.Ordinal)).ShouldBe(20);
        Written().Count(line => line.Contains("not renewed", StringComparison.Ordinal)).ShouldBe(20);

        for (var i = 0; i < 10_000; i++)
        {
            edge.Log(LogLevel.Warning, new EventId(401), null, "varies {Id}", i);
        }

        Written().Count(line => line.Contains("varies", StringComparison.Ordinal)).ShouldBeInRange(200, 257);
    }

    private string[] Written()
    {
        clock.Advance(TimeSpan.FromMilliseconds(200)); // the lines are gathered for a moment
        return output.ToString().Split('\n', StringSplitOptions.RemoveEmptyEntries);
    }

    private static Exception Thrown(Exception failure)
    {
        try
        {
            throw failure;
        }
        catch (Exception caught)
        {
            return caught;
        }
    }
}
