using Broker.Tests.Redis;
using Shouldly;
using Xunit;

namespace Broker.ReplicaTests;

/// <summary>
/// Three brokers on a Cluster of three masters, a wire before each that it announces as its own port, and staggered accounts.
/// </summary>
public class FaultyCluster : IAsyncLifetime
{
    private const int Brokers = 3;

    private readonly List<Wire> wires = [];
    private readonly Dictionary<string, string> pairs = [];
    private readonly int replicas;
    private Redises redis = null!;

    public FaultyCluster()
        : this(0) { }

    private protected FaultyCluster(int replicas) => this.replicas = replicas;

    internal Staggered Staggered { get; } = new();

    internal Fleet Fleet { get; private set; } = null!;

    internal IReadOnlyList<RedisServer> Servers => redis.Servers;

    public async ValueTask InitializeAsync()
    {
        // What replicates among nodes would go through the wires as well: where there are replicas there are no wires.
        if (replicas == 0)
        {
            wires.AddRange([new(0), new(0), new(0)]);
        }
        redis = await Redises.Cluster(replicas, i => wires.Count == 0 ? [] : ["--cluster-announce-port", $"{wires[i].Port}"]);
        for (var i = 0; i < wires.Count; i++)
        {
            wires[i].Target = redis.Servers[i].Port;
        }
        await Staggered.Open();
        Fleet = await Fleet.Start(Staggered.Landscape, Brokers, wires.Count == 0 ? redis.Endpoints : wires.Select(wire => wire.Endpoint));
        await Begin();
    }

    public async ValueTask DisposeAsync()
    {
        await Fleet.DisposeAsync();
        await redis.DisposeAsync();
        foreach (var wire in wires)
        {
            await wire.DisposeAsync();
        }
        await Staggered.DisposeAsync();
        GC.SuppressFinalize(this);
    }

    /// <summary>The name of an account's pair: its slot is the account's.</summary>
    internal string PairOf(string name) => pairs[name];

    /// <summary>The master that serves an account's slot.</summary>
    internal async Task<RedisServer> MasterOf(string name)
    {
        foreach (var server in redis.Servers)
        {
            // Others say where to look instead.
            if (await server.Ask("EXISTS", pairs[name]) == "1" && (await server.Ask("ROLE")).StartsWith("master", StringComparison.Ordinal))
            {
                return server;
            }
        }
        throw new InvalidOperationException($"no master has the pair of {name}");
    }

    /// <summary>The wire before a node.</summary>
    internal Wire WireOf(RedisServer server) => wires.Single(wire => wire.Target == server.Port);

    internal void All(Action<Wire> change) => wires.ForEach(change);

    /// <summary>The account that has its token longest: the next that comes due.</summary>
    internal string Next(Func<string, bool>? which = null) =>
        Staggered.Names.Where(which ?? (static _ => true)).MinBy(name => Staggered.Landscape[name].Received.Token[^1].At)!;

    /// <summary>Begins a fault, waits until an account's renewal has met it, ends it a second later, and sees that all goes on.</summary>
    /// <remarks>A steady stream of requests to every account at every broker runs through it: not one fails that a live token could have
    /// served.</remarks>
    /// <param name="begin">Begins it.</param>
    /// <param name="end">Ends it.</param>
    /// <param name="meets">The account at whose node or slot it is, where it is at one; any where it is at all of them.</param>
    /// <returns>What happened, in a line.</returns>
    internal async Task<string> Endures(Func<Task> begin, Func<Task> end, Func<string>? meets = null)
    {
        await Staggered.Settled(Fleet);
        await using var load = new Load(Fleet, Staggered.Names, TimeSpan.FromMilliseconds(150), Staggered);
        await load.Goes(Staggered.Names.Count() * 3);
        var (before, lines) = (Staggered.Grants(), Told());
        Staggered.Fault = (DateTimeOffset.UtcNow, DateTimeOffset.MaxValue - TimeSpan.FromDays(1));
        await begin();
        var met = meets is null ? await Staggered.MeetsARenewal(before) : await Staggered.MeetsARenewal(before, meets());
        await Task.Delay(TimeSpan.FromSeconds(1));
        await end();
        Staggered.Fault = Staggered.Fault with { To = DateTimeOffset.UtcNow };
        await Staggered.Renewed(before, met);
        await Staggered.Renewed(before, accounts: 2);
        await load.Goes(Staggered.Names.Count() * 3);
        load.Failed.Where(failure => failure.MustServe).ShouldBeEmpty();
        load.Failed.ShouldAllBe(failure =>
            failure.Status == 503 && (failure.Code == "upstream-token-unavailable" || failure.Code == "login-budget-spent")
        );
        if (meets is not null)
        {
            (Told() - lines).ShouldBeLessThanOrEqualTo(
                Brokers * 3,
                "what the other nodes answer does not mean that Redis is back: it is not told each time"
            );
        }
        foreach (var name in Staggered.Names)
        {
            var upstream = Staggered.Landscape[name];
            upstream.SentTwice().ShouldBe(0, name);
            upstream.MostLoginsIn(Staggered.Per * 0.75).ShouldBeLessThanOrEqualTo(Staggered.CanLogIn(name) ? Staggered.Permit : 0, name);
        }
        return $"met {met}; served {load.Served}; without a token {load.Failed.Count}: {load.Failed.FirstOrDefault()}; told "
            + $"{Told() - lines}";
    }

    /// <summary>How often a broker said that Redis is away.</summary>
    internal int Told() => Fleet.Brokers.Sum(broker => broker.Log.Split('\n').Count(line => Is(line, 700) || Is(line, 703)));

    private static bool Is(string line, int @event) => line.Contains($"\"Id\":{@event}", StringComparison.Ordinal);

    /// <summary>Gets each account its first token, as <see cref="Staggered.Begin"/> does, and finds where its pair stands.</summary>
    private async Task Begin()
    {
        foreach (var name in Staggered.Names)
        {
            await Staggered.Begin(Fleet, name);
            foreach (var server in redis.Servers)
            {
                foreach (
                    var pair in (await server.Ask("KEYS", "*:pair"))
                        .Split('\n')
                        .Where(pair => pair.Length > 0 && !pairs.ContainsValue(pair))
                        .Take(1)
                )
                {
                    pairs[name] = pair;
                }
            }
        }
    }
}

/// <summary>With a replica of each master, and no wires.</summary>
public sealed class ReplicatedCluster() : FaultyCluster(1);
