using Broker.Configuration;
using Broker.Credentials;
using Shouldly;
using Xunit;

namespace Broker.FunctionalTests.TokenService;

/// <summary>What holds where the config says nothing: clients and operators count on these figures.</summary>
public sealed class DefaultsTests
{
    [Fact]
    public async Task A_token_service_that_says_nothing_has_these_figures()
    {
        await using var bed = await TokenBed.Start(broker => broker["TokenService"] = new System.Text.Json.Nodes.JsonObject());

        var service = bed.Broker.Snapshots.Current.Broker.TokenService.ShouldNotBeNull();

        service.SessionLifetime.ShouldBe(TimeSpan.FromDays(182)); // DeviceHive's refresh token
        service.MaxLifetime.ShouldBe(TimeSpan.FromDays(30)); // of an access token for which a longer expiration was asked
        bed.Keys.AccessLifetime.ShouldBe(TimeSpan.FromMinutes(30)); // and its access token
        service.UnknownAfter.ShouldBe(TimeSpan.FromSeconds(30));
        service.WhenUnknown.ShouldBe(WhenUnknown.Refuse);
        service.RefreshTokens.ShouldBe(RefreshTokens.Static);
        service.RotationGrace.ShouldBe(TimeSpan.FromSeconds(10));
        service.FirstWait.ShouldBe(TimeSpan.FromSeconds(1));
        service.Messages.ShouldBe(LoginMessages.Uniform);
        service.PasswordGrant.ShouldBeFalse();
        (service.UsersOf, service.PublicUrl, service.CorsPolicy).ShouldBe((null, null, null));
        service.Prefixes.ShouldBe(["/token", "/auth/rest/token", "/api/rest/token"]);
        service.OAuthPrefix.ShouldBe("/oauth");
        service.Plugins.ShouldBeEmpty();
        LocalLoginThrottle.Free.ShouldBe(10);
        LocalLoginThrottle.Longest.ShouldBe(TimeSpan.FromMinutes(15));
        var now = DateTimeOffset.UtcNow;
        DateTimeOffset
            .FromUnixTimeSeconds(TokenBed.Claims((await bed.LogIn("operator")).Refresh).GetProperty("sxp").GetInt64())
            .ShouldBe(now.AddDays(182), TimeSpan.FromSeconds(30));
    }
}
