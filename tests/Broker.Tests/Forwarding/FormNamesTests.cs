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
        Cut(text, () => new UrlEncodedNames(), (names, piece) => names.Finds(piece), names => names.Ends(), expected);
    }

    [Theory]
    [InlineData("--b\r\nContent-Disposition: form-data; name=\"a\"; name*=UTF-8''_method\r\n\r\n", true)]
    [InlineData("--b\r\nContent-Disposition: form-data; filename=\"_method\"; name=\"x\"\r\n\r\n", false)]
    public void Parts(string text, bool expected)
    {
        Cut(text, () => new MultipartNames(), (names, piece) => names.Finds(piece), names => names.Ends(), expected);
    }

    [Theory]
    [InlineData("a=1&_method")]
    [InlineData("_method")]
    [InlineData("a=1&_method[]")]
    public void The_last_byte_of_a_body_that_ends_in_the_name_is_not_given_away(string text) =>
        Prop.ForAll(Gen.Choose(1, text.Length + 2).NonEmptyListOf().ToArbitrary(), sizes =>
        {
            var read = new MemoryStream();
            Should.Throw<MethodFieldException>(() => Read(text, FormKinds.UrlEncoded, [.. sizes], read));
            read.Length.ShouldBeLessThan(text.Length);
        }).QuickCheckThrowOnFailure();

    [Theory]
    [InlineData("_methods=1&a_method=2&a=_method&b")]
    [InlineData("_method_=1")]
    public void Every_byte_of_another_body_comes_once_and_in_order(string text) =>
        Prop.ForAll(Gen.Choose(2, text.Length + 2).NonEmptyListOf().ToArbitrary(), sizes =>
        {
            var read = new MemoryStream();
            Read(text, FormKinds.UrlEncoded | FormKinds.Multipart, [.. sizes], read);
            Encoding.ASCII.GetString(read.ToArray()).ShouldBe(text);
        }).QuickCheckThrowOnFailure();

    private static void Read(string text, FormKinds kinds, List<int> sizes, MemoryStream into)
    {
        using var watch = new FormWatch(new MemoryStream(Encoding.ASCII.GetBytes(text)), kinds);
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
        }).QuickCheckThrowOnFailure();
}
