using Broker.Configuration;
using Broker.Tests.UpstreamTokens.Simulation;
using Broker.UpstreamTokens;
using Shouldly;
using Xunit;
using static Broker.Tests.UpstreamTokens.CellBench;

namespace Broker.Tests.UpstreamTokens;

/// <summary>
/// Of a Cluster the nodes of a record and of its budgets are away each for itself: a lone login is within each budget all the same.
/// </summary>
public sealed class SpreadStoreTests : IDisposable
{
    private static readonly TimeSpan Window = TimeSpan.FromMinutes(1);

    private readonly CellBench bench = new()
    {
        Logins =
        [
            new()
            {
                Scope = LoginScope.Account,
                Permit = 100,
                Per = Window,
            },
            new()
            {
                Scope = LoginScope.Endpoint,
                Permit = 100,
                Per = Window * 10,
            },
        ],
    };

    private readonly Nodes nodes = new(new(new Pump(1)));
    private readonly TokenCell cell;

    public SpreadStoreTests()
    {
        ulong chance = 0;
        bench.Vault.Share(new(nodes, new(), () => ++chance, "replica", bench.Clock));
        cell = bench.Cell();
    }

    private OpaqueName Account => bench.Vault.Names.Name("identity", "one");

    private OpaqueName Endpoint => bench.Vault.Names.Name("endpoint");

    public void Dispose() => bench.Dispose();

    [Fact]
    public async Task A_budget_whose_node_went_away_later_than_the_records_counts_from_then_on()
    {
        var token = await Fresh(cell);
        nodes.IsRecordAway = true;
        (await Replace(token)).ShouldBe(TokenProblem.BudgetSpent);
        bench.Pass(Window * 10);
        nodes.Away.Add(Endpoint); // until now the others used it

        (await Replace(token)).ShouldBe(TokenProblem.BudgetSpent);
        bench.Pass((Window * 10) - TimeSpan.FromSeconds(1));
        (await Replace(token)).ShouldBe(TokenProblem.BudgetSpent);
        bench.Source.Logins.ShouldBe(1);
        bench.Pass(TimeSpan.FromSeconds(1));
        (await Replace(token)).ShouldBe(TokenProblem.None);
        bench.Source.Logins.ShouldBe(2);
    }

    [Fact]
    public async Task A_budget_whose_node_answers_is_asked_however_long_another_is_away()
    {
        var token = await Fresh(cell);
        nodes.IsRecordAway = true;
        nodes.Away.Add(Account);
        (await Replace(token)).ShouldBe(TokenProblem.BudgetSpent);
        bench.Pass(Window * 10);
        var before = nodes.Permits(Endpoint);

        (await Replace(token)).ShouldBe(TokenProblem.None);

        nodes.Permits(Endpoint).ShouldBe(before + 1);
    }

    [Fact]
    public async Task Where_both_answer_and_only_the_record_does_not_both_are_asked_and_nothing_is_used_alone()
    {
        var token = await Fresh(cell);
        nodes.IsRecordAway = true;
        await Replace(token);
        bench.Pass(Window * 10);

        (await Replace(token)).ShouldBe(TokenProblem.None);

        (nodes.Permits(Account), nodes.Permits(Endpoint)).ShouldBe((2, 2)); // the first login's and this one's
    }

    [Fact]
    public async Task A_budget_whose_node_missed_one_call_is_asked_again()
    {
        var token = await Fresh(cell);
        nodes.IsRecordAway = true;
        await Replace(token);
        bench.Pass(Window * 10);
        nodes.Away.Add(Endpoint);
        (await Replace(token)).ShouldBe(TokenProblem.BudgetSpent);
        nodes.Away.Clear();
        bench.Pass(TimeSpan.FromSeconds(10)); // the quiet time

        (await Replace(token)).ShouldBe(TokenProblem.None);
    }

    private async Task<TokenProblem> Replace(UpstreamToken token) => (await cell.Replace(token, 0, "s", None)).Problem;

    private sealed class Nodes(SimulatedRedis redis) : AtOnce(redis)
    {
        private readonly List<OpaqueName> permits = [];

        public bool IsRecordAway { get; set; }

        public HashSet<OpaqueName> Away { get; } = [];

        public override bool IsSpread => true;

        public int Permits(OpaqueName budget) => permits.Count(permit => permit == budget);

        public override Task<StoredState> Read(RecordKey name) => IsRecordAway ? Task.FromResult(default(StoredState)) : base.Read(name);

        public override Task<StoredState> Take(RecordKey name, Attempt attempt, TimeSpan lease) =>
            IsRecordAway ? Task.FromResult(default(StoredState)) : base.Take(name, attempt, lease);

        public override async Task<Permission> Permit(BudgetAsk ask)
        {
            if (Away.Contains(ask.Budget))
            {
                return default;
            }
            var permission = await base.Permit(ask);
            if (!ask.IsReminder && permission.Outcome == StoreOutcome.Done)
            {
                permits.Add(ask.Budget);
            }
            return permission;
        }
    }
}
