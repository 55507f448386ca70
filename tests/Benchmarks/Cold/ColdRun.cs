using System.Diagnostics;
using System.Globalization;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Benchmarks.Load;

namespace Benchmarks.Cold;

/// <summary>How long a normal caller waits in the first seconds of a process, while others do their worst.</summary>
/// <remarks>
/// Each trouble gets a broker that has just started, in front of a server with TLS. Two normal callers ask one request after the other: one
/// keeps its connection, one opens a new one each time. What counts is the longest of their waits.
/// </remarks>
internal static class ColdRun
{
    private const int Attackers = 2,
        NewConnections = 1000;

    public static async Task<int> Run(string[] args)
    {
        var seconds = args is ["--seconds", var text] ? double.Parse(text, CultureInfo.InvariantCulture) : 6;
        using var config = new BrokerConfig("RS256");
        var (certificate, key) = Certificate(config);
        var upstreamToken = Convert.ToHexString(RandomNumberGenerator.GetBytes(32));
        await using var server = await ProxyProcess.Start([AnswerServer.Verb, upstreamToken, certificate, key], []);
        for (var i = 0; i < 100; i++)
        {
            await NormalCaller.Once(server.Address, upstreamToken); // the callers' own code is not cold
        }

        Console.WriteLine($"{Environment.ProcessorCount} cores, .NET {Environment.Version}, {seconds} s each");
        Console.WriteLine();
        Console.WriteLine("| trouble | normal callers' requests | longest wait, ms | p99, ms |");
        Console.WriteLine("|---|--:|--:|--:|");
        foreach (var trouble in Enum.GetValues<Trouble>())
        {
            await Measure(config, server.Address, certificate, key, trouble, TimeSpan.FromSeconds(seconds));
        }

        return 0;
    }

    private static async Task Measure(BrokerConfig config, Uri server, string certificate, string key, Trouble trouble, TimeSpan time)
    {
        var listen = new Uri($"https://127.0.0.1:{ProxyProcess.FreePort()}");
        var file = config.File($"{trouble}.json", server, listen, logs: true, certificate: (certificate, key));
        var bearer = BrokerConfig.Token(file);
        await using var broker = await ProxyProcess.Start(
            Path.Combine(AppContext.BaseDirectory, "broker.dll"),
            ["serve", "--config", file],
            listen,
            [("SSL_CERT_FILE", certificate)]
        );
        using var over = new CancellationTokenSource(time);
        var waits = new Latencies();
        Task[] others = trouble switch
        {
            Trouble.StreamsResetByStrangers => Attack(listen, null, over.Token),
            Trouble.StreamsResetByACaller => Attack(listen, bearer, over.Token),
            Trouble.NewConnectionsToTheUpstream => [NormalCaller.Burst(listen, bearer, NewConnections)],
            _ => [],
        };
        await Task.WhenAll(
            NormalCaller.Ask(listen, bearer, keeps: true, waits, over.Token),
            NormalCaller.Ask(listen, bearer, keeps: false, waits, over.Token)
        );
        await Task.WhenAll(others);
        Console.WriteLine(
            string.Create(CultureInfo.InvariantCulture, $"| {trouble} | {waits.Count} | {waits.Longest:F0} | {waits.Within(0.99):F0} |")
        );
    }

    private static Task[] Attack(Uri broker, string? bearer, CancellationToken over) =>
        [.. Enumerable.Range(0, Attackers).Select(_ => StreamResetter.Run(broker, bearer, over))];

    private static (string Certificate, string Key) Certificate(BrokerConfig config)
    {
        using var rsa = RSA.Create(2048);
        var request = new CertificateRequest("CN=localhost", rsa, HashAlgorithmName.SHA256, RSASignaturePadding.Pkcs1);
        var names = new SubjectAlternativeNameBuilder();
        names.AddIpAddress(System.Net.IPAddress.Loopback);
        request.CertificateExtensions.Add(names.Build());
        using var certificate = request.CreateSelfSigned(DateTimeOffset.UtcNow.AddDays(-1), DateTimeOffset.UtcNow.AddDays(1));
        return (config.Add("certificate.pem", certificate.ExportCertificatePem()), config.Add("key.pem", rsa.ExportPkcs8PrivateKeyPem()));
    }

    private enum Trouble
    {
        None,
        StreamsResetByStrangers,
        StreamsResetByACaller,
        NewConnectionsToTheUpstream,
    }
}
