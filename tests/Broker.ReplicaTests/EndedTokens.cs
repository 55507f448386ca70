using System.Collections.Concurrent;
using Shouldly;

namespace Broker.ReplicaTests;

/// <summary>
/// Tokens of which some were ended and some refresh tokens were used; every broker is asked all the time whether it accepts what was ended.
/// </summary>
internal sealed class EndedTokens : IAsyncDisposable
{
    private readonly TokenFleet fleet;
    private readonly CancellationTokenSource stop = new();
    private readonly ConcurrentQueue<string> accepted = new();
    private readonly List<(string Kind, string Access)> ended = [];
    private readonly List<Pair> used = [];
    private Task watching = Task.CompletedTask;
    private int asked;

    private EndedTokens(TokenFleet fleet) => this.fleet = fleet;

    /// <summary>A session that goes on.</summary>
    public required Pair Kept { get; init; }

    /// <summary>Logs in as many as are needed, at any of the brokers.</summary>
    public static async Task<EndedTokens> Begin(TokenFleet fleet, int brokersInTheEnd)
    {
        var tokens = new EndedTokens(fleet) { Kept = await TokenFleet.Login(fleet.Brokers[0]) };
        for (var i = 0; i < brokersInTheEnd; i++)
        {
            tokens.used.Add(await TokenFleet.Login(fleet.Brokers[i % fleet.Brokers.Count]));
        }
        foreach (var broker in fleet.Brokers)
        {
            await fleet.Counts(broker, tokens.Kept.Access);
        }
        return tokens;
    }

    /// <summary>Ends a token, a session and a caller at one broker, uses refresh tokens at the other, and watches from then on.</summary>
    public async Task End()
    {
        var (token, session, caller) = (
            await TokenFleet.Login(fleet.Brokers[0]),
            await TokenFleet.Login(fleet.Brokers[1]),
            await TokenFleet.Login(fleet.Brokers[1], "clerk")
        );
        await TokenFleet.Ended(fleet.Brokers[0], "token=" + token.Access);
        await TokenFleet.Ended(fleet.Brokers[0], "token=" + session.Refresh);
        await TokenFleet.Ended(fleet.Brokers[0], "caller=key:clerk");
        ended.AddRange([("token", token.Access), ("session", session.Access), ("caller", caller.Access)]);
        foreach (var pair in used)
        {
            var successor = TokenFleet.PairOf(await TokenFleet.Used(fleet.Brokers[1], pair.Refresh));
            (await TokenFleet.Used(fleet.Brokers[0], successor.Refresh)).Status.ShouldBe(201); // which closes the grace
        }
        foreach (var broker in fleet.Brokers)
        {
            foreach (var (_, access) in ended)
            {
                await fleet.IsRefused(broker, access);
            }
        }
        watching = Watch();
    }

    /// <summary>
    /// All brokers know again; what was ended is, and a used refresh token, which is shown to a broker each, is not taken twice.
    /// </summary>
    public async Task StayEnded()
    {
        foreach (var (broker, i) in fleet.Brokers.Select((broker, i) => (broker, i)))
        {
            (await TokenFleet.Used(broker, used[i].Refresh)).Status.ShouldBe(401, $"the used refresh token at broker {i}");
            await fleet.Counts(broker, Kept.Access);
            foreach (var (kind, access) in ended)
            {
                await fleet.IsRefused(broker, access);
                accepted.ShouldBeEmpty(kind);
            }
        }
        await stop.CancelAsync();
        await watching;
        accepted.ShouldBeEmpty();
        asked.ShouldBeGreaterThan(20);
    }

    public async ValueTask DisposeAsync()
    {
        await stop.CancelAsync();
        await watching.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        stop.Dispose();
    }

    private async Task Watch()
    {
        while (!stop.IsCancellationRequested)
        {
            foreach (var (broker, i) in fleet.Brokers.Select((broker, i) => (broker, i)))
            {
                foreach (var (kind, access) in ended)
                {
                    var status = await fleet.Ask(broker, access);
                    asked++;
                    if (status is not (401 or 503))
                    {
                        accepted.Enqueue($"{kind} at broker {i}: {status}");
                    }
                }
            }
        }
    }
}
