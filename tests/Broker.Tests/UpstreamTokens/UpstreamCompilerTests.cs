using Broker.Configuration;
using Broker.UpstreamTokens;
using Shouldly;
using Xunit;
using static Broker.Tests.UpstreamTokens.ConfigBench;

namespace Broker.Tests.UpstreamTokens;

public sealed class UpstreamCompilerTests : IDisposable
{
    private readonly ConfigBench bench = new();

    public static TheoryData<string, object> ConfigErrors =>
        new()
        {
            { "TokenEndpoint", Of(() => OAuth2(endpoint: "http://idp.example/token")) },
            { "TokenEndpoint", Of(() => OAuth2(endpoint: "/token")) },
            { "TokenEndpoint", Of(() => OAuth2(endpoint: "ftp://idp.example/token")) },
            { "TokenEndpoint", Of(() => OAuth2(endpoint: "https://user:pass@idp.example/token")) },
            { "TokenWaitTimeout", Of(() => OAuth2() with { TokenWaitTimeout = TimeSpan.Zero }) },
            { "CallDeadline", Of(() => OAuth2() with { CallDeadline = TimeSpan.FromSeconds(-1) }) },
            { "RenewBefore", Of(() => OAuth2() with { RenewBefore = TimeSpan.Zero }) },
            { "MaxRetryDelay", Of(() => OAuth2() with { MaxRetryDelay = TimeSpan.FromSeconds(1) }) },
            { "Logins:0:Permit", Of(() => OAuth2() with { Logins = [new() { Permit = 0, Per = TimeSpan.FromMinutes(1) }] }) },
            { "Logins", Of(() => OAuth2() with { Logins = [] }) },
            { "Accounts", Of(() => OAuth2() with { Accounts = new Dictionary<string, OAuth2AccountOptions>() }) },
            { "IdHeaders:0", Of(() => OAuth2() with { IdHeaders = ["a b"] }) },
            { "Accounts:default:ClientId", Of(() => OAuth2(Client with { ClientId = "{nobody:sub}" })) },
            { "Accounts:default:ClientId", Of(() => OAuth2(Client with { ClientId = "{user" })) },
            { "Accounts:default:ClientId", Of(() => OAuth2(Client with { ClientId = "a}b" })) },
            { "Accounts:default:ClientId", Of(() => OAuth2(Client with { ClientId = "{corp:}" })) },
            { "Accounts:default:ClientId", Of(() => OAuth2(Client with { ClientId = "{user}{corp:sub}" })) },
            { "Accounts:default:ClientId", Of(() => OAuth2(Client with { ClientId = "" })) },
            { "Accounts:default:UserName", Of(() => OAuth2(Client with { UserName = "u" })) },
            { "Accounts:default:Password", Of(() => OAuth2(Client with { Grant = OAuth2Grant.Password, UserName = "u" })) },
            { "Accounts:default:RefreshToken", Of(() => OAuth2(Client with { RefreshToken = Secret("r") })) },
            { "Accounts:default:Keep", Of(() => OAuth2(Client with { Grant = OAuth2Grant.RefreshToken, RefreshToken = Secret("r") })) },
            {
                "Accounts:default:Keep",
                Of(() =>
                    OAuth2(Client with { Grant = OAuth2Grant.RefreshToken, RefreshToken = Secret("r"), RefreshTokenFile = "relative" })
                )
            },
            {
                "Accounts:default:Parameters:scope",
                Of(() => OAuth2(Client with { Parameters = new Dictionary<string, string> { ["scope"] = "x" } }))
            },
            {
                "Accounts:default:Headers:Host",
                Of(() => OAuth2(Client with { Headers = new Dictionary<string, string> { ["Host"] = "x" } }))
            },
            {
                "Accounts:default:Headers:Authorization",
                Of(() => OAuth2(Client with { Headers = new Dictionary<string, string> { ["Authorization"] = "x" } }))
            },
            { "Accounts:default:UserName", Of(() => Telemax(new())) },
            {
                "Accounts:default:ApiKey",
                Of(() =>
                    Telemax(
                        new()
                        {
                            UserName = "u",
                            Password = Secret("p"),
                            ApiKey = Secret("k"),
                        }
                    )
                )
            },
            { "Accounts:default:Password", Of(() => Telemax(new() { UserName = "u" })) },
            { "Accounts:default:DeviceToken", Of(() => Damoov(new() { Password = Secret("p") })) },
            { "Accounts:default:InstanceId", Of(() => Damoov(new() { DeviceToken = "{user}", Password = Secret("p") })) },
            { "Accounts:default:Login", Of(() => DeviceHive(new())) },
            { "Accounts:default:Password", Of(() => DeviceHive(new() { Login = "u" })) },
            { "Accounts:default:Header", Of(() => Static(new() { Value = Secret("v") })) },
            {
                "Accounts:default:Query",
                Of(() =>
                    Static(
                        new()
                        {
                            Header = "X-Key",
                            Query = "key",
                            Value = Secret("v"),
                        }
                    )
                )
            },
            { "Accounts:default:Header", Of(() => Static(new() { Header = "Content-Type", Value = Secret("v") })) },
            { "Accounts:default:Header", Of(() => Static(new() { Header = "X Key", Value = Secret("v") })) },
            { "Accounts:default:Value", Of(() => Static(new() { Header = "X-Key", Value = Secret("v\n") })) },
        };

    public void Dispose() => bench.Dispose();

    [Theory]
    [MemberData(nameof(ConfigErrors), DisableDiscoveryEnumeration = true)]
    public void A_mistake_is_told_at_its_key(string key, object make)
    {
        var (_, mistakes) = bench.Compile(("up", ((Func<UpstreamOptions>)make)()));
        mistakes.ShouldContain(
            mistake => mistake.Path == $"Broker:Upstreams:up:{key}" && mistake.Severity == Severity.Error,
            string.Join('\n', mistakes)
        );
    }

    [Fact]
    public void What_is_right_compiles_without_a_word()
    {
        var (table, mistakes) = bench.Compile(
            ("oauth2", OAuth2()),
            ("insecure", OAuth2(endpoint: "http://idp/token") with { AllowInsecure = true }),
            ("telemax", Telemax(new() { ApiKey = Secret("k") })),
            (
                "damoov",
                Damoov(
                    new()
                    {
                        DeviceToken = "{user}",
                        InstanceId = "i",
                        Password = Secret("p"),
                    }
                )
            ),
            ("devicehive", DeviceHive(new() { RefreshToken = Secret("r") })),
            ("static", Static(new() { Query = "key", Value = Secret("v") }))
        );
        mistakes.ShouldBeEmpty();
        table.ByName["damoov"].IdHeaders.ShouldContain("UserDeviceToken");
        table.ByName["static"].Accounts["default"].TokenQuery.ShouldBe("key");
        table.ByName["static"].Accounts["default"].TokenHeader.ShouldBeNull();
        table.ByName["oauth2"].Accounts["default"].TokenHeader.ShouldBe("Authorization");
    }

    [Fact]
    public void Two_accounts_cannot_keep_their_tokens_in_one_file()
    {
        var refresh = Client with { Grant = OAuth2Grant.RefreshToken, RefreshToken = Secret("r"), RefreshTokenFile = "/var/keep" };
        var (_, mistakes) = bench.Compile(("x", OAuth2(refresh)), ("y", OAuth2(refresh with { ClientId = "z" })));
        mistakes.ShouldContain(mistake => mistake.Path == "Broker:Upstreams:y:Accounts:default:Keep" && mistake.Severity == Severity.Error);
    }

    [Fact]
    public void An_account_whose_one_refresh_token_rotates_is_one_identity_whatever_its_scopes()
    {
        var refresh = Client with { Grant = OAuth2Grant.RefreshToken, RefreshToken = Secret("r"), ClientSecret = Secret("c") };
        CellPlan PlanOf(OAuth2AccountOptions account) =>
            bench.Compile(("up", OAuth2(account))).Table.ByName["up"].Accounts["default"].Cell(ConfigBench.NoValues)!.Renewer!.Plan;
        var plan = PlanOf(refresh);
        plan.IsOnlyOne.ShouldBeTrue();
        PlanOf(refresh with { Scopes = ["write"] }).Identity.ShouldBe(plan.Identity);
        PlanOf(refresh with { RefreshToken = Secret("another") }).Identity.ShouldNotBe(plan.Identity);
        PlanOf(refresh with { Rotates = false }).IsOnlyOne.ShouldBeFalse();
        PlanOf(refresh with { RefreshToken = Secret("") })
            .Identity.ShouldNotBe(
                bench
                    .Compile(("other", OAuth2(refresh with { RefreshToken = Secret("") })))
                    .Table.ByName["other"]
                    .Accounts["default"]
                    .Cell(ConfigBench.NoValues)!
                    .Renewer!.Plan.Identity
            );
    }

    [Theory]
    [InlineData(false, null)]
    [InlineData(false, "/var/keep")]
    [InlineData(true, null)]
    public void That_an_account_that_can_only_refresh_can_be_lost_is_told_once_and_redis_besides_where_there_is_one(
        bool hasRedis,
        string? keep
    )
    {
        using var shared = new ConfigBench { Redis = hasRedis ? new() { Endpoints = ["127.0.0.1:6379"], NamingKey = Secret("n") } : null };
        var refresh = Client with
        {
            Grant = OAuth2Grant.RefreshToken,
            RefreshToken = Secret("r"),
            Rotates = hasRedis || keep is not null,
            RefreshTokenFile = keep,
        };
        var warning = shared.Compile(("up", OAuth2(refresh)), ("other", OAuth2())).ConfigErrors.ShouldHaveSingleItem();
        (warning.Severity, warning.Path).ShouldBe((Severity.Warning, "Broker:Upstreams:up:Accounts:default:Grant"));
        warning.ToString().ShouldContain("can only refresh can be lost by a kill between spending its token and keeping the next");
        warning.ToString().Contains("a Redis that loses its memory", StringComparison.Ordinal).ShouldBe(hasRedis);
        warning.ToString().Contains("appendonly", StringComparison.Ordinal).ShouldBe(hasRedis);
    }

    /// <summary>The options are internal, and a theory is public.</summary>
    private static Func<UpstreamOptions> Of(Func<UpstreamOptions> options) => options;

    private static TelemaxUpstreamOptions Telemax(TelemaxAccountOptions account) =>
        new() { TokenEndpoint = "https://t.example/api/Authentication/token/user", Accounts = Accounts(account) };

    private static DamoovUpstreamOptions Damoov(DamoovAccountOptions account) =>
        new() { TokenEndpoint = "https://d.example/v1/Auth/Login", Accounts = Accounts(account) };

    private static DeviceHiveUpstreamOptions DeviceHive(DeviceHiveAccountOptions account) =>
        new() { TokenEndpoint = "https://h.example/auth/rest/token", Accounts = Accounts(account) };

    private static StaticUpstreamOptions Static(StaticAccountOptions account) => new() { Accounts = Accounts(account) };
}
