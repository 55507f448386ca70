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
