using Broker.Operations;
using Serilog;
using Serilog.Formatting.Display;
using Serilog.Formatting.Json;
using Shouldly;
using Xunit;

namespace Broker.Tests.Operations;

public sealed class PrintableTests
{
    [Theory]
    [InlineData("", "")]
    [InlineData("GET /a?b=c d~", "GET /a?b=c d~")]
    [InlineData("Zürich 東京 é \U0001F600", "Zürich 東京 é \U0001F600")]
    [InlineData("a\u2028b\u2029c", "a\\u{2028}b\\u{2029}c")]
    [InlineData("a\u0085b\vc\fd", "a\\u{0085}b\\u{000b}c\\u{000c}d")]
    [InlineData("a\r\nb\tc\0d\u001b[2Je\u007ff", "a\\u{000d}\\u{000a}b\\u{0009}c\\u{0000}d\\u{001b}[2Je\\u{007f}f")]
    [InlineData(
        "a\u202eb\u202dc\u2066d\u2069e\u200ef\u200fg\u061c",
        "a\\u{202e}b\\u{202d}c\\u{2066}d\\u{2069}e\\u{200e}f\\u{200f}g\\u{061c}"
    )]
    [InlineData("a\u200bb\ufeffc\u00add\u00a0e\u3000", "a\\u{200b}b\\u{feff}c\\u{00ad}d\\u{00a0}e\\u{3000}")]
    [InlineData("a\ue000b\uffffc\U000E0041d", "a\\u{e000}b\\u{ffff}c\\u{e0041}d")]
    public void What_cannot_be_seen_or_changes_how_a_line_reads_stands_as_an_escape(string text, string printable) =>
        Printable.Of(text).ShouldBe(printable);

    [Fact]
    public void Half_a_surrogate_pair_stands_as_an_escape() // no attribute can hold one
    {
        Printable.Of("a" + (char)0xd800).ShouldBe("a\\u{d800}");
        Printable.Of((char)0xdc00 + "a" + (char)0xdbff + "b").ShouldBe("\\u{dc00}a\\u{dbff}b");
    }

    [Fact]
    public void A_long_text_is_cut_and_says_so_and_never_within_a_character()
    {
        Printable.Of(new string('a', 256)).ShouldBe(new string('a', 256));
        Printable.Of(new string('A', 3000)).ShouldBe($"{new string('A', 256)}[cut, 3000 characters]");
        var cut = Printable.Of("a" + string.Concat(Enumerable.Repeat("\U0001F600", 1500)));
        cut.ShouldEndWith("\U0001F600[cut, 3001 characters]");
        Printable.Of(new string('\u2028', 3000)).Length.ShouldBeLessThan(300);
    }

    [Fact]
    public void Every_value_of_every_line_is_printable_whatever_its_kind_in_JSON_and_on_a_console()
    {
        var bad = "x\u2028y\u202e" + (char)0xd800 + new string('z', 3000);
        var (json, text) = (new StringWriter(), new StringWriter());
        using (
            var log = new LoggerConfiguration()
                .Enrich.WithProperty("Enriched", bad)
                .Enrich.With(new Printable())
                .WriteTo.Sink(new Sink(json, new JsonFormatter()))
                .WriteTo.Sink(new Sink(text, new MessageTemplateTextFormatter("{Message:lj} {Properties}{NewLine}")))
                .CreateLogger()
        )
        {
            log.Information(
                "{Text} {List} {@Object} {@Pairs} {Uri} {Letter} {Number} {Path}",
                bad,
                new[] { bad },
                new { Inner = bad },
                new Dictionary<string, string> { [bad] = bad, [bad + "2"] = bad },
                new Uri("http://a/\u2028?" + new string('u', 3000)),
                '\u2029',
                1.5,
                new Microsoft.AspNetCore.Http.PathString("/" + bad)
            );
        }

        foreach (var line in new[] { json.ToString(), text.ToString() })
        {
            line.TrimEnd('\r', '\n')
                .ShouldNotContain(letter =>
                    char.IsControl(letter) || char.IsSurrogate(letter) || letter == '\u2028' || letter == '\u2029' || letter == '\u202e'
                );
            line.ShouldNotContain(new string('z', 300));
            line.ShouldNotContain(new string('u', 300));
            line.ShouldContain("[cut, 300");
            line.ShouldContain("1.5");
        }
    }

    [Fact]
    public void A_value_of_ours_is_not_cut_where_it_is_read_whole()
    {
        var json = new StringWriter();
        using (
            var log = new LoggerConfiguration()
                .Enrich.With(new Printable())
                .WriteTo.Sink(new Sink(json, new JsonFormatter()))
                .CreateLogger()
        )
        {
            log.Information("{StackTrace} {Mistake}", new string('s', 2000), new string('m', 2000));
        }

        json.ToString().ShouldContain(new string('s', 2000));
        json.ToString().ShouldContain(new string('m', 2000));
    }

    private sealed class Sink(TextWriter output, Serilog.Formatting.ITextFormatter formatter) : Serilog.Core.ILogEventSink
    {
        public void Emit(Serilog.Events.LogEvent logEvent) => formatter.Format(logEvent, output);
    }
}
