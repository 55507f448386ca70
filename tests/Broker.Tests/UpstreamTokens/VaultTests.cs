using System.Diagnostics;
using Broker.Configuration;
using Broker.UpstreamTokens;
using FsCheck;
using FsCheck.Xunit;
using Shouldly;
using Xunit;
using static Broker.Tests.UpstreamTokens.ConfigBench;

namespace Broker.Tests.UpstreamTokens;

public sealed class VaultTests : IDisposable
{
    private static readonly NamingKey Names = new();

    private readonly ConfigBench bench = new();

    public void Dispose() => bench.Dispose();

    [Fact]
    public void An_unchanged_account_keeps_its_cell_over_a_reload_even_when_times_change()
    {
        var cell = bench.Cell(OAuth2());
        bench.Cell(OAuth2()).ShouldBe(cell);
        bench.Cell(OAuth2() with { TokenWaitTimeout = TimeSpan.FromSeconds(1) }).ShouldBe(cell);
        cell.Renewer!.Plan.Times.TokenWaitTimeout.ShouldBe(TimeSpan.FromSeconds(1));
    }

    [Fact]
    public void Whatever_decides_the_token_makes_another_cell()
    {
        OAuth2AccountOptions[] accounts =
        [
            Client,
            Client with
            {
                ClientId = "other",
            },
            Client with
            {
                ClientSecret = Secret("other"),
            },
            Client with
            {
                Scopes = ["write"],
            },
            Client with
            {
                Scopes = ["read", "write"],
            },
            Client with
            {
                Scopes = [],
            },
            Client with
            {
                Audience = "other",
            },
            Client with
            {
                Audience = null,
            },
            Client with
            {
                Parameters = new Dictionary<string, string> { ["resource"] = "other" },
            },
            Client with
            {
                Parameters = new Dictionary<string, string> { ["other"] = "r" },
            },
            Client with
            {
                Parameters = new Dictionary<string, string>(),
                Headers = new Dictionary<string, string> { ["resource"] = "r" },
            },
            Client with
            {
                Grant = OAuth2Grant.Password,
                UserName = "u",
                Password = Secret("p"),
            },
            Client with
            {
                Grant = OAuth2Grant.Password,
                UserName = "u",
                Password = Secret("q"),
            },
            Client with
            {
                Grant = OAuth2Grant.Password,
                UserName = "v",
                Password = Secret("p"),
            },
        ];
        List<TokenCell> cells =
        [
            .. accounts.Select(account => bench.Cell(OAuth2(account))),
            bench.Cell(OAuth2(endpoint: "https://other.example/token")),
        ];
        cells.Distinct().Count().ShouldBe(accounts.Length + 1);
    }

    [Fact]
    public void Two_accounts_and_two_upstreams_never_share_one()
    {
        var two = OAuth2() with
        {
            Accounts = new Dictionary<string, OAuth2AccountOptions> { ["a"] = Client, ["b"] = Client },
        };
        var (table, _) = bench.Compile(("x", two), ("y", two));
        TokenCell?[] cells =
        [
            .. table.ByName.Values.SelectMany(upstream => upstream.Accounts.Values.Select(account => account.Cell(NoValues))),
        ];
        cells.Distinct().Count().ShouldBe(4);
    }

    [Fact]
    public void Damoovs_pair_is_the_identitys_whoever_asks_and_another_password_is_another()
    {
        DamoovUpstreamOptions Damoov(string password, TimeSpan patience) =>
            new()
            {
                TokenEndpoint = "https://user.example/v1/Auth/Login",
                TokenWaitTimeout = patience,
                Accounts = new Dictionary<string, DamoovAccountOptions>
                {
                    ["a"] = new() { Email = "a@b.example", Password = Secret(password) },
                    ["b"] = new() { Email = "a@b.example", Password = Secret(password) },
                },
            };
        var (table, mistakes) = bench.Compile(("x", Damoov("p", TimeSpan.FromSeconds(1))), ("y", Damoov("p", TimeSpan.FromSeconds(2))));
        mistakes.ShouldBeEmpty();
        var cells = table.ByName.Values.SelectMany(upstream => upstream.Accounts.Values.Select(account => account.Cell(NoValues))).ToList();
        cells.Distinct().Count().ShouldBe(1);
        var (changed, _) = bench.Compile(("x", Damoov("q", TimeSpan.FromSeconds(1))));
        changed.ByName["x"].Accounts["a"].Cell(NoValues).ShouldNotBe(cells[0]);
        var (_, fight) = bench.Compile(("x", Damoov("p", TimeSpan.FromSeconds(1))), ("y", Damoov("q", TimeSpan.FromSeconds(1))));
        fight.ShouldContain(mistake => mistake.Path == "Broker:Upstreams:y:Accounts:a" && mistake.Severity == Severity.Error);
    }

    [Property]
    public bool Names_of_other_parts_differ(string?[] one, string?[] two) => (Names.Name(one) == Names.Name(two)) == one.SequenceEqual(two);

    [Property]
    public bool Names_of_parts_that_are_cut_elsewhere_differ(NonEmptyString text, int at)
    {
        var cut = Math.Abs(at % (text.Get.Length + 1));
        var moved = (cut + 1) % (text.Get.Length + 1);
        return Names.Name(text.Get[..cut], text.Get[cut..]) != Names.Name(text.Get[..moved], text.Get[moved..]);
    }

    [Fact]
    public void A_name_of_nothing_is_another_than_an_empty_one_and_each_key_names_otherwise()
    {
        var names = new NamingKey();
        names.Name((string?)null).ShouldNotBe(names.Name(""));
        new NamingKey().Name("x").ShouldNotBe(names.Name("x"));
    }

    [Fact]
    public void A_template_is_one_cell_for_each_caller_and_none_without_a_value()
    {
        var account = bench.Account(OAuth2(Client with { ClientId = "t-{user}", Audience = null }));
        account.TemplateNames.ShouldBe(["user"]);
        var alice = account.Cell(new Dictionary<string, string> { ["user"] = "alice" }).ShouldNotBeNull();
        account.Cell(new Dictionary<string, string> { ["user"] = "alice" }).ShouldBe(alice);
        account.Cell(new Dictionary<string, string> { ["user"] = "bob" }).ShouldNotBe(alice);
        account.Cell(NoValues).ShouldBeNull();
        foreach (var bad in new[] { "", "a\nb", "a\0", "\ud800" })
        {
            account.Cell(new Dictionary<string, string> { ["user"] = bad }).ShouldBeNull();
        }
    }

    [Fact]
    public void Values_that_swap_their_border_are_two_identities()
    {
        var account = bench.Account(
            OAuth2(
                Client with
                {
                    Parameters = new Dictionary<string, string> { ["a"] = "{user}", ["b"] = "{corp:sub}" },
                }
            )
        );
        TokenCell? Cell(string user, string sub) => account.Cell(new Dictionary<string, string> { ["user"] = user, ["corp:sub"] = sub });
        Cell("a|b", "c").ShouldNotBe(Cell("a", "b|c"));
        Cell("ab", "c").ShouldNotBe(Cell("a", "bc"));
    }

    [Fact]
    public void A_header_takes_no_value_beyond_visible_ASCII()
    {
        var account = bench.Account(OAuth2(Client with { Headers = new Dictionary<string, string> { ["X-Tenant"] = "{user}" } }));
        account.Cell(new Dictionary<string, string> { ["user"] = "alice" }).ShouldNotBeNull();
        account.Cell(new Dictionary<string, string> { ["user"] = "ali\u00e7e" }).ShouldBeNull();
        account.Cell(new Dictionary<string, string> { ["user"] = "a\r\nX-Admin: 1" }).ShouldBeNull();
    }

    [Fact]
    public void The_cell_of_an_account_is_found_without_allocation()
    {
        var account = bench.Account(OAuth2());
        account.Cell(NoValues);
        Allocations.Of(() => account.Cell(NoValues)).ShouldBe(0);
    }

    [Fact]
    public async Task A_renewal_belongs_to_no_request()
    {
        using var request = new Activity("request").Start();
        var source = new ScriptedSource();
        using var cells = new CellBench();
        await CellBench.Fresh(cells.Cell(source: source));
        source.Surrounding.ShouldBeNull();
        Activity.Current.ShouldBe(request);
    }
}
