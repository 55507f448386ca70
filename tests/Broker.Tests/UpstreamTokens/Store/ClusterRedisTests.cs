using System.Diagnostics;
using System.Globalization;
using System.Text.RegularExpressions;
using Broker.Tests.Redis;
using Broker.Tests.TokenService;
using Broker.TokenService;
using Broker.UpstreamTokens;
using Shouldly;
using Xunit;
using static Broker.Tests.UpstreamTokens.CellBench;
using static Broker.Tests.UpstreamTokens.SharedRenewalTests;

namespace Broker.Tests.UpstreamTokens;

/// <summary>A Redis Cluster of three nodes: an identity's keys are in one slot, and so is each budget.</summary>
public sealed class ClusterRedisTests : IAsyncLifetime
{
    private readonly List<RedisServer> nodes = [];

    public async ValueTask InitializeAsync()
    {
        for (var i = 0; i < 3; i++)
        {
            nodes.Add(await RedisServer.Start("--cluster-enabled", "yes", "--cluster-node-timeout", "2000"));
        }
        using var create = Process.Start(
            new ProcessStartInfo("redis-cli", ["--cluster", "create", .. nodes.Select(node => node.Endpoint), "--cluster-yes"])
            {
                RedirectStandardOutput = true,
            }
        )!;
        await create.StandardOutput.ReadToEndAsync();
        await create.WaitForExitAsync();
        foreach (var node in nodes)
        {
            await Eventually(async () =>
                await node.Ask("CLUSTER", "INFO") is var info
                && info.Contains("cluster_state:ok", StringComparison.Ordinal)
                && info.Contains("known_nodes:3", StringComparison.Ordinal)
                && !(await node.Ask("CLUSTER", "NODES")).Contains("handshake", StringComparison.Ordinal)
            );
        }
    }

    public async ValueTask DisposeAsync()
    {
        foreach (var node in nodes)
        {
            await node.DisposeAsync();
        }
    }

    [Fact]
    public async Task Accounts_in_every_slot_are_shared_renewed_and_noted()
    {
        using var one = new Replica(nodes[0].Endpoint, "p");
        using var other = new Replica(nodes[2].Endpoint, "p");
        for (var i = 0; i < 12; i++)
        {
            var upstream = new StrictUpstream();
            var cell = one.Cell(upstream.Source(), $"account{i}");
            var token = await Fresh(cell);
            var same = other.Cell(upstream.Source(), $"account{i}");
            Value(await Fresh(same)).ShouldBe(Value(token));
            TokenResult next = default;
            await Eventually(async () => (next = await same.Replace(await Fresh(same), 0, "s", None)).Token is not null);
            Value((await cell.Replace(token, 0, "s", None)).Token!).ShouldBe(Value(next.Token!));
            (upstream.Logins, upstream.Refreshes, upstream.Reused).ShouldBe((1, 1, 0));
        }
        foreach (var node in nodes)
        {
            (await node.Ask("KEYS", "*:pair")).ShouldNotBeEmpty();
        }
    }

    [Fact]
    public async Task What_was_ended_and_what_was_used_is_shared_whichever_node_is_named()
    {
        using var one = await new LedgerReplica(nodes[0].Endpoint, "p").Ready();
        using var other = await new LedgerReplica(nodes[2].Endpoint, "p").Ready();
        await one.Revocations.Revoke("token", LedgerReplica.In(TimeSpan.FromMinutes(5)), default);
        await other.Hears("token");
        var until = LedgerReplica.In(TimeSpan.FromDays(1));
        var line = (await one.Ledgers.Rotation.Begin(until, default)).ShouldNotBeNull();
        var use = new RefreshUse(line, 0, "successor", TimeSpan.FromMinutes(1), until);
        (await other.Ledgers.Rotation.Use(use, default)).ShouldBe(new(RotationVerdict.First, "successor"));
        (await one.Ledgers.Rotation.Use(use, default)).ShouldBe(new(RotationVerdict.WithinGrace, "successor"));
        for (var i = 0; i < 24; i++)
        {
            (await (i % 2 == 0 ? one : other).Ledgers.Attempts.Begin($"name {i / 12}", "1", default)).MayTry.ShouldBe(
                i % 12 < 10,
                $"attempt {i}"
            ); // each name in a slot of its own
        }
    }

    [Fact]
    public async Task While_a_slot_is_on_its_way_a_step_and_a_note_wait_for_it_and_go_after_it()
    {
        var log = new LogLines();
        using var replica = new Replica(nodes[0].Endpoint, "p", new() { Log = log });
        var (name, attempt, minute) = (replica.Name(), new Attempt(1, 2), TimeSpan.FromMinutes(1));
        (await replica.Tokens.Take(name, attempt, minute)).Outcome.ShouldBe(StoreOutcome.Done);
        var from = await With("*:lease");
        var to = nodes.First(node => node != from);
        var move = await SlotMove.Of(nodes, await from.Ask("KEYS", "*:lease"), from, to);
        await move.Begin();
        var extended = replica.Tokens.Extend(name, attempt, minute);
        var noted = replica.Tokens.Note(name, attempt, replica.Vault.Names.Name("d"), minute, minute);
        await Eventually(async () => await Refusals(from) + await Refusals(to) >= 2);
        await move.Finish();
        (await extended).ShouldBe(StoreOutcome.Done);
        (await noted).ShouldBe(StoreOutcome.Done);
        (await With("*:note")).ShouldBe(to);
        log.Lines.ShouldNotContain(line => line.StartsWith("70", StringComparison.Ordinal));
    }

    [Fact]
    public async Task One_node_that_refuses_is_told_of_once_while_the_others_serve()
    {
        var log = new LogLines();
        using var replica = new Replica(nodes[0].Endpoint, "p", new() { Log = log });
        var full = nodes[1];
        List<TokenCell> there = [],
            elsewhere = [];
        for (var i = 0; there.Count < 2 || elsewhere.Count < 2; i++)
        {
            var cell = replica.Cell(new StrictUpstream().Source(), $"account{i}");
            await Fresh(cell);
            (
                await full.Ask("KEYS", "*:pair") is var pairs
                && pairs.Split('\n', StringSplitOptions.RemoveEmptyEntries).Length > there.Count
                    ? there
                    : elsewhere
            ).Add(cell);
        }
        (await full.Ask("CONFIG", "SET", "maxmemory", "1")).ShouldBe("OK");
        foreach (var (one, other) in there.Zip(elsewhere))
        {
            (await one.Replace(await Fresh(one), 0, "s", None)).Token.ShouldBeNull();
            (await other.Replace(await Fresh(other), 0, "s", None)).Token.ShouldNotBeNull();
        }
        log.Lines.Count(line => line.StartsWith("703 ", StringComparison.Ordinal)).ShouldBe(1);
        log.Lines.ShouldNotContain(line => line.StartsWith("701 ", StringComparison.Ordinal));
        (await full.Ask("CONFIG", "SET", "maxmemory", "0")).ShouldBe("OK");
        await Eventually(async () => (await there[0].Replace(await Fresh(there[0]), 0, "s", None)).Token is not null);
        await Eventually(() => Task.FromResult(log.Lines.Any(line => line.StartsWith("701 ", StringComparison.Ordinal))));
    }

    private static async Task<int> Refusals(RedisServer node) =>
        Regex.Match(await node.Ask("INFO", "errorstats"), "errorstat_TRYAGAIN:count=([0-9]+)") is { Success: true } found
            ? int.Parse(found.Groups[1].Value, CultureInfo.InvariantCulture)
            : 0;

    private async Task<RedisServer> With(string keys)
    {
        foreach (var node in nodes)
        {
            if ((await node.Ask("KEYS", keys)).Length > 0)
            {
                return node;
            }
        }
        throw new InvalidOperationException($"nobody has {keys}");
    }
}
