using System.Text;
using Broker.Forwarding;
using FsCheck;
using FsCheck.Fluent;
using Shouldly;
using Xunit;

namespace Broker.Tests.Forwarding;

/// <summary>A form is looked into in whatever pieces it comes.</summary>
public sealed class FormNamesTests
{
    [Theory]
    [InlineData("a=1&%5Fmethod=DELETE", true)]
    [InlineData("a=1&b=_method&_methods=2", false)]
    public void Pairs(string text, bool expected)
    {
        Cut(text, () => new MethodOverrideForm(), (names, piece) => names.Finds(piece), names => names.Ends(), expected);
    }

    [Theory]
    [InlineData("--b\r\nContent-Disposition: form-data; name=\"a\"; name*=UTF-8''_method\r\n\r\n", true)]
    [InlineData("--b\r\nContent-Disposition: form-data; filename=\"_method\"; name=\"x\"\r\n\r\n", false)]
    public void Parts(string text, bool expected)
    {
        Cut(text, () => new MethodOverrideMultipart(), (names, piece) => names.Finds(piece), names => names.Ends(), expected);
    }

    [Theory]
    [InlineData("{\"a\":\"\\\"\",\"_m\\u0065thod\" : 1}", true)]
    [InlineData("{\"a\":\"_method\",\"x_method\":1,\"_methodx\":1}", false)]
    public void Members(string text, bool expected)
    {
        Cut(text, () => new MethodOverrideJson(), (names, piece) => names.Finds(piece), _ => false, expected);
    }

    public static TheoryData<string> Dressed { get; } =
    [
        "＿ｍｅｔｈｏｄ",
        "_me\u200bthod",
        "\ufeff_method",
        "_\u0301method",
        "_metho\u20ddd",
        "_method\u00ad",
        "_ⓜⓔⓣⓗⓞⓓ",
        "_𝐦𝐞𝐭𝐡𝐨𝐝",
        "_méthod",
        "_ⅿethoⅾ",
        "_met\u210eod",
        "%255Fmethod",
        "%25255Fmethod",
        "%C1%9Fmethod",
        "%E0%81%9Fmethod",
        "%u005Fmethod",
        "%EF%BC%BFmethod",
        "_method%20",
        "_method%00",
        "%00_method",
        "_me%00thod",
        "_method%3Fx",
        "_method.",
        "．method",
        "_ＭＥＴＨＯＤ［x］",
        "%E2%80%8B%20_method",
        "_method%ff",
        "_m" + string.Concat(Enumerable.Repeat("\u200b", 200)) + "ethod",
        string.Concat(Enumerable.Repeat("%25E2%2580%258B", 40)) + "_method",
    ];

    [Theory]
    [MemberData(nameof(Dressed))]
    public void The_name_is_found_in_whatever_dress_a_reader_would_still_know_it(string name)
    {
        foreach (
            var (text, kinds) in new[]
            {
                ($"a=1&{name}=DELETE", MethodOverrideKinds.UrlEncoded),
                ($"{name}=DELETE", MethodOverrideKinds.UrlEncoded | MethodOverrideKinds.Json),
                ($"--b\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\nDELETE\r\n--b--\r\n", MethodOverrideKinds.Multipart),
                ($"{{\"a\":1,\"{name}\" : 1}}", MethodOverrideKinds.Json),
                ($"{{'x\"é':1,\"{name}\":1}}", MethodOverrideKinds.Json),
                ($"{{\"{string.Concat(name.Select(c => $"\\u{(int)c:x4}"))}\":1}}", MethodOverrideKinds.Json),
            }
        )
        {
            foreach (var size in new[] { 2, 3, 7, 4096 })
            {
                Should.Throw<MethodOverrideException>(() => Read(text, kinds, [size], new()), $"{Uri.EscapeDataString(text)} {kinds}");
            }
        }

        MethodOverrideName.Is(Uri.UnescapeDataString(name)).ShouldBeTrue();
    }

    [Theory]
    [InlineData(
        "größe=1&日本語=2&m%C3%A9thode=3&x%5Fmethod=4&_methöden=5&%F0%9F%98%80=6&methodé=7",
        nameof(MethodOverrideKinds.UrlEncoded)
    )]
    [InlineData(
        "{\"größe\":\"＿ｍｅｔｈｏｄ\",\"日本語\":\"é_method\",\"é\":{\"x＿ｍｅｔｈｏｄ\":\"\u200b\"},\"\\n\":[\" _method\"],\"a%5Fmethod\":1}",
        nameof(MethodOverrideKinds.Json)
    )]
    [InlineData(
        "--b\r\nContent-Disposition: form-data; name=\"größe\"\r\n\r\n＿ｍｅｔｈｏｄ\r\n--b--\r\n",
        nameof(MethodOverrideKinds.Multipart)
    )]
    public void Other_names_cross(string text, string kind)
    {
        var read = new MemoryStream();
        Read(text, Enum.Parse<MethodOverrideKinds>(kind), [5], read);
        Encoding.UTF8.GetString(read.ToArray()).ShouldBe(text);
    }

    [Theory]
    [InlineData("utf-16", false)]
    [InlineData("utf-16", true)]
    [InlineData("utf-16BE", false)]
    [InlineData("utf-16BE", true)]
    [InlineData("utf-32", false)]
    [InlineData("utf-32", true)]
    [InlineData("utf-32BE", false)]
    [InlineData("utf-32BE", true)]
    public void Json_in_an_encoding_that_nobody_named_is_refused(string charset, bool isMarked)
    {
        var encoding = Encoding.GetEncoding(charset);
        foreach (var text in new[] { "{\"_method\":\"DELETE\"}", " \n[1]", "1", "\"日本\"" })
        {
            foreach (
                var kinds in new[]
                {
                    MethodOverrideKinds.Json,
                    MethodOverrideKinds.Json | MethodOverrideKinds.UrlEncoded,
                    MethodOverrideKinds.Json | MethodOverrideKinds.UrlEncoded | MethodOverrideKinds.Multipart,
                }
            )
            {
                byte[] body = [.. isMarked ? encoding.GetPreamble() : [], .. encoding.GetBytes(text)];
                foreach (var size in new[] { 1, 2, 3, 4096 })
                {
                    Should.Throw<JsonEncodingException>(() => Read(body, kinds, [size], new()));
                }
            }
        }
    }

    [Fact]
    public void A_byte_order_mark_of_utf_8_is_no_other_encoding() =>
        Read([.. Encoding.UTF8.GetPreamble(), .. "{}"u8], MethodOverrideKinds.Json, [3], new());

    [Theory]
    [InlineData("a=1&_method")]
    [InlineData("_method")]
    [InlineData("a=1&_method[]")]
    public void The_last_byte_of_a_body_that_ends_in_the_name_is_not_given_away(string text) =>
        Prop.ForAll(Gen.Choose(1, text.Length + 2).NonEmptyListOf().ToArbitrary(), sizes =>
            {
                var read = new MemoryStream();
                Should.Throw<MethodOverrideException>(() => Read(text, MethodOverrideKinds.UrlEncoded, [.. sizes], read));
                read.Length.ShouldBeLessThan(text.Length);
            })
            .QuickCheckThrowOnFailure();

    [Theory]
    [InlineData("_methods=1&a_method=2&a=_method&b")]
    [InlineData("_method_=1")]
    public void Every_byte_of_another_body_comes_once_and_in_order(string text) =>
        Prop.ForAll(Gen.Choose(2, text.Length + 2).NonEmptyListOf().ToArbitrary(), sizes =>
            {
                var read = new MemoryStream();
                Read(text, MethodOverrideKinds.UrlEncoded | MethodOverrideKinds.Multipart, [.. sizes], read);
                Encoding.ASCII.GetString(read.ToArray()).ShouldBe(text);
            })
            .QuickCheckThrowOnFailure();

    private static void Read(string text, MethodOverrideKinds kinds, List<int> sizes, MemoryStream into) =>
        Read(Encoding.UTF8.GetBytes(text), kinds, sizes, into);

    private static void Read(byte[] body, MethodOverrideKinds kinds, List<int> sizes, MemoryStream into)
    {
        using var watch = new MethodOverrideStream(new MemoryStream(body), kinds);
        for (var i = 0; ; i++)
        {
            var buffer = new byte[sizes[i % sizes.Count]];
            var reading = watch.ReadAsync(buffer, 0, buffer.Length);
            reading.IsCompleted.ShouldBeTrue("memory answers at once");
            var count = reading.GetAwaiter().GetResult();
            if (count == 0)
            {
                return;
            }

            into.Write(buffer, 0, count);
        }
    }

    private static void Cut<T>(string text, Func<T> fresh, Func<T, byte[], bool> finds, Func<T, bool> ends, bool expected) =>
        Prop.ForAll(Gen.Choose(1, text.Length).NonEmptyListOf().ToArbitrary(), sizes =>
            {
                var names = fresh();
                var bytes = Encoding.ASCII.GetBytes(text);
                var found = false;
                for (int i = 0, at = 0; at < bytes.Length && !found; i++)
                {
                    var end = Math.Min(bytes.Length, at + sizes[i % sizes.Count]);
                    (found, at) = (finds(names, bytes[at..end]), end);
                }

                (found || ends(names)).ShouldBe(expected);
            })
            .QuickCheckThrowOnFailure();
}
