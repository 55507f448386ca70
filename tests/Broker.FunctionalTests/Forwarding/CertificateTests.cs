using System.Diagnostics;
using System.Net.Sockets;
using System.Text.Json.Nodes;
using Broker.FunctionalTests.Rights;
using Broker.FunctionalTests.UpstreamTokens;
using Shouldly;
using Xunit;

namespace Broker.FunctionalTests.Forwarding;

/// <summary>A broker of its own process, since which authorities are trusted is read once a process.</summary>
public sealed class CertificateTests
{
    [Fact]
    public async Task The_certificate_must_hold_the_destinations_name_be_trusted_and_in_its_time_and_each_fault_has_its_code()
    {
        using var authority = new TestAuthority("the authority that is trusted");
        using var other = new TestAuthority("another");
        await using var good = await TlsUpstream.Start(authority.Certify(isOver: false, "localhost"));
        await using var attackers = await TlsUpstream.Start(authority.Certify(isOver: false, "xn--80a.attacker.example"));
        await using var expired = await TlsUpstream.Start(authority.Certify(isOver: true, "localhost"));
        await using var untrusted = await TlsUpstream.Start(other.Certify(isOver: false, "localhost"));
        var folder = Directory.CreateTempSubdirectory("broker-certificates-").FullName;
        authority.Write(Path.Combine(folder, "ca.pem"));
        var port = FreePort();
        var config = Config(
            port,
            ("good", good.Port, null),
            ("name", attackers.Port, null),
            ("expired", expired.Port, null),
            ("untrusted", untrusted.Port, null),
            ("own", good.Port, "localhost"),
            ("own-wrong", good.Port, "other.example")
        );
        await File.WriteAllTextAsync(Path.Combine(folder, "broker.json"), config);
        using var broker = Start(folder);
        var log = broker.StandardOutput.ReadToEndAsync();
        var address = new Uri($"http://127.0.0.1:{port}");
        await Eventually.Holds(() => Listens(port), "the broker listens");

        foreach (
            var (path, status, code) in new[]
            {
                ("good", 200, null),
                ("name", 502, "upstream-tls-name"),
                ("expired", 502, "upstream-tls-expired"),
                ("untrusted", 502, "upstream-tls-trust"),
                ("own", 200, null),
                ("own-wrong", 502, "upstream-tls-name"),
            }
        )
        {
            foreach (var host in new[] { "localhost", "xn--80a.attacker.example", "other.example" })
            {
                var answer = await RawHttp.Ask(address, $"GET /{path} HTTP/1.1", [$"Host: {host}", $"X-Api-Key: {TestConfig.Key}"]);
                $"{answer.Status} {answer.Code}".ShouldBe($"{status} {code}", $"/{path} with Host: {host}");
            }
        }

        attackers.Requests.Concat(expired.Requests).Concat(untrusted.Requests).ShouldBeEmpty();
        good.Requests.Count.ShouldBe(6);
        using (var kill = Process.Start("kill", ["-TERM", $"{broker.Id}"]))
        {
            await kill.WaitForExitAsync();
        }

        await broker.WaitForExitAsync(new CancellationTokenSource(TimeSpan.FromSeconds(60)).Token);
        foreach (var code in new[] { "upstream-tls-name", "upstream-tls-expired", "upstream-tls-trust" })
        {
            var lines = (await log).Split('\n').Where(line => line.Contains($"\"Code\":\"{code}\"", StringComparison.Ordinal)).ToList();
            lines.ShouldNotBeEmpty();
            lines.ShouldAllBe(line => line.Contains("\"Level\":\"Warning\"", StringComparison.Ordinal));
        }

        Directory.Delete(folder, recursive: true);
    }

    private static string Config(int port, params (string Name, int Port, string? Host)[] upstreams)
    {
        var config = TestConfig.With(new("https://localhost/"));
        config["Kestrel"] = JsonNode.Parse($$"""{ "Endpoints": { "public": { "Url": "http://127.0.0.1:{{port}}" } } }""");
        config["Broker"]!["Management"] = JsonNode.Parse("""{ "Url": "http://127.0.0.1:0" }""");
        foreach (var (name, to, host) in upstreams)
        {
            config["ReverseProxy"]!["Routes"]![name] = JsonNode.Parse(
                $$"""
                { "ClusterId": "{{name}}", "Match": { "Path": "/{{name}}" }, "Metadata": { "Action": "ManageUser", "Reach": "none" } }
                """
            );
            config["ReverseProxy"]!["Clusters"]![name] = JsonNode.Parse(
                $$"""
                { "Metadata": { "Upstream": "api" }, "Destinations": { "main": { "Address": "https://localhost:{{to}}/" } } }
                """
            );
            if (host is not null)
            {
                config["ReverseProxy"]!["Clusters"]![name]!["Destinations"]!["main"]!["Host"] = host;
            }
        }

        return config.ToJsonString();
    }

    private static Process Start(string folder)
    {
        string[] arguments =
        [
            Path.Combine(AppContext.BaseDirectory, "broker.dll"),
            "serve",
            "--config",
            Path.Combine(folder, "broker.json"),
        ];
        var start = new ProcessStartInfo("dotnet", arguments) { RedirectStandardOutput = true };
        start.Environment["UPSTREAM_SECRET"] = TestConfig.UpstreamSecret;
        start.Environment["SSL_CERT_FILE"] = Path.Combine(folder, "ca.pem");
        start.Environment["SSL_CERT_DIR"] = folder;
        return Process.Start(start)!;
    }

    private static async Task<bool> Listens(int port)
    {
        try
        {
            using var client = new TcpClient();
            await client.ConnectAsync("127.0.0.1", port);
            return true;
        }
        catch (SocketException)
        {
            return false;
        }
    }

    private static int FreePort()
    {
        using var listener = new TcpListener(System.Net.IPAddress.Loopback, 0);
        listener.Start();
        return ((System.Net.IPEndPoint)listener.LocalEndpoint).Port;
    }
}
