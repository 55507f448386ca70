using System.Net;
using System.Security.Cryptography;
using System.Text.Json.Nodes;
using Broker.Configuration;
using Broker.Credentials;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;
using Shouldly;
using Xunit;

namespace Broker.Tests.Credentials;

public sealed class AuthorityTests : IAsyncDisposable
{
    private static readonly RSA Next = RSA.Create(2048);
    private readonly Bench bench = new();
    private readonly int port = FreePort();
    private readonly List<string> asked = [];
    private WebApplication? server;
    private Func<HttpContext, Task>? answer;
    private JsonArray keys = [Jwk(Bench.IssuerRsa, "one")];

    private string Address => $"http://127.0.0.1:{port}";

    public async ValueTask DisposeAsync()
    {
        await Stop();
        bench.Dispose();
    }

    [Fact]
    public async Task Discovery_finds_the_keys_and_a_rotation_is_followed_without_asking_for_each_token()
    {
        await Start();
        Use();
        (await Read("one", Bench.IssuerRsa)).Caller.ShouldNotBeNull().Identity.ShouldBe("corp:alice");
        asked.Count.ShouldBe(2);

        // An unknown key id within the quiet time asks nobody.
        keys = [Jwk(Next, "two")];
        for (var i = 0; i < 20; i++)
        {
            (await Read("two", Next, $"{i}")).Problem.ShouldBe(CredentialProblem.Invalid);
        }

        asked.Count.ShouldBe(2);
        bench.Clock.Advance(Authority.UnknownKeyAfter);
        (await Read("two", Next)).Caller.ShouldNotBeNull();
        asked.Count.ShouldBe(4);

        // The key that left is gone, also for a token that was remembered under it.
        (await Read("one", Bench.IssuerRsa)).Problem.ShouldBe(CredentialProblem.Invalid);
    }

    [Fact]
    public async Task Many_tokens_at_once_are_one_fetch()
    {
        await Start();
        Use();
        var results = await Task.WhenAll(Enumerable.Range(0, 50).Select(i => Read("one", Bench.IssuerRsa, $"{i}")));
        results.ShouldAllBe(result => result.Caller != null);
        asked.Count.ShouldBe(2);
    }

    [Fact]
    public async Task An_authority_that_was_never_reached_is_unknown_and_not_invalid_and_is_found_when_it_comes_back()
    {
        Use();
        for (var i = 0; i < 5; i++)
        {
            (await Read("one", Bench.IssuerRsa, $"{i}")).ShouldBe(new(null, CredentialProblem.Unknown));
        }

        TheAuthority.Fetches.ShouldBe(1);
        await Start();
        (await Read("one", Bench.IssuerRsa)).Problem.ShouldBe(CredentialProblem.Unknown); // still quiet
        bench.Clock.Advance(Authority.RetryAfter);
        (await Read("one", Bench.IssuerRsa)).Caller.ShouldNotBeNull();
    }

    [Fact]
    public async Task Keys_known_serve_on_while_the_authority_is_down_and_over_a_reload()
    {
        await Start();
        Use();
        (await Read("one", Bench.IssuerRsa)).Caller.ShouldNotBeNull();
        await Stop();
        bench.Clock.Advance(Authority.RefreshAfter);
        (await Read("one", Bench.IssuerRsa)).Caller.ShouldNotBeNull();
        Use(corp => corp with { ClockSkew = TimeSpan.FromSeconds(10) });
        (await Read("one", Bench.IssuerRsa, "after the reload")).Caller.ShouldNotBeNull();
    }

    [Fact(Timeout = 60_000)]
    public async Task A_key_that_is_withdrawn_is_noticed_after_the_refresh_though_every_token_is_remembered()
    {
        await Start();
        Use();
        var token = Token("one", Bench.IssuerRsa, "x", 9000);
        (await Read(token)).Caller.ShouldNotBeNull();
        keys = [Jwk(Next, "two")];
        bench.Clock.Advance(Authority.RefreshAfter);
        (await Read(token)).Caller.ShouldNotBeNull(); // the refresh runs behind it
        while ((await Read(token)).Caller is not null)
        {
            TestContext.Current.CancellationToken.ThrowIfCancellationRequested();
            await Task.Yield();
        }

        (await Read(token)).Problem.ShouldBe(CredentialProblem.Invalid);
    }

    [Fact]
    public async Task A_key_set_that_holds_our_own_signing_key_gives_it_no_second_role()
    {
        keys = [Jwk(Bench.Rsa, "ours"), Jwk(Bench.IssuerRsa, "one")];
        await Start();
        Use();
        (await Read("one", Bench.IssuerRsa)).Caller.ShouldNotBeNull();
        (await Read("ours", Bench.Rsa)).Problem.ShouldBe(CredentialProblem.Invalid);
    }

    [Fact]
    public async Task A_discovery_document_of_another_issuer_is_not_believed()
    {
        answer = context =>
            context.Response.WriteAsync(
                context.Request.Path == "/jwks"
                    ? KeySet()
                    : new JsonObject { ["issuer"] = "https://else.example", ["jwks_uri"] = $"{Address}/jwks" }.ToJsonString()
            );
        await Start();
        Use();
        (await Read("one", Bench.IssuerRsa)).Problem.ShouldBe(CredentialProblem.Invalid);
    }

    [Theory]
    [InlineData("redirect")]
    [InlineData("html")]
    [InlineData("empty")]
    [InlineData("huge")]
    [InlineData("500")]
    [InlineData("no keys")]
    [InlineData("weak keys")]
    [InlineData("private keys")]
    public async Task An_authority_that_answers_nonsense_is_unknown(string what)
    {
        using var weak = RSA.Create(1024);
        answer = async context =>
        {
            switch (what)
            {
                case "redirect" when context.Request.Path != "/moved":
                    context.Response.Redirect("/moved");
                    break;
                case "huge":
                    await context.Response.WriteAsync(new string(' ', 2 * 1024 * 1024) + Document());
                    break;
                case "500":
                    context.Response.StatusCode = 500;
                    break;
                case "empty":
                    break;
                case "no keys" or "weak keys" or "private keys" when context.Request.Path == "/jwks":
                    JsonArray set = what == "no keys" ? [] : [Jwk(what == "weak keys" ? weak : Bench.IssuerRsa, "one")];
                    if (what == "private keys")
                    {
                        set[0]!["d"] = "AQAB";
                    }

                    await context.Response.WriteAsync(new JsonObject { ["keys"] = set }.ToJsonString());
                    break;
                default:
                    await context.Response.WriteAsync(what == "html" ? "<html>" : Document());
                    break;
            }
        };
        await Start();
        Use();
        (await Read("one", what == "weak keys" ? weak : Bench.IssuerRsa)).ShouldBe(new(null, CredentialProblem.Unknown));
    }

    private Authority TheAuthority => bench.Table.Issuers[0].Source.ShouldBeOfType<Authority>();

    private void Use(Func<IssuerOptions, IssuerOptions>? change = null)
    {
        var corp = bench.Corp() with { KeyFile = null, Issuer = null, Authority = Address, AllowInsecure = true };
        bench.Publish(Bench.With() with { Issuers = new Dictionary<string, IssuerOptions> { ["corp"] = change?.Invoke(corp) ?? corp } });
    }

    private string Token(string kid, RSA key, string id, int life = 7200) =>
        bench.CorpToken(
            c =>
            {
                c["iss"] = Address;
                c["jti"] = id;
                c["exp"] = bench.Clock.GetUtcNow().ToUnixTimeSeconds() + life;
            },
            $$"""{"alg":"RS256","kid":"{{kid}}"}""",
            i => key.SignData(i, HashAlgorithmName.SHA256, RSASignaturePadding.Pkcs1)
        );

    private Task<CredentialResult> Read(string kid, RSA key, string id = "") => Read(Token(kid, key, id));

    private Task<CredentialResult> Read(string token) =>
        bench.ReadAsync(CredentialKinds.Any, ("Authorization", "Bearer " + token)).AsTask();

    private string KeySet() => new JsonObject { ["keys"] = keys.DeepClone() }.ToJsonString();

    private string Document() => new JsonObject { ["issuer"] = Address, ["jwks_uri"] = $"{Address}/jwks" }.ToJsonString();

    private async Task Start()
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.ConfigureKestrel(kestrel => kestrel.Listen(IPAddress.Loopback, port));
        server = builder.Build();
        server.Run(context =>
        {
            lock (asked)
            {
                asked.Add(context.Request.Path);
            }

            return answer?.Invoke(context) ?? context.Response.WriteAsync(context.Request.Path == "/jwks" ? KeySet() : Document());
        });
        await server.StartAsync();
    }

    private async Task Stop()
    {
        if (server is not null)
        {
            await server.DisposeAsync();
            server = null;
        }
    }

    private static JsonObject Jwk(RSA key, string kid)
    {
        var p = key.ExportParameters(false);
        return new()
        {
            ["kty"] = "RSA",
            ["kid"] = kid,
            ["use"] = "sig",
            ["n"] = Url(p.Modulus!),
            ["e"] = Url(p.Exponent!),
        };
        static string Url(byte[] bytes) => System.Buffers.Text.Base64Url.EncodeToString(bytes);
    }

    private static int FreePort()
    {
        using var listener = new System.Net.Sockets.TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        return ((IPEndPoint)listener.LocalEndpoint).Port;
    }
}
