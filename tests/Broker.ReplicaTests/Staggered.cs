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

    public Landscape Landscape { get; } = new()
    {
        Redis = JsonNode.Parse("""
            { "CallTimeout": "00:00:00.500", "Lease": "00:00:02", "Poll": "00:00:00.200", "EpochPause": "00:00:00.500", "MaxReplicas": 3 }
            """)!.AsObject(),
    };

    public IEnumerable<string> Names => Landscape.Names;

    public static bool CanLogIn(string name) => name.StartsWith("login", StringComparison.Ordinal);

    public async Task Open()
    {
        for (var i = 0; i < Accounts; i++)
        {
            var canLogIn = i % 2 == 0;
            await Landscape.OAuth2(
                (canLogIn ? "login" : "refresh") + i, Landscape.Strict with { TokenLifetime = Life }, canLogIn,
                $$""" "CallDeadline": "00:00:02", "Logins": [ { "Permit": {{Permit}}, "Per": "{{Per}}" } ] """);
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
        return Landscape[name].Received.Token.Any(request =>
            now - request.At > KnownAfter && now - request.At < Life - TimeSpan.FromSeconds(1)
            && (request.At + TimeSpan.FromSeconds(2) < Fault.From || now > Fault.To + KnownAfter));
    }

    public Dictionary<string, int> Grants() => Names.ToDictionary(name => name, name => Landscape[name].LoginsGranted + Landscape[name].RefreshesGranted);

    /// <summary>Waits until an account should have been renewed since: it was, or it waits to be; its name.</summary>
    public async Task<string> MeetsARenewal(Dictionary<string, int> before)
    {
        string? met = null;
        await Eventually.Holds(() => (met = Names.FirstOrDefault(name => IsRenewed(name, before) || IsOverdue(name))) is not null, "an account comes due");
        return met!;
    }

    /// <summary>Waits until this account should have been renewed since.</summary>
    public async Task<string> MeetsARenewal(Dictionary<string, int> before, string name)
    {
        await Eventually.Holds(() => IsRenewed(name, before) || IsOverdue(name), $"{name} comes due");
        return name;
    }

    public Task Renewed(Dictionary<string, int> before, string name) => Eventually.Holds(() => IsRenewed(name, before), $"{name} is renewed");

    public Task Renewed(Dictionary<string, int> before, int accounts) =>
        Eventually.Holds(() => Names.Count(name => IsRenewed(name, before)) >= accounts, $"{accounts} accounts are renewed");

    public async ValueTask DisposeAsync() => await Landscape.DisposeAsync();

    private bool IsRenewed(string name, Dictionary<string, int> before) => Landscape[name].LoginsGranted + Landscape[name].RefreshesGranted > before[name];

    /// <summary>A quarter of the life before its end, less some jitter, it should have been renewed.</summary>
    private bool IsOverdue(string name) =>
        Landscape[name].Received.Token is [.., var last] && DateTimeOffset.UtcNow - last.At is var age && age > Life * 0.815 && age < Life;
}
