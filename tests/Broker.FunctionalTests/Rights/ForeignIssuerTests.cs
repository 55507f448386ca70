using System.Buffers.Text;
using System.Net;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json.Nodes;
using Shouldly;
using Xunit;

namespace Broker.FunctionalTests.Rights;

/// <summary>Bearer tokens of an external issuer end to end, where the whole way counts: header limits, both protocols, the log.</summary>
public sealed class ForeignIssuerTests : IDisposable
{
    private readonly RSA rsa = RSA.Create(2048);
    private readonly string file = Path.GetTempFileName();

    public ForeignIssuerTests() => File.WriteAllText(file, rsa.ExportSubjectPublicKeyInfoPem());

    public void Dispose()
    {
        rsa.Dispose();
        File.Delete(file);
    }

    [Theory]
    [InlineData("Http1", 32, 9_000, 200)]
    [InlineData("Http1", 32, 30_000, 200)]
    [InlineData("Http1", 32, 40_000, 431)]
    [InlineData("Http1", 256, 200_000, 200)]
    [InlineData("Http2", 32, 9_000, 200)]
    [InlineData("Http2", 32, 30_000, 200)]
    [InlineData("Http2", 32, 40_000, 431)]
    [InlineData("Http2", 256, 200_000, 200)]
    public async Task The_limit_on_headers_is_the_limit_on_tokens(string protocol, int limit, int length, int status)
    {
        await using var upstream = await EchoUpstream.Start();
        await using var broker = await Start(upstream, protocol, limit);
        var token = Token(claims => claims["groups"] = new string('g', (length * 3 / 4) - 500));
        token.Length.ShouldBeInRange(length - 500, length);

        if (status == 200)
        {
            (await Ask(broker, protocol, token)).ShouldBe(200);
            (await Ask(broker, protocol, token)).ShouldBe(200); // remembered
            upstream.Requests.ShouldAllBe(request => request.Headers["Authorization"] == $"Bearer {TestConfig.UpstreamSecret}");
        }
        else
        {
            var answer = await Record.ExceptionAsync(async () => (await Ask(broker, protocol, token)).ShouldBe(status));
            (answer is null or HttpRequestException).ShouldBeTrue($"{answer}"); // over HTTP/2 Kestrel may end the connection
            upstream.Requests.ShouldBeEmpty();
        }
    }

    [Fact]
    public async Task The_log_says_at_Information_why_a_token_was_refused_and_says_it_once_for_a_flood()
    {
        await using var upstream = await EchoUpstream.Start();
        await using var broker = await Start(upstream, "Http1", 32);
        var token = Token(claims => claims["aud"] = "somebody else");
        for (var i = 0; i < 200; i++)
        {
            (await Ask(broker, "Http1", token)).ShouldBe(401);
        }

        var log = await broker.LogHolding("was refused by the rule");
        var lines = log.Split('\n').Where(line => line.Contains("was refused by the rule", StringComparison.Ordinal)).ToList();
        lines.Count.ShouldBeLessThan(10);
        lines[0].ShouldContain("audience");
        lines[0].ShouldContain("somebody else");
        lines[0].ShouldContain("corp");
        log.ShouldNotContain(token.Split('.')[1][20..]);
        upstream.Requests.ShouldBeEmpty();
    }

    [Fact]
    public async Task Cognitos_and_Keycloaks_access_tokens_pass_with_the_options_that_they_need()
    {
        await using var upstream = await EchoUpstream.Start();
        await using var broker = await Start(upstream, "Http1", 32, issuer =>
        {
            issuer["Audience"] = JsonNode.Parse("""{ "Claim": "client_id" }""");
            issuer["Networks"] = JsonNode.Parse("""{ "Claim": "/realm_access/roles" }""");
        });
        (await Ask(broker, "Http1", Token(claims => Cognito(claims, "broker")))).ShouldBe(200);
        (await Ask(broker, "Http1", Token(claims => Cognito(claims, "other")))).ShouldBe(401);

        await using var open = await Start(upstream, "Http1", 32, issuer =>
        {
            issuer["Audience"] = "none";
            issuer.Remove("Audiences");
        });
        (await Ask(open, "Http1", Token(claims => claims.Remove("aud")))).ShouldBe(200);
        (await Ask(open, "Http1", Token(claims => claims["nonce"] = "n"))).ShouldBe(401);
        (await Ask(open, "Http1", Token(claims => (claims["nonce"], claims["typ"]) = ("n", "Bearer")))).ShouldBe(200);

        static void Cognito(JsonObject claims, string client)
        {
            claims.Remove("aud");
            (claims["client_id"], claims["token_use"]) = (client, "access");
        }
    }

    private async Task<int> Ask(BrokerUnderTest broker, string protocol, string token)
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, "/x");
        request.Headers.TryAddWithoutValidation("Authorization", $"Bearer {token}");
        request.Version = protocol == "Http2" ? HttpVersion.Version20 : HttpVersion.Version11;
        request.VersionPolicy = HttpVersionPolicy.RequestVersionExact;
        using var answer = await broker.Client.SendAsync(request);
        return (int)answer.StatusCode;
    }

    private string Token(Action<JsonObject> change)
    {
        var now = DateTimeOffset.UtcNow.ToUnixTimeSeconds();
        var claims = new JsonObject
        {
            ["iss"] = "https://corp.example",
            ["sub"] = "alice",
            ["aud"] = "broker",
            ["iat"] = now - 10,
            ["exp"] = now + 600,
        };
        change(claims);
        var header = Base64Url.EncodeToString("""{"alg":"RS256","typ":"JWT"}"""u8);
        var input = $"{header}.{Base64Url.EncodeToString(Encoding.UTF8.GetBytes(claims.ToJsonString()))}";
        var signature = rsa.SignData(Encoding.ASCII.GetBytes(input), HashAlgorithmName.SHA256, RSASignaturePadding.Pkcs1);
        return $"{input}.{Base64Url.EncodeToString(signature)}";
    }

    private Task<BrokerUnderTest> Start(EchoUpstream upstream, string protocol, int kilobytes, Action<JsonObject>? change = null)
    {
        var config = TestConfig.With(upstream.Address, ("all", TestConfig.CatchAll));
        var issuer = JsonNode
            .Parse(
                """
                { "Issuer": "https://corp.example", "Audiences": [ "broker" ],
                  "Actions": { "Const": [ "*" ] }, "Networks": { "Const": [ "*" ] },
                  "DeviceTypes": { "Const": [ "*" ] }, "Devices": { "Const": [ "*" ] } }
                """
            )!
            .AsObject();
        issuer["KeyFile"] = file;
        change?.Invoke(issuer);
        config["Broker"]!["Issuers"] = new JsonObject { ["corp"] = issuer };
        config["Broker"]!["Limits"] = new JsonObject { ["RequestHeaderBytes"] = kilobytes * 1024 };
        config["Kestrel"] = JsonNode.Parse(
            $$"""{ "Endpoints": { "public": { "Url": "http://127.0.0.1:0", "Protocols": "{{protocol}}" } } }"""
        );
        return BrokerUnderTest.Start(config.ToJsonString(), TestConfig.Environment);
    }
}
