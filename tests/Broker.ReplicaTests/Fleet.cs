using System.Text.Json.Nodes;

namespace Broker.ReplicaTests;

/// <summary>What a broker answered.</summary>
internal sealed record Answered(int Status, string? Code, string Body);

/// <summary>Several broker processes before the same upstreams, each with a config file of its own.</summary>
internal sealed class Fleet : IAsyncDisposable
{
    private readonly string folder = Directory.CreateTempSubdirectory("broker-fleet-").FullName;
    private readonly Landscape landscape;
    private readonly BrokerProcess[] brokers;

    private Fleet(Landscape landscape, int count) => (this.landscape, brokers) = (landscape, new BrokerProcess[count]);

    public IReadOnlyList<BrokerProcess> Brokers => brokers;

    public static Task<Fleet> Start(Landscape landscape, int count, params IEnumerable<string> redis) =>
        Start(landscape, count, _ => redis);

    /// <param name="landscape">The upstreams.</param>
    /// <param name="count">How many brokers.</param>
    /// <param name="redis">How each reaches Redis.</param>
    public static async Task<Fleet> Start(Landscape landscape, int count, Func<int, IEnumerable<string>> redis)
    {
        var fleet = new Fleet(landscape, count);
        for (var i = 0; i < count; i++)
        {
            await fleet.Write(i, landscape.Config(redis(i)));
        }
        // A few at a time: they are to start, not to wait for each other.
        foreach (var some in Enumerable.Range(0, count).Chunk(4))
        {
            await Task.WhenAll(some.Select(fleet.Begin));
        }
        return fleet;
    }

    /// <summary>Starts a broker in the place of one that was killed.</summary>
    public async Task Begin(int i) => brokers[i] = await BrokerProcess.Start(File(i), Landscape.Secrets);

    /// <summary>Writes another config; the broker finds it at its next poll.</summary>
    public Task Write(int i, JsonObject config) => System.IO.File.WriteAllTextAsync(File(i), config.ToJsonString());

    /// <summary>One request to one broker, as the caller with the key.</summary>
    public Task<Answered> Ask(int i, string upstream, CancellationToken cancellation = default) => Ask(brokers[i], upstream, cancellation);

    public Task<Answered> Ask(BrokerProcess broker, string upstream, CancellationToken cancellation = default) =>
        Ask(broker, upstream, "", cancellation);

    /// <summary>With a query, which the upstream sees, and as another caller.</summary>
    public async Task<Answered> Ask(
        BrokerProcess broker,
        string upstream,
        string query,
        CancellationToken cancellation,
        string key = Landscape.Key
    )
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, landscape.Path(upstream) + query);
        request.Headers.Add("X-Api-Key", key);
        using var response = await broker.Client.SendAsync(request, cancellation);
        var body = await response.Content.ReadAsStringAsync(cancellation);
        return new((int)response.StatusCode, response.IsSuccessStatusCode ? null : Code(body), body);
    }

    /// <summary>So many requests at once, in turn to each broker.</summary>
    public Task<Answered[]> AskAll(int count, string upstream) =>
        Task.WhenAll(Enumerable.Range(0, count).Select(i => Ask(i % brokers.Length, upstream)));

    /// <summary>What the brokers logged, but for the requests.</summary>
    public string Told() =>
        string.Join(
            '\n',
            brokers.SelectMany(
                (broker, i) =>
                    broker
                        .Log.Split('\n')
                        .Where(line =>
                            line.Length > 0
                            && !line.Contains("\"Id\":500", StringComparison.Ordinal)
                            && !line.Contains("\"Id\":103", StringComparison.Ordinal)
                        )
                        .Select(line => $"{i}: {line}")
            )
        );

    public async ValueTask DisposeAsync()
    {
        foreach (var broker in brokers.Where(broker => broker is not null))
        {
            await broker.DisposeAsync();
        }
        Directory.Delete(folder, recursive: true);
    }

    private string File(int i) => Path.Combine(folder, $"broker-{i}.json");

    private static string? Code(string body)
    {
        try
        {
            return (string?)JsonNode.Parse(body)?["code"];
        }
        catch (System.Text.Json.JsonException)
        {
            return null;
        }
    }
}
