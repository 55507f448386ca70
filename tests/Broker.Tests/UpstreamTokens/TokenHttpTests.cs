using System.Net;
using System.Net.Sockets;
using Broker.Configuration;
using Broker.UpstreamTokens;
using Shouldly;
using Xunit;

namespace Broker.Tests.UpstreamTokens;

public sealed class TokenHttpTests : IDisposable
{
    private readonly HttpMessageInvoker invoker = TokenHttp.NewInvoker();

    public void Dispose() => invoker.Dispose();

    [Theory]
    [InlineData("HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n", "redirect")]
    [InlineData("HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 13\r\n\r\n<html></html>", "not-json")]
    [InlineData("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", "not-json")]
    [InlineData("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{\"access_token\":\"a\"", "cut")]
    [InlineData("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n[]", "http-200")]
    [InlineData("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}", "no-token")]
    [InlineData("HTTP/1.1 500 X\r\nContent-Length: 0\r\n\r\n", "http-500")]
    [InlineData("HTTP/1.1 503 X\r\nContent-Length: 0\r\n\r\n", "http-503")]
    [InlineData("rubbish\r\n\r\n", "malformed")]
    public async Task What_is_no_answer_is_unknown(string answer, string reason)
    {
        await using var endpoint = new RawEndpoint(answer);
        var said = await Login(endpoint.Address);
        said.Kind.ShouldBe(TokenAnswerKind.Unknown);
        said.Reason.ShouldBe(reason);
        endpoint.Requests.Count.ShouldBe(1); // never sent twice
    }

    [Fact]
    public async Task Five_megabytes_are_not_read()
    {
        await using var endpoint = new RawEndpoint(
            RawEndpoint.Json($$"""{"access_token":"{{new string('a', 5_000_000)}}","expires_in":60}""")
        );
        (await Login(endpoint.Address)).Reason.ShouldBe("too-large");
    }

    [Theory]
    [InlineData(429, "", null)]
    [InlineData(429, "Retry-After: 7\r\n", 7)]
    [InlineData(503, "Retry-After: 9\r\n", 9)]
    public async Task An_endpoint_that_has_no_time_did_nothing(int status, string headers, int? seconds)
    {
        await using var endpoint = new RawEndpoint(RawEndpoint.Json("{}", status, headers));
        var said = await Login(endpoint.Address);
        said.Kind.ShouldBe(TokenAnswerKind.NotNow);
        said.RetryAfter.ShouldBe(seconds is { } known ? TimeSpan.FromSeconds(known) : null);
    }

    [Fact]
    public async Task A_refused_connection_and_a_name_that_is_none_are_not_now()
    {
        var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        var port = ((IPEndPoint)listener.LocalEndpoint).Port;
        listener.Stop();
        (await Login(new Uri($"http://127.0.0.1:{port}/"))).Kind.ShouldBe(TokenAnswerKind.NotNow);
        (await Login(new Uri("http://no-such-name.invalid/"))).Kind.ShouldBe(TokenAnswerKind.NotNow);
    }

    [Fact]
    public async Task A_failed_TLS_handshake_is_not_now()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        var answer = Login(new Uri($"https://127.0.0.1:{((IPEndPoint)listener.LocalEndpoint).Port}/"));
        using (var client = await listener.AcceptTcpClientAsync())
        {
            await client.GetStream().WriteAsync("this is not TLS\r\n"u8.ToArray());
        }
        (await answer).Kind.ShouldBe(TokenAnswerKind.NotNow);
    }

    [Fact]
    public async Task An_endpoint_that_hangs_is_left_at_the_deadline()
    {
        await using var endpoint = new RawEndpoint(null);
        using var deadline = new CancellationTokenSource(TimeSpan.FromMilliseconds(300));
        await Should.ThrowAsync<OperationCanceledException>(() => Login(endpoint.Address, cancellation: deadline.Token));
    }

    [Theory]
    [InlineData("60", 60.0)]
    [InlineData("86399.0", 86399.0)]
    [InlineData("\"3600\"", 3600.0)]
    [InlineData("\"3599.5\"", 3599.5)]
    public async Task Expires_in_is_read_in_every_form_that_is_a_time(string expiresIn, double seconds)
    {
        await using var endpoint = new RawEndpoint(
            RawEndpoint.Json($$"""{"access_token":"a.b.c","token_type":"bearer","expires_in":{{expiresIn}}}""")
        );
        var said = await Login(endpoint.Address);
        said.Kind.ShouldBe(TokenAnswerKind.Token);
        said.Life.TotalSeconds.ShouldBe(seconds);
    }

    [Fact]
    public async Task Without_expires_in_the_end_of_the_JWT_counts()
    {
        var end = TimeProvider.System.GetUtcNow().AddMinutes(20).ToUnixTimeSeconds();
        var claims = System.Buffers.Text.Base64Url.EncodeToString(System.Text.Encoding.UTF8.GetBytes($$"""{"exp":{{end}}}"""));
        await using var endpoint = new RawEndpoint(RawEndpoint.Json($$"""{"access_token":"e30.{{claims}}.x"}"""));
        (await Login(endpoint.Address)).Life.TotalMinutes.ShouldBeInRange(19.5, 20);
    }

    [Theory]
    [InlineData("a b", "Bearer")]
    [InlineData("a\\r\\nX-Admin: 1", "Bearer")]
    [InlineData("a\\u00e9", "Bearer")]
    [InlineData("", "Bearer")]
    [InlineData("abc", "mac")]
    public async Task A_token_that_cannot_be_a_bearer_token_is_unknown(string token, string type)
    {
        await using var endpoint = new RawEndpoint(
            RawEndpoint.Json($$"""{"access_token":"{{token}}","token_type":"{{type}}","expires_in":60}""")
        );
        (await Login(endpoint.Address)).Kind.ShouldBe(TokenAnswerKind.Unknown);
    }

    [Fact]
    public async Task Form_and_Basic_are_encoded_for_where_they_stand()
    {
        await using var endpoint = new RawEndpoint(RawEndpoint.Json("""{"access_token":"a","expires_in":60}"""));
        await Login(endpoint.Address, client: "a:b&grant_type=x", secret: "c d%");
        var request = endpoint.Requests.ShouldHaveSingleItem();
        var basic = request.Split("\r\n").Single(line => line.StartsWith("Authorization: Basic "))["Authorization: Basic ".Length..];
        System.Text.Encoding.ASCII.GetString(Convert.FromBase64String(basic)).ShouldBe("a%3Ab%26grant_type%3Dx:c+d%25");
        request.ShouldEndWith("\r\n\r\ngrant_type=client_credentials&scope=x+y&resource=a%26b");
        request.ShouldNotContain("traceparent");
    }

    private Task<TokenAnswer> Login(Uri endpoint, string client = "c", string secret = "s", CancellationToken cancellation = default) =>
        new OAuth2Source(
            new TokenHttp(invoker, TimeProvider.System),
            new OAuth2Request
            {
                Endpoint = endpoint,
                Account = new()
                {
                    ClientId = client,
                    ClientSecret = new Secret("test", secret),
                    Scopes = ["x", "y"],
                },
                ClientId = client,
                UserName = "",
                Parameters = [new("resource", "a&b")],
                Headers = [],
                AssumedLifetime = TimeSpan.FromMinutes(5),
            }
        ).Login(cancellation);
}
