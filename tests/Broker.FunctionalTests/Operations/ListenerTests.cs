using System.Net.Security;
using System.Net.Sockets;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text.Json.Nodes;
using Shouldly;
using Xunit;

namespace Broker.FunctionalTests.Operations;

public sealed class ListenerTests
{
    [Fact]
    public async Task A_replaced_certificate_file_is_served_without_a_restart()
    {
        var folder = Directory.CreateTempSubdirectory("broker-tls-").FullName;
        try
        {
            WriteCertificate(folder, "first.example");
            await using var upstream = await EchoUpstream.Start();
            var config = TestConfig.With(upstream.Address, ("all", TestConfig.CatchAll));
            config["Kestrel"] = JsonNode.Parse(
                $$"""
                { "Endpoints": { "public": { "Url": "https://127.0.0.1:0", "Certificate": { "Path": "{{folder}}/tls.crt", "KeyPath": "{{folder}}/tls.key" } } } }
                """
            );
            config["Broker"]!["PollInterval"] = "00:00:00.1000000";
            await using var broker = await BrokerUnderTest.Start(config.ToJsonString(), TestConfig.Environment);
            (await ServedName(broker.Address)).ShouldBe("CN=first.example");

            WriteCertificate(folder, "second.example");

            await Eventually.Holds(async () => await ServedName(broker.Address) == "CN=second.example", "the new certificate is served");
            await File.WriteAllTextAsync(Path.Combine(folder, "tls.crt"), "half a certifi");
            await broker.LogHolding("cannot be read", ask: () => ServedName(broker.Address));
            (await ServedName(broker.Address)).ShouldBe("CN=second.example", "the last good one serves on");
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    [Fact]
    public async Task Cleartext_off_loopback_must_be_said()
    {
        await using var upstream = await EchoUpstream.Start();
        var config = TestConfig.With(upstream.Address, ("all", TestConfig.CatchAll));
        config["Kestrel"] = JsonNode.Parse("""{ "Endpoints": { "public": { "Url": "http://0.0.0.0:0" } } }""");

        var mistake = await Should.ThrowAsync<InvalidOperationException>(() =>
            BrokerUnderTest.Start(config.ToJsonString(), TestConfig.Environment)
        );

        mistake.Message.ShouldContain("Kestrel:Endpoints:public:Url");
        mistake.Message.ShouldContain("AllowInsecure");
    }

    private static void WriteCertificate(string folder, string name)
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest($"CN={name}", key, HashAlgorithmName.SHA256);
        using var certificate = request.CreateSelfSigned(DateTimeOffset.UtcNow.AddDays(-1), DateTimeOffset.UtcNow.AddDays(1));
        File.WriteAllText(Path.Combine(folder, "tls.key"), key.ExportPkcs8PrivateKeyPem());
        File.WriteAllText(Path.Combine(folder, "tls.crt"), certificate.ExportCertificatePem());
    }

    private static async Task<string> ServedName(Uri address)
    {
        using var socket = new TcpClient();
        await socket.ConnectAsync(address.Host, address.Port);
        await using var tls = new SslStream(socket.GetStream(), false, (_, _, _, _) => true);
        await tls.AuthenticateAsClientAsync("broker");
        return tls.RemoteCertificate!.Subject;
    }
}
