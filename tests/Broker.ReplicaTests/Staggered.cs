using System.Globalization;
using System.Text.Json.Nodes;
using Simulators;

namespace Broker.ReplicaTests;

/// <summary>Six accounts whose tokens come due one after the other, so that whatever happens to Redis meets a renewal; every other one can only refresh.</summary>
internal sealed class Staggered : IAsyncDisposable
{
    public const int Permit = 3;
    public static readonly TimeSpan Per = TimeSpan.FromSeconds(6);

    private const int Accounts = 6;
    private static readonly TimeSpan Life = TimeSpan.FromSeconds(18);
    private static readonly TimeSpan KnownAfter = TimeSpan.FromSeconds(5);

    public Landscape Landscape { get; } =
        new()
        {
            Redis = JsonNode
                .Parse(
                    """
                    { "CallTimeout": "00:00:00.500", "Lease": "00:00:02", "Poll": "00:00:00.200", "RecoveryDelay": "00:00:00.500", "MaxReplicas": 3 }
                    """
                )!
                .AsObject(),
        };

    public IEnumerable<string> Names => Landscape.Names;

    public static bool CanLogIn(string name) => name.StartsWith("login", StringComparison.Ordinal);

    public async Task Open()
    {
        for (var i = 0; i < Accounts; i++)
        {
            var canLogIn = i % 2 == 0;
            await Landscape.OAuth2(
                (canLogIn ? "login" : "refresh") + i,
                Landscape.Strict with
                {
                    TokenLifetime = Life,
                },
                canLogIn,
                $$""" "CallDeadline": "00:00:02", "Logins": [ { "Permit": {{Permit}}, "Per": "{{Per}}" } ] """
            );
        }
    }

    /// <summary>Gets each account its first token, one after the other, so that they come due one after the other from then on.</summary>
    public async Task Begin(Fleet fleet)
    {
        foreach (var name in Names)
        {
            await Begin(fleet, name);
        }
    }

    /// <summary>Waits until every broker reaches Redis and has the same token of each account: what comes next begins from there.</summary>
    public async Task Settled(Fleet fleet)
    {
        foreach (var name in Names)
        {
            await Eventually.Holds(
                async () =>
                {
                    HashSet<string?> tokens = [];
                    foreach (var broker in fleet.Brokers)
                    {
                        if ((await fleet.Ask(broker, name)).Status == 200)
                        {
                            tokens.Add(Landscape[name].Received.Data[^1].Bearer());
                        }
                    }
                    return tokens.Count == 1;
                },
                $"all brokers have one token of {name}"
            );
        }
        await Eventually.Holds(
            () => fleet.Brokers.All(broker => broker.Log is var log && Math.Max(Last(log, 700), Last(log, 703)) <= Last(log, 701)),
            "every broker reaches Redis"
        );
    }

    public static async Task Begin(Fleet fleet, string name)
    {
        await Eventually.Holds(async () => (await fleet.Ask(0, name)).Status == 200, $"{name} is served");
        await Task.Delay(Life * 0.75 / Accounts);
    }

    /// <summary>From when on replicas could not tell each other of a token, and until when.</summary>
    public (DateTimeOffset From, DateTimeOffset To) Fault { get; set; }

    /// <summary>Whether there is a token that every replica must have had the time to learn of, and that does not end just now.</summary>
    public bool MustServe(string name)
    {
        var now = DateTimeOffset.UtcNow;
        return Landscape[name]
            .Received.Token.Any(request =>
                now - request.At > KnownAfter
                && now - request.At < Life - TimeSpan.FromSeconds(1)
                && (request.At + TimeSpan.FromSeconds(2) < Fault.From || now > Fault.To + KnownAfter)
            );
    }

    /// <summary>How the upstream sees which broker it was asked through.</summary>
    public static string Asks(int broker) => $"?by={broker}";

    /// <summary>Whether this broker had shown the upstream a token before, that the upstream still accepts and that does not end just now.</summary>
    public bool Had(int broker, string name, DateTimeOffset before) =>
        Landscape[name]
            .Received.Data.Any(request =>
                request.At < before
                && request.RawTarget.EndsWith(Asks(broker), StringComparison.Ordinal)
                && Landscape[name].AcceptedUntil(request.Bearer()!) > DateTimeOffset.UtcNow + TimeSpan.FromSeconds(1)
            );

    public Dictionary<string, int> Grants() =>
        Names.ToDictionary(name => name, name => Landscape[name].LoginsGranted + Landscape[name].RefreshesGranted);

    /// <summary>Waits until an account should have been renewed since: it was, or it waits to be; its name.</summary>
    public async Task<string> MeetsARenewal(Dictionary<string, int> before)
    {
        string? met = null;
        await Eventually.Holds(
            () => (met = Names.FirstOrDefault(name => IsRenewed(name, before) || IsOverdue(name))) is not null,
            "an account comes due"
        );
        return met!;
    }

    /// <summary>Waits until this account should have been renewed since.</summary>
    public async Task<string> MeetsARenewal(Dictionary<string, int> before, string name)
    {
        await Eventually.Holds(() => IsRenewed(name, before) || IsOverdue(name), $"{name} comes due");
        return name;
    }

    public Task Renewed(Dictionary<string, int> before, string name) =>
        Eventually.Holds(() => IsRenewed(name, before), $"{name} is renewed");

    public Task Renewed(Dictionary<string, int> before, int accounts) =>
        Eventually.Holds(() => Names.Count(name => IsRenewed(name, before)) >= accounts, $"{accounts} accounts are renewed");

    /// <summary>What was not served, when, and when tokens were asked for, all in seconds since the fault began.</summary>
    public string Told(Load load)
    {
        var from = Fault.From == default ? load.Failed.FirstOrDefault()?.At ?? default : Fault.From;
        string Since(DateTimeOffset at) => (at - from).TotalSeconds.ToString("0.0", CultureInfo.InvariantCulture);
        var failed = load
            .Failed.GroupBy(failure => (failure.Upstream, failure.Broker))
            .Select(some =>
                $"{some.Key.Upstream} at {some.Key.Broker}: {some.Count()} from {Since(some.First().At)} to {Since(some.Last().At)}, {some.Count(failure => failure.MustServe)} in spite of a token"
            );
        var asked = load
            .Failed.Select(failure => failure.Upstream)
            .Distinct()
            .Select(name => $"{name} asked for at {string.Join(' ', Landscape[name].Received.Token.Select(request => Since(request.At)))}");
        return $"fault until {(Fault.To == default ? "none" : Since(Fault.To))}; not served {load.Failed.Count}\n{string.Join('\n', failed.Concat(asked))}";
    }

    public async ValueTask DisposeAsync() => await Landscape.DisposeAsync();

    private bool IsRenewed(string name, Dictionary<string, int> before) =>
        Landscape[name].LoginsGranted + Landscape[name].RefreshesGranted > before[name];

    /// <summary>A quarter of the life before its end, less some jitter, it should have been renewed.</summary>
    private bool IsOverdue(string name) =>
        Landscape[name].Received.Token is [.., var last] && DateTimeOffset.UtcNow - last.At is var age && age > Life * 0.815 && age < Life;

    private static int Last(string log, int @event) => log.LastIndexOf($"\"Id\":{@event}", StringComparison.Ordinal);
}
