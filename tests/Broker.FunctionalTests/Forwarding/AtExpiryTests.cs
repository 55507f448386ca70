using System.Text.Json.Nodes;
using Broker.FunctionalTests.TokenService;
using Shouldly;
using Xunit;

namespace Broker.FunctionalTests.Forwarding;

/// <summary><c>"AtExpiry": "Finish"</c>: what has an end of its own may come to it after the mere expiry of its token.</summary>
public sealed class AtExpiryTests
{
    private static readonly TimeSpan Short = TimeSpan.FromSeconds(2);

    [Theory]
    [InlineData("download-h1")]
    [InlineData("download-h2")]
    [InlineData("chunks-h1")]
    [InlineData("upload-h1")]
    [InlineData("upload-h2")]
    [InlineData("poll-h1")]
    public async Task A_transfer_finishes(string kind)
    {
        await using var bed = await ExchangeBed.Start(kind, Finish);
        var token = bed.Ending((await bed.LogIn("operator")).Access, Short);
        var end = await bed.Open(token);
        await Expiry(bed, token);

        end.IsCompleted.ShouldBeFalse();
        bed.Finish.SetResult();

        (await end.WaitAsync(TimeSpan.FromSeconds(60))).ShouldBe("whole");
        bed.Broker.Log.Split('\n').ShouldAllBe(line => !line.Contains("\"Id\":440") || !line.Contains("\"Route\":\"open\""));
    }

    [Theory]
    [InlineData("download-h1", "the token")]
    [InlineData("download-h2", "the caller")]
    [InlineData("upload-h1", "the caller")]
    [InlineData("upload-h2", "the route")]
    [InlineData("chunks-h1", "the session")]
    public async Task A_transfer_that_may_finish_is_cut_by_a_revocation_or_a_lost_right_after_its_expiry_too(string kind, string what)
    {
        await using var bed = await ExchangeBed.Start(kind, Finish);
        var (access, refresh) = await bed.LogIn("operator");
        var token = bed.Ending(access, Short);
        var end = await bed.Open(token);
        await Expiry(bed, token);

        var client = "&client_id=admin&client_secret=" + Uri.EscapeDataString(TokenBed.Password);
        await (
            what switch
            {
                "the token" => bed.Post("/oauth/revoke", "token=" + token + client),
                "the session" => bed.Post("/oauth/revoke", "token=" + refresh + client),
                "the caller" => bed.Post("/oauth/revoke-all", "caller=key%3Aoperator" + client),
                _ => bed.Reload(config => config["ReverseProxy"]!["Routes"]!["open"]!["Metadata"]!["Action"] = "ManageUser"),
            }
        );

        (await end.WaitAsync(TimeSpan.FromSeconds(60))).ShouldBe("cut");
        await bed.CutAtUpstream.WaitAsync(TimeSpan.FromSeconds(60));
        await bed.Broker.LogHolding(what == "the route" ? "\"Why\":\"action-not-granted\"" : "\"Why\":\"revoked\"");
    }

    [Theory]
    [InlineData("socket-h1")]
    [InlineData("socket-h2")]
    [InlineData("events-h1")]
    [InlineData("events-h2")]
    [InlineData("grpc-h2")]
    public async Task What_has_no_end_of_its_own_ends_at_expiry_all_the_same(string kind)
    {
        await using var bed = await ExchangeBed.Start(kind, Finish);
        var end = await bed.Open(bed.Ending((await bed.LogIn("operator")).Access, Short));

        (await end.WaitAsync(TimeSpan.FromSeconds(60))).ShouldBe(
            kind.StartsWith("socket", StringComparison.Ordinal) ? "closed 4401 token-expired" : "cut"
        );
    }

    [Fact]
    public async Task Without_it_a_download_is_cut_at_expiry_and_a_request_that_begins_then_is_refused_with_it_as_well()
    {
        await using var bed = await ExchangeBed.Start("download-h1", Finish);
        var token = bed.Ending((await bed.LogIn("operator")).Access, TimeSpan.FromSeconds(-1));

        using var answer = await bed.Send(HttpMethod.Get, "/open/download", token);

        ((int)answer.StatusCode, (await answer.Content.ReadAsStringAsync()).Contains("token-expired", StringComparison.Ordinal)).ShouldBe(
            (401, true)
        );
        bed.Upstream.Requests.ShouldBeEmpty();
    }

    private static void Finish(JsonObject config) => config["ReverseProxy"]!["Routes"]!["open"]!["Metadata"]!["AtExpiry"] = "Finish";

    /// <summary>The token is over, and everything was looked at since.</summary>
    private static async Task Expiry(ExchangeBed bed, string token)
    {
        await Eventually.Holds(
            async () =>
            {
                using var answer = await bed.Send(HttpMethod.Get, "/net/1", token);
                return (int)answer.StatusCode == 401;
            },
            "the token is over"
        );
        await Task.Delay(TimeSpan.FromSeconds(1)); // nothing is to happen, so there is nothing to wait for
    }
}
