using System.Runtime.CompilerServices;
using System.Text.Json.Nodes;
using Shouldly;
using Simulators;
using Xunit;

namespace Broker.FunctionalTests.Operations;

public sealed class DesignExampleTests
{
    [Fact]
    public async Task The_designs_own_example_gets_a_200_from_a_stand_in_at_telemaxs_place()
    {
        await using var telemax = await SimulatorKinds.StartAsync("telemax", new());
        var secret = Path.GetTempFileName();
        await File.WriteAllTextAsync(secret, TelemaxSimulator.Password);

        // Only what cannot be elsewhere is changed: the vendor's address, the digest and the secret's file.
        var text = (await File.ReadAllTextAsync(Path.Combine(ThisFolder(), "../../Broker.Tests/Configuration/design-example.jsonc")))
            .Replace("https://api.telemax.com.au/", telemax.Address.ToString(), StringComparison.Ordinal)
            .Replace("<digest that `broker key new` printed>", TestConfig.DigestOf(TestConfig.Key), StringComparison.Ordinal)
            .Replace("/run/secrets/telemax", secret, StringComparison.Ordinal);
        var config = JsonNode.Parse(text, documentOptions: new() { CommentHandling = System.Text.Json.JsonCommentHandling.Skip })!;
        config["Broker"]!["Upstreams"]!["telemax"]!["AllowInsecure"] = true;
        await using var broker = await BrokerUnderTest.Start(config.ToJsonString());

        var answer = await broker.Client.SendAsync(TestConfig.Request(HttpMethod.Get, "/telemax/vehicles/42/last-position"));

        ((int)answer.StatusCode).ShouldBe(200);
        ((int)JsonNode.Parse(await answer.Content.ReadAsStringAsync())!["deviceId"]!).ShouldBe(42);
        telemax.Received.Data.Single().RawTarget.ShouldBe("/api/v2/vehicles/42/last-position");
        File.Delete(secret);
    }

    private static string ThisFolder([CallerFilePath] string path = "") => Path.GetDirectoryName(path)!;
}
