using Broker.Configuration;
using Broker.UpstreamTokens;
using Shouldly;
using Simulators;
using Xunit;
using static Broker.Tests.UpstreamTokens.ConfigBench;

namespace Broker.Tests.UpstreamTokens;

/// <summary>Each kind against its simulator, through the compiler: config in, bytes out.</summary>
public sealed class SourceTests : IDisposable
{
    private static readonly CancellationToken None = CancellationToken.None;

    private readonly ConfigBench bench = new(TimeProvider.System);

    public void Dispose() => bench.Dispose();

    [Theory]
    [InlineData("/api/Authentication/token/user", true)]
    [InlineData("/api/v2/authentication/token/user", true)]
    [InlineData("/api/Authentication/token/api-key", false)]
    [InlineData("/api/v2/authentication/token/api-key", false)]
    public async Task Telemax_takes_a_user_or_an_API_key(string path, bool isUser)
    {
        await using var telemax = await TelemaxSimulator.StartAsync(new());
        var account = isUser
            ? new TelemaxAccountOptions { UserName = TelemaxSimulator.UserName, Password = Secret(TelemaxSimulator.Password) }
            : new TelemaxAccountOptions { ApiKey = Secret(TelemaxSimulator.ApiKey) };
        var source = Source(Telemax(telemax, account, path));
        var answer = await source.Login(None);
        answer.Kind.ShouldBe(TokenAnswerKind.Token, answer.Reason);
        answer.Life.ShouldBe(TimeSpan.FromHours(24) - TimeSpan.FromSeconds(1));
        var wrong = account with { Password = isUser ? Secret("wrong") : null, ApiKey = isUser ? null : Secret("wrong") };
        (await Source(Telemax(telemax, wrong, path)).Login(None)).Kind.ShouldBe(TokenAnswerKind.Refused);
        telemax.Faults.TokenAnswer = Answer.Json(
            200,
            new
            {
                access_token = "",
                token_type = "bearer",
                expires_in = 0.0,
            }
        );
        (await source.Login(None)).Kind.ShouldBe(TokenAnswerKind.Unknown);
    }

    [Theory]
    [InlineData(LoginFieldsForm.String, true)]
    [InlineData(LoginFieldsForm.Object, true)]
    [InlineData(LoginFieldsForm.String, false)]
    [InlineData(LoginFieldsForm.Object, false)]
    public async Task Damoov_logs_in_and_refreshes_the_whole_pair(object form, bool isUser)
    {
        await using var damoov = await DamoovSimulator.StartAsync(new());
        var source = Source(Damoov(damoov, Account((LoginFieldsForm)form, isUser)));
        var first = await source.Login(None);
        first.Kind.ShouldBe(TokenAnswerKind.Token, first.Reason);
        first.Life.ShouldBe(TimeSpan.FromDays(1));
        var second = await source.Refresh(first.Pair!, None);
        second.Kind.ShouldBe(TokenAnswerKind.Token, second.Reason);
        second.Pair!.Refresh.ShouldNotBe(first.Pair!.Refresh);
        (await source.Refresh(first.Pair!, None)).Kind.ShouldBe(TokenAnswerKind.Refused);
        damoov.Refreshes.ShouldBe(2);
    }

    [Theory]
    [InlineData(400, false)]
    [InlineData(401, false)]
    [InlineData(401, true)]
    public async Task Damoov_refuses_in_the_status_or_in_the_body(int status, bool inBody)
    {
        await using var damoov = await DamoovSimulator.StartAsync(new() { RefreshRefusal = status, StatusInBody = inBody });
        var source = Source(Damoov(damoov, Account(LoginFieldsForm.String, true)));
        (await source.Refresh(new TokenPair("a.b.c", "dead"), None)).Kind.ShouldBe(TokenAnswerKind.Refused);
        var wrong = Account(LoginFieldsForm.String, true) with { Password = Secret("wrong") };
        (await Source(Damoov(damoov, wrong)).Login(None)).Kind.ShouldBe(TokenAnswerKind.Refused);
        damoov.Faults.TokenAnswer = Answer.Json(
            200,
            new { Status = 500, Result = new { AccessToken = new { Token = "x", ExpiresIn = 60 } } }
        );
        (await source.Login(None)).Kind.ShouldBe(TokenAnswerKind.Unknown);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Damoovs_lock_out_is_an_hour(bool inBody)
    {
        await using var damoov = await DamoovSimulator.StartAsync(new() { MaxLogins = 1, StatusInBody = inBody });
        var source = Source(Damoov(damoov, Account(LoginFieldsForm.String, false)));
        (await source.Login(None)).Kind.ShouldBe(TokenAnswerKind.Token);
        var locked = await source.Login(None);
        locked.Kind.ShouldBe(TokenAnswerKind.NotNow);
        locked.RetryAfter.ShouldBe(TimeSpan.FromHours(1));
    }

    [Fact]
    public async Task DeviceHives_end_stands_inside_the_JWT_and_its_refresh_token_keeps()
    {
        await using var hive = await DeviceHiveSimulator.StartAsync(new());
        var source = Source(
            Hive(hive, new() { Login = DeviceHiveSimulator.AdminLogin, Password = Secret(DeviceHiveSimulator.AdminPassword) })
        );
        var first = await source.Login(None);
        first.Kind.ShouldBe(TokenAnswerKind.Token, first.Reason);
        first.Life.TotalMinutes.ShouldBeInRange(29.5, 30);
        var second = await source.Refresh(first.Pair!, None);
        second.Kind.ShouldBe(TokenAnswerKind.Token, second.Reason);
        second.Pair!.Refresh.ShouldBeNull();
        (await source.Refresh(new TokenPair(null, "rubbish"), None)).Kind.ShouldBe(TokenAnswerKind.Refused);
        (await source.Refresh(new TokenPair(null, first.Pair!.Access), None)).Kind.ShouldBe(TokenAnswerKind.Refused);
        var wrong = Source(Hive(hive, new() { Login = DeviceHiveSimulator.AdminLogin, Password = Secret("wrong") }));
        (await wrong.Login(None)).Kind.ShouldBe(TokenAnswerKind.Refused);

        var byToken = bench.Cell(Hive(hive, new() { RefreshToken = Secret(first.Pair.Refresh!) }));
        (await byToken.Get(None)).Token.ShouldNotBeNull();
    }

    [Fact]
    public async Task OAuth2_knows_both_ways_of_client_authentication_and_every_grant()
    {
        await using var idp = await OAuth2Simulator.StartAsync(new());
        var basic = new OAuth2AccountOptions
        {
            ClientId = OAuth2Simulator.BasicClientId,
            ClientSecret = Secret(OAuth2Simulator.BasicClientSecret),
        };
        (await Login(idp, basic)).Kind.ShouldBe(TokenAnswerKind.Token);
        (await Login(idp, basic with { ClientSecret = Secret("wrong") })).Kind.ShouldBe(TokenAnswerKind.Refused);
        (await Login(idp, basic with { Scopes = ["read", "write"], Audience = OAuth2Simulator.OtherAudience })).Kind.ShouldBe(
            TokenAnswerKind.Token
        );
        (await Login(idp, basic with { Scopes = ["everything"] })).ShouldBe(TokenAnswer.Refused("http-400", isDefinite: false));
        var body = new OAuth2AccountOptions
        {
            ClientId = OAuth2Simulator.BodyClientId,
            ClientSecret = Secret(OAuth2Simulator.BodyClientSecret),
            ClientAuthentication = ClientAuthentication.Body,
        };
        var byPassword = body with
        {
            Grant = OAuth2Grant.Password,
            UserName = OAuth2Simulator.UserName,
            Password = Secret(OAuth2Simulator.Password),
        };
        foreach (
            var account in new[]
            {
                byPassword,
                basic with
                {
                    Grant = OAuth2Grant.Password,
                    UserName = byPassword.UserName,
                    Password = byPassword.Password,
                },
            }
        )
        {
            var source = Source(OAuth2(account, new Uri(idp.Address, OAuth2Simulator.TokenPath).AbsoluteUri));
            var first = await source.Login(None);
            if (first.Pair?.Refresh is null)
            {
                continue; // the simulator's client has not this grant
            }
            (await source.Refresh(first.Pair, None)).Kind.ShouldBe(TokenAnswerKind.Token);
            (await source.Refresh(first.Pair, None)).Kind.ShouldBe(TokenAnswerKind.Refused);
        }
        idp.RefreshesGranted.ShouldBeGreaterThan(0);
    }

    [Fact]
    public async Task OAuth2_sends_further_parameters_and_headers_filled_in()
    {
        await using var idp = await OAuth2Simulator.StartAsync(new());
        var tenant = new OAuth2AccountOptions
        {
            ClientId = OAuth2Simulator.TenantClientId,
            ClientSecret = Secret(OAuth2Simulator.TenantClientSecret),
            Parameters = new Dictionary<string, string> { [OAuth2Simulator.TenantParameter] = "{user}" },
            Headers = new Dictionary<string, string> { [OAuth2Simulator.TenantHeader] = "{user}" },
        };
        (await Login(idp, tenant, OAuth2Simulator.Tenant)).Kind.ShouldBe(TokenAnswerKind.Token);
        (await Login(idp, tenant, "x&tenant=acme")).Kind.ShouldNotBe(TokenAnswerKind.Token);
        idp.Received.Last().Body.ShouldContain("tenant=x%26tenant%3Dacme");
    }

    private async Task<TokenAnswer> Login(OAuth2Simulator idp, OAuth2AccountOptions account, string user = "u") =>
        await Source(OAuth2(account, new Uri(idp.Address, OAuth2Simulator.TokenPath).AbsoluteUri), user).Login(None);

    private ITokenSource Source(FetchedUpstreamOptions options, string user = "u") =>
        bench.Cell(options with { AllowInsecure = true }, new Dictionary<string, string> { ["user"] = user }).Renewer!.Plan.Source;

    private static DamoovAccountOptions Account(LoginFieldsForm form, bool isUser) =>
        isUser
            ? new()
            {
                DeviceToken = DamoovSimulator.Alice,
                InstanceId = DamoovSimulator.InstanceId,
                Password = Secret(DamoovSimulator.InstanceKey),
                LoginFields = form,
            }
            : new()
            {
                Email = DamoovSimulator.AdminEmail,
                Password = Secret(DamoovSimulator.AdminPassword),
                LoginFields = form,
            };

    private static TelemaxUpstreamOptions Telemax(TelemaxSimulator telemax, TelemaxAccountOptions account, string path) =>
        new() { TokenEndpoint = new Uri(telemax.Address, path).AbsoluteUri, Accounts = Accounts(account) };

    private static DamoovUpstreamOptions Damoov(DamoovSimulator damoov, DamoovAccountOptions account) =>
        new() { TokenEndpoint = new Uri(damoov.Address, "/v1/Auth/Login").AbsoluteUri, Accounts = Accounts(account) };

    private static DeviceHiveUpstreamOptions Hive(DeviceHiveSimulator hive, DeviceHiveAccountOptions account) =>
        new()
        {
            TokenEndpoint = new Uri(hive.Address, "/auth/rest/token").AbsoluteUri,
            AllowInsecure = true,
            Accounts = Accounts(account),
        };
}
