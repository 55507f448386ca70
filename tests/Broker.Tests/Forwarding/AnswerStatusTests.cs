using System.Text;
using Broker.Forwarding;
using FsCheck;
using FsCheck.Fluent;
using Shouldly;
using Xunit;

namespace Broker.Tests.Forwarding;

/// <summary>The status of an answer, in whatever pieces it comes.</summary>
public sealed class AnswerStatusTests
{
    [Theory]
    [InlineData("HTTP/1.1 401 Unauthorized\r\n", 401)]
    [InlineData("HTTP/1.0 200 OK\r\n", 200)]
    [InlineData("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 401 No\r\n", 401)]
    [InlineData("HTTP/1.1 103 Early Hints\r\nLink: </401>\r\n\r\nHTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 204 \r\n", 204)]
    [InlineData("HTTP/1.1 102 Processing\r\nX: HTTP/1.1 401\r\n", 0)]
    [InlineData("HTTP/1.1 40", 0)]
    [InlineData("SSH-2.0-OpenSSH_9.2", -1)]
    [InlineData("HTTP/1.1 x01 No\r\n", -1)]
    public void It_is_the_first_that_is_not_interim_however_it_is_cut(string text, int expected)
    {
        Prop.ForAll(Gen.Choose(1, text.Length).NonEmptyListOf().ToArbitrary(), sizes =>
            {
                var status = default(EarlyResponseStatus);
                var bytes = Encoding.ASCII.GetBytes(text).AsSpan();
                var code = 0;
                for (var i = 0; code == 0 && bytes.Length > 0; i++)
                {
                    var size = Math.Min(sizes[i % sizes.Count], bytes.Length);
                    code = status.Read(bytes[..size]);
                    bytes = bytes[size..];
                }

                code.ShouldBe(expected);
            })
            .QuickCheckThrowOnFailure();
    }
}
