using System.Net;
using System.Net.Sockets;
using System.Text.Json.Nodes;
using Shouldly;
using Xunit;

namespace Broker.FunctionalTests.UpstreamTokens;

/// <summary>What 'broker tokens' cannot do is one clear line and exit code 1.</summary>
public sealed class TokensMistakeTests
{
    private const string Template = """{ "ClientId": "{user}", "ClientSecret": { "Env": "CLIENT_SECRET" } }""";

    [Theory]
    [InlineData("show nope", "the config has no upstream 'nope'; there is 'api', 'fixed'")]
    [InlineData("show api/nope", "upstream 'api' has no account 'nope'; there is 'default', 'each'")]
    [InlineData("renew api/each", "this account is one for each caller: say whose, by --value user=...")]
    [InlineData("show api/each --value sub=x", "--value 'sub' is not a name, or one twice; it takes 'user'")]
    [InlineData("show api/each --value alice", "--value is NAME=VALUE; it takes 'user'")]
    [InlineData("show api --value user=x", "--value 'user' is not a name, or one twice; this account takes none")]
    [InlineData("show api/each --value user=", "these values make no account of 'api/each'")]
    [InlineData("forget fixed", "'fixed/default' is a fixed value: there is nothing in Redis, and nothing to renew")]
    public async Task A_name_that_is_none_is_told_with_those_there_are(string args, string told)
    {
        await using var bed = await Bed();
        var run = await bed.Run(args.Split(' '));
        (run.Exit, run.Out).ShouldBe((1, ""));
        run.ErrorLines.Single().ShouldBe($"error: {told}.");
    }

    [Fact]
    public async Task Accounts_of_a_template_are_listed_as_such_and_shown_by_their_value()
    {
        await using var bed = await Bed();
        var list = await bed.Done("list");
        list.Out.Split('\n')
            .ShouldContain(line =>
                line.StartsWith("api/each", StringComparison.Ordinal)
                && line.Contains("upstream-tokens show api/each --value user=...", StringComparison.Ordinal)
            );
        list.Out.Split('\n')
            .ShouldContain(line =>
                line.StartsWith("fixed/default", StringComparison.Ordinal) && line.Contains("a fixed value", StringComparison.Ordinal)
            );
        await bed.Done("renew", "api/each", "--value", "user=fleet-service");
        (await bed.Done("show", "api/each", "--value", "user=fleet-service")).Out.ShouldContain("state         live");
        (await bed.Done("show", "api/each", "--value", "user=other")).Out.ShouldContain("state         none");
    }

    [Theory]
    [InlineData("list")]
    [InlineData("show api")]
    [InlineData("renew api")]
    [InlineData("forget api")]
    public async Task A_redis_that_is_away_a_config_without_one_and_a_missing_secret_are_one_line_each(string args)
    {
        await using var bed = await Bed();
        var away = (JsonObject)bed.Config.DeepClone();
        away["Broker"]!["Redis"]!["Endpoints"]![0] = Unused();
        var run = await bed.Run(args.Split(' '), away);
        (run.Exit, run.Out).ShouldBe((1, ""));
        run.ErrorLines.Single().ShouldStartWith($"error: Redis at {away["Broker"]!["Redis"]!["Endpoints"]![0]} does not answer (");

        var memory = (JsonObject)bed.Config.DeepClone();
        memory["Broker"]!.AsObject().Remove("Redis");
        run = await bed.Run(args.Split(' '), memory);
        (run.Exit, run.Out).ShouldBe((1, ""));
        run.ErrorLines.Single().ShouldStartWith("error: the config has no Broker:Redis");

        run = await bed.Run(args.Split(' '), environment: [.. TokenConfig.Secrets.Where(secret => secret.Item1 != "CLIENT_SECRET")]);
        (run.Exit, run.Out).ShouldBe((1, ""));
        run.ErrorLines.Where(line => line.StartsWith("error", StringComparison.Ordinal))
            .ShouldAllBe(line => line.Contains("CLIENT_SECRET", StringComparison.Ordinal));
        run.Error.ShouldContain("CLIENT_SECRET");
        bed.Simulator.Logins.ShouldBe(0);
    }

    [Fact]
    public async Task A_token_under_a_key_that_the_config_lacks_is_neither_renewed_nor_forgotten()
    {
        await using var bed = await Bed();
        await bed.Done("renew", "api");
        var other = (JsonObject)bed.Config.DeepClone();
        other["Broker"]!["Redis"]!["Encryption"] = JsonNode.Parse("""{ "other": { "Env": "REDIS_KEY" } }""");
        (await bed.Run(["show", "api"], other)).Out.ShouldContain("needs encryption key 'first'");
        foreach (var verb in new[] { "renew", "forget" })
        {
            var run = await bed.Run([verb, "api"], other);
            run.Exit.ShouldBe(1);
            run.ErrorLines.Single().ShouldContain("encrypted with key 'first'");
        }
        (bed.Simulator.Logins, (await bed.Show()).GetProperty("state").GetString()).ShouldBe((1, "live"));
    }

    private static async Task<TokensBed> Bed()
    {
        var bed = await TokensBed.Start(TokenConfig.Client);
        var upstreams = bed.Config["Broker"]!["Upstreams"]!;
        upstreams["api"]!["Accounts"]!["each"] = JsonNode.Parse(Template);
        upstreams["fixed"] = JsonNode.Parse(
            """{ "Kind": "Static", "AllowInsecure": true, "Accounts": { "default": { "Header": "Authorization", "Prefix": "Bearer ", "Value": { "Env": "UPSTREAM_SECRET" } } } }"""
        );
        return bed;
    }

    private static string Unused()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        return $"127.0.0.1:{((IPEndPoint)listener.LocalEndpoint).Port}";
    }
}
