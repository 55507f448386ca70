using System.Security.Cryptography;
using Broker.Tests.Redis;
using Broker.UpstreamTokens;
using Shouldly;
using Xunit;
using static Broker.Tests.UpstreamTokens.CellBench;

namespace Broker.Tests.UpstreamTokens;

/// <summary>Whoever reads or writes that Redis finds no token and forges none.</summary>
public sealed class RedisSecrecyTests : IAsyncLifetime
{
    private readonly StrictUpstream upstream = new();
    private readonly List<Replica> replicas = [];
    private RedisServer server = null!;

    public async ValueTask InitializeAsync() => server = await RedisServer.Start();

    public async ValueTask DisposeAsync()
    {
        replicas.ForEach(replica => replica.Dispose());
        await server.DisposeAsync();
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task A_dump_holds_no_token_and_the_scan_would_have_found_one(bool isEncrypted)
    {
        var replica = New(isEncrypted ? new() : new() { Ring = [] });
        var cell = replica.Cell(upstream.Source());
        var token = await Fresh(cell);
        await cell.Replace(token, 0, "s", None);
        upstream.Refreshes.ShouldBe(1);
        var dump = await Dump();
        dump.ShouldContain(":pair");
        dump.Contains("secret", StringComparison.Ordinal).ShouldBe(!isEncrypted); // every token of this upstream holds the word
        dump.Contains("one", StringComparison.Ordinal).ShouldBeFalse("the account's name");
    }

    [Fact]
    public async Task An_entry_moved_to_another_account_or_generation_is_a_miss()
    {
        var (one, other) = (New(), New());
        var others = new StrictUpstream();
        await Fresh(one.Cell(upstream.Source(), "one"));
        await Fresh(one.Cell(others.Source(), "two"));
        var pairs = (await Keys()).Where(key => key.EndsWith(":pair", StringComparison.Ordinal)).ToList();
        await server.Ask("COPY", pairs[0], pairs[1], "REPLACE");
        await Fresh(other.Cell(upstream.Source(), "one"));
        await Fresh(other.Cell(others.Source(), "two"));
        (upstream.Logins + others.Logins).ShouldBe(3);
        await server.Ask("HINCRBY", pairs[0], "g", "1");
        await server.Ask("HINCRBY", pairs[1], "g", "1");
        var third = New();
        await Fresh(third.Cell(upstream.Source(), "one"));
        await Fresh(third.Cell(others.Source(), "two"));
        (upstream.Logins + others.Logins).ShouldBe(5);
    }

    [Fact]
    public async Task A_generation_forged_out_of_reach_does_not_hold_the_account_for_ever()
    {
        await Fresh(New().Cell(upstream.Source()));
        var pair = (await Keys()).Single(key => key.EndsWith(":pair", StringComparison.Ordinal));
        foreach (var forged in new[] { "9000000000000000000", "-5", "x", "nan", "inf" })
        {
            await server.Ask("HSET", pair, "g", forged);
            await Fresh(New().Cell(upstream.Source()));
        }
        upstream.Logins.ShouldBe(6);
        await Fresh(New().Cell(upstream.Source()));
        upstream.Logins.ShouldBe(6);
    }

    [Theory]
    [InlineData("b", "damaged")]
    [InlineData("g", "9000000000000000")]
    [InlineData("g", "x")]
    public async Task A_damaged_pair_is_absent_and_who_holds_the_true_one_stores_it_again(string field, string value)
    {
        var first = upstream.Provision();
        var cell = New().Cell(upstream.Source(canLogin: false, first));
        var token = await Fresh(cell);
        await server.Ask("HSET", (await Keys()).Single(key => key.EndsWith(":pair", StringComparison.Ordinal)), field, value);
        var next = (await cell.Replace(token, 0, "s", None)).Token.ShouldNotBeNull();
        upstream.IsLive(Value(next)).ShouldBeTrue();
        (upstream.Refreshes, upstream.Reused).ShouldBe((2, 0));
    }

    [Fact]
    public async Task The_ring_rotates_without_a_flush()
    {
        KeyValuePair<string, byte[]>[] first = [new("first", Replica.FirstKey)],
            both = [new("second", Replica.SecondKey), .. first],
            second = [both[0]];
        var token = await Fresh(New(new() { Ring = first }).Cell(upstream.Source()));
        var rotated = New(new() { Ring = both }).Cell(upstream.Source());
        Value(await Fresh(rotated)).ShouldBe(Value(token));
        await rotated.Replace(await Fresh(rotated), 0, "s", None);
        await Fresh(New(new() { Ring = second }).Cell(upstream.Source()));
        (upstream.Logins, upstream.Refreshes).ShouldBe((1, 1));
    }

    [Fact]
    public async Task Without_the_key_a_replica_is_not_ready_and_neither_logs_in_nor_overwrites()
    {
        await Fresh(New(new() { Ring = [new("second", RandomNumberGenerator.GetBytes(32))] }).Cell(upstream.Source()));
        var before = await Dump();
        var log = new LogLines();
        var lacking = New(new() { Log = log });
        var result = await lacking.Cell(upstream.Source()).Get(None);
        (result.Token, result.Problem).ShouldBe((null, TokenProblem.Unavailable));
        lacking.Vault.LackedKey.ShouldBe("second");
        log.Lines.ShouldContain(line => line.Contains("key second", StringComparison.Ordinal));
        upstream.Logins.ShouldBe(1);
        (await Dump()).ShouldBe(before);
    }

    private Replica New(Replica.Settings? settings = null)
    {
        var replica = new Replica(server.Endpoint, "p", settings);
        replicas.Add(replica);
        return replica;
    }

    private async Task<string[]> Keys() => [.. (await server.Ask("KEYS", "*")).Split('\n').Order(StringComparer.Ordinal)];

    private async Task<string> Dump()
    {
        var all = "";
        foreach (var key in await Keys())
        {
            var kind = await server.Ask("TYPE", key);
            all +=
                key
                + "="
                + await (
                    kind == "hash" ? server.Ask("HGETALL", key)
                    : kind == "zset" ? server.Ask("ZRANGE", key, "0", "-1", "WITHSCORES")
                    : server.Ask("GET", key)
                )
                + "\n";
        }
        return all;
    }
}
