using Broker.Configuration;
using Shouldly;
using Xunit;

namespace Broker.Tests.Configuration;

public sealed class RedisChecksTests
{
    private static readonly Secret Names = new("test", new string('n', 32));
    private static readonly Secret Key = new("test", Convert.ToBase64String(new byte[32]));

    private static readonly RedisOptions Far = new()
    {
        Endpoints = ["redis.internal:6379"],
        NamingKey = Names,
        Password = Names,
        Tls = true,
        Encryption = new Dictionary<string, Secret> { ["k"] = Key },
    };

    private static readonly RedisOptions Near = new()
    {
        Endpoints = ["127.0.0.1:6379"],
        NamingKey = Names,
        AllowPlaintext = true,
    };

    [Fact]
    public void What_is_encrypted_and_guarded_is_in_order() => Errors(Far).ShouldBeEmpty();

    [Theory]
    [InlineData("127.0.0.1:6379")]
    [InlineData("localhost:6379")]
    [InlineData("[::1]:6379")]
    public void Plain_text_is_for_loopback(string endpoint) => Errors(Near with { Endpoints = [endpoint] }).ShouldBeEmpty();

    [Fact]
    public void Plain_text_off_loopback_is_refused() =>
        Errors(Near with { Endpoints = ["127.0.0.1:1", "10.0.0.1:1"], AllowInsecure = true })
            .ShouldHaveSingleItem()
            .ShouldContain("Broker:Redis:AllowPlaintext");

    [Fact]
    public void Without_a_key_it_is_refused_even_on_loopback() =>
        Errors(Near with { AllowPlaintext = false }).ShouldHaveSingleItem().ShouldContain("Broker:Redis:Encryption: there is no key");

    [Fact]
    public void Off_loopback_needs_tls_and_a_password()
    {
        var errors = Errors(Far with { Tls = false, Password = null });
        errors.Count.ShouldBe(2);
        errors.ShouldContain(error => error.Contains("Broker:Redis:Tls", StringComparison.Ordinal));
        errors.ShouldContain(error => error.Contains("Broker:Redis:Password", StringComparison.Ordinal));
        Errors(Far with { Tls = false, Password = null, AllowInsecure = true }).ShouldBeEmpty();
    }

    [Theory]
    [InlineData("redis.internal")]
    [InlineData("redis.internal:6379,password=x")]
    [InlineData("user:secret@redis.internal:6379")]
    [InlineData("redis.internal:6379/0")]
    [InlineData("")]
    public void An_endpoint_is_host_and_port(string endpoint) =>
        Errors(Far with { Endpoints = [endpoint] }).ShouldHaveSingleItem().ShouldContain("Broker:Redis:Endpoints:0");

    [Theory]
    [InlineData("c2hvcnQ=")]
    [InlineData("not base64")]
    public void A_key_is_32_bytes_in_base64(string key) =>
        Errors(Far with { Encryption = new Dictionary<string, Secret> { ["k"] = new("test", key) } })
            .ShouldHaveSingleItem()
            .ShouldContain("Broker:Redis:Encryption:k");

    [Theory]
    [InlineData("{x}")]
    [InlineData("")]
    public void A_prefix_cannot_change_the_slot(string prefix) =>
        Errors(Far with { KeyPrefix = prefix }).ShouldHaveSingleItem().ShouldContain("Broker:Redis:KeyPrefix");

    [Fact]
    public void A_name_key_is_long() =>
        Errors(Far with { NamingKey = new("test", "short") }).ShouldHaveSingleItem().ShouldContain("Broker:Redis:NamingKey");

    [Theory]
    [InlineData("no certificate in it")]
    [InlineData("-----BEGIN CERTIFICATE-----\nbm9uZQ==\n-----END CERTIFICATE-----")]
    public void An_authority_is_a_certificate(string pem) =>
        Errors(Far with { TlsCa = new("test", pem) }).ShouldHaveSingleItem().ShouldContain("Broker:Redis:TlsCa: holds no certificate");

    [Fact]
    public void Whom_to_trust_over_tls_is_not_said_where_there_is_none() =>
        Errors(Near with { TlsHost = "redis" }).ShouldHaveSingleItem().ShouldContain("Broker:Redis:Tls");

    [Fact]
    public void Only_password_authorities_and_ring_are_taken_over_while_it_runs()
    {
        var other = new Secret("test", new string('o', 44));
        RedisOptions
            .IsStartedAs(
                Far,
                Far with
                {
                    Endpoints = ["redis.internal:6379"],
                    Password = other,
                    TlsCa = other,
                    Encryption = new Dictionary<string, Secret>(),
                }
            )
            .ShouldBeTrue();
        RedisOptions.IsStartedAs(null, null).ShouldBeTrue();
        foreach (
            var changed in new RedisOptions?[]
            {
                null,
                Far with
                {
                    NamingKey = other,
                },
                Far with
                {
                    Endpoints = ["redis.internal:6380"],
                },
                Far with
                {
                    Tls = false,
                },
                Far with
                {
                    TlsHost = "x",
                },
                Far with
                {
                    KeyPrefix = "x",
                },
                Far with
                {
                    CallTimeout = TimeSpan.FromSeconds(2),
                },
                Far with
                {
                    Lease = TimeSpan.FromSeconds(9),
                },
                Far with
                {
                    MaxReplicas = 9,
                },
            }
        )
        {
            RedisOptions.IsStartedAs(Far, changed).ShouldBeFalse();
        }
    }

    private static List<string> Errors(RedisOptions options)
    {
        var mistakes = new ConfigErrors();
        new RedisChecks(options, mistakes).Check();
        return [.. mistakes.All.Where(mistake => mistake.Severity == Severity.Error).Select(mistake => $"{mistake}")];
    }
}
