using System.Buffers.Text;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json.Nodes;
using Broker.FunctionalTests.Commands;
using Microsoft.AspNetCore.Http;
using Shouldly;
using Xunit;

namespace Broker.FunctionalTests.Rights;

/// <summary>Each kind of credential end to end: right, and wrong in every way that has a code of its own.</summary>
public sealed class CredentialTests : IAsyncLifetime
{
    private static readonly byte[] Secret = [.. Enumerable.Range(1, 32).Select(number => (byte)number)];
    private readonly RSA rsa = RSA.Create(2048);
    private readonly RSA other = RSA.Create(2048);
    private EchoUpstream upstream = null!;
    private EchoUpstream authority = null!;
    private BrokerUnderTest broker = null!;

    public async ValueTask InitializeAsync()
    {
        (upstream, authority) = (await EchoUpstream.Start(), await EchoUpstream.Start());
        authority.Answer = context =>
            context.Response.WriteAsync(
                context.Request.Path.Value!.EndsWith("openid-configuration", StringComparison.Ordinal)
                    ? $$"""{ "issuer": "https://corp.example", "jwks_uri": "{{authority.Address}}keys" }"""
                    : Keys()
            );
        var config = TestConfig.With(upstream.Address, ("all", TestConfig.CatchAll));
        config["Broker"]!["Callers"]!["tester"]!["Basic"] = JsonNode.Parse("""{ "Hash": { "Env": "HASH" } }""");
        config["Broker"]!["Issuing"] = JsonNode.Parse(
            """{ "SigningKeys": { "k": { "Algorithm": "HS256", "Key": { "Env": "SIGNING_KEY" } } } }"""
        );
        config["Broker"]!["Issuers"] = new JsonObject
        {
            ["corp"] = Issuer(authority.Address),
            ["down"] = Issuer(new("http://127.0.0.1:1/")),
        };
        config["Broker"]!["Issuers"]!["corp"]!["Issuer"] = "https://corp.example";
        config["Broker"]!["Issuers"]!["down"]!["Issuer"] = "https://down.example";
        broker = await BrokerUnderTest.Start(
            config.ToJsonString(),
            [
                .. TestConfig.Environment,
                ("HASH", (await CommandRun.With([], "open sesame\n", "key", "hash")).Out.Trim()),
                ("SIGNING_KEY", Convert.ToBase64String(Secret)),
            ]
        );
    }

    public async ValueTask DisposeAsync()
    {
        await broker.DisposeAsync();
        await upstream.DisposeAsync();
        await authority.DisposeAsync();
        rsa.Dispose();
        other.Dispose();
    }

    [Theory]
    [InlineData("right", 200, null)]
    [InlineData("signature", 401, "credential-invalid")]
    [InlineData("expired", 401, "token-expired")]
    [InlineData("audience", 401, "credential-invalid")]
    [InlineData("issuer", 401, "credential-invalid")]
    [InlineData("none", 401, "credential-invalid")]
    [InlineData("id-token", 401, "credential-invalid")]
    [InlineData("down", 503, "credential-unverified")]
    public async Task A_token_of_an_external_issuer(string how, int status, string? code)
    {
        var claims = Claims("https://corp.example", "alice");
        var header = new JsonObject
        {
            ["alg"] = "RS256",
            ["kid"] = "1",
            ["typ"] = "at+jwt",
        };
        switch (how)
        {
            case "expired":
                claims["exp"] = Now - 3600;
                break;
            case "audience":
                claims["aud"] = "another";
                break;
            case "issuer":
                claims["iss"] = "https://another.example";
                break;
            case "down":
                claims["iss"] = "https://down.example";
                break;
            case "none":
                header["alg"] = "none";
                break;
            case "id-token":
                header["typ"] = "id_token";
                claims["nonce"] = "n";
                claims["typ"] = "ID";
                break;
        }

        var token = Token(header, claims, input =>
            (how == "signature" ? other : rsa).SignData(input, HashAlgorithmName.SHA256, RSASignaturePadding.Pkcs1)
        );

        await Sends(status, code, ("Authorization", $"Bearer {token}"));
        if (code is null)
        {
            await broker.LogHolding("corp:alice");
        }
    }

    [Theory]
    [InlineData("right", 200, null)]
    [InlineData("expired", 401, "token-expired")]
    [InlineData("refresh", 401, "credential-invalid")]
    [InlineData("kid", 401, "credential-invalid")]
    [InlineData("signature", 401, "credential-invalid")]
    [InlineData("caller", 401, "credential-invalid")]
    public async Task A_token_of_ours(string how, int status, string? code)
    {
        var claims = Claims("broker", "key:tester");
        var end = how == "expired" ? Now - 3600 : Now + 600;
        claims["exp"] = end;
        claims["jti"] = "x";
        claims["payload"] = new JsonObject
        {
            ["a"] = new JsonArray(0),
            ["n"] = new JsonArray("*"),
            ["dt"] = new JsonArray("*"),
            ["d"] = new JsonArray("*"),
            ["e"] = end * 1000,
            ["t"] = how == "refresh" ? 0 : 1,
        };
        if (how == "caller")
        {
            claims["sub"] = "key:nobody";
        }

        var header = new JsonObject
        {
            ["alg"] = "HS256",
            ["kid"] = how == "kid" ? "another" : "k",
            ["typ"] = "at+jwt",
        };
        var token = Token(header, claims, input => HMACSHA256.HashData(how == "signature" ? new byte[32] : Secret, input));

        await Sends(status, code, ("Authorization", $"Bearer {token}"));
    }

    [Theory]
    [InlineData("tester:open sesame", 200, null)]
    [InlineData("tester:open says me", 401, "credential-invalid")]
    [InlineData("tester:", 401, "credential-invalid")]
    [InlineData("nobody:open sesame", 401, "credential-invalid")]
    [InlineData("no colon", 401, "credential-invalid")]
    public Task A_password(string login, int status, string? code) => Sends(status, code, ("Authorization", Basic(login)));

    [Theory]
    [InlineData("Basic")]
    [InlineData("Bearer")]
    [InlineData("ApiKey")]
    [InlineData("X-Api-Key")]
    public async Task A_credential_twice_is_none(string kind)
    {
        var header = new JsonObject
        {
            ["alg"] = "RS256",
            ["kid"] = "1",
            ["typ"] = "at+jwt",
        };
        var token = Token(header, Claims("https://corp.example", "alice"), input =>
            rsa.SignData(input, HashAlgorithmName.SHA256, RSASignaturePadding.Pkcs1)
        );
        var credential = kind switch
        {
            "Basic" => ("Authorization", Basic("tester:open sesame")),
            "Bearer" => ("Authorization", $"Bearer {token}"),
            "ApiKey" => ("Authorization", $"ApiKey {TestConfig.Key}"),
            _ => ("X-Api-Key", TestConfig.Key),
        };

        await Sends(200, null, credential);
        await Sends(400, "ambiguous-credential", credential, credential);
        await Sends(
            400,
            "ambiguous-credential",
            credential,
            kind == "X-Api-Key" ? ("Authorization", Basic("tester:open sesame")) : ("X-Api-Key", TestConfig.Key)
        );
    }

    private static long Now => DateTimeOffset.UtcNow.ToUnixTimeSeconds();

    private static string Basic(string login) => "Basic " + Convert.ToBase64String(Encoding.UTF8.GetBytes(login));

    private static JsonObject Claims(string issuer, string subject) =>
        new()
        {
            ["iss"] = issuer,
            ["sub"] = subject,
            ["aud"] = "broker",
            ["iat"] = Now - 10,
            ["exp"] = Now + 600,
        };

    private static JsonObject Issuer(Uri address) =>
        JsonNode
            .Parse(
                $$"""
                { "Authority": "{{address.OriginalString.TrimEnd(
                    '/'
                )}}", "AllowInsecure": true, "Audiences": [ "broker" ], "Actions": { "Const": [ "*" ] }, "Networks": { "Const": [ "*" ] },
                  "DeviceTypes": { "Const": [ "*" ] }, "Devices": { "Const": [ "*" ] } }
                """
            )!
            .AsObject();

    private static string Token(JsonObject header, JsonObject claims, Func<byte[], byte[]> sign)
    {
        var input =
            $"{Base64Url.EncodeToString(Encoding.UTF8.GetBytes(header.ToJsonString()))}.{Base64Url.EncodeToString(Encoding.UTF8.GetBytes(claims.ToJsonString()))}";
        return $"{input}.{Base64Url.EncodeToString(sign(Encoding.ASCII.GetBytes(input)))}";
    }

    private string Keys()
    {
        var key = rsa.ExportParameters(false);
        return $$"""{ "keys": [ { "kty": "RSA", "use": "sig", "kid": "1", "n": "{{Base64Url.EncodeToString(key.Modulus)}}", "e": "{{Base64Url.EncodeToString(key.Exponent)}}" } ] }""";
    }

    /// <summary>
    /// Sends a request with these headers, one field line each; what was let through went out with our own token, the rest did not go out.
    /// </summary>
    private async Task Sends(int status, string? code, params (string Name, string Value)[] headers)
    {
        var before = upstream.Requests.Count;
        var answer = await RawHttp.Ask(
            broker.Address,
            "GET /x HTTP/1.1",
            ["Host: broker", .. headers.Select(header => $"{header.Name}: {header.Value}")]
        );

        answer.Status.ShouldBe(status, answer.ToString());
        answer.Code.ShouldBe(code);
        upstream.Requests.Count.ShouldBe(before + (code is null ? 1 : 0));
        if (code is null)
        {
            upstream.Requests.Last().Headers["Authorization"].ShouldBe($"Bearer {TestConfig.UpstreamSecret}");
        }
    }
}
