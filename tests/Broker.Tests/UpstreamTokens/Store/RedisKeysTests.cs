using Broker.Tests.Redis;
using Broker.UpstreamTokens;
using Shouldly;
using Xunit;
using static Broker.Tests.UpstreamTokens.CellBench;
using static Broker.Tests.UpstreamTokens.SharedRenewalTests;

namespace Broker.Tests.UpstreamTokens;

/// <summary>What stands in Redis, for how long, and how large it may become.</summary>
public sealed class RedisKeysTests : IAsyncLifetime
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

    [Fact]
    public async Task Every_key_has_an_expiry_but_the_budgets_marker()
    {
        await Fresh(New().Cell(upstream.Source()));
        (await Kinds(isEndless: true)).ShouldBe(["marker"]);
        (await Kinds(isEndless: false)).ShouldBe(["counter", "logins", "pair"]);
    }

    [Fact]
    public async Task Of_an_account_that_can_only_refresh_the_pair_alone_has_no_end_and_but_its_counter_stays_beside_it()
    {
        var hold = upstream.Hold();
        var cell = New().Cell(upstream.Source(canLogin: false, upstream.Provision()));
        var first = cell.Get(None).AsTask();
        await Eventually(() => Task.FromResult(upstream.HasTakenHolds));
        (await Kinds(isEndless: true)).ShouldBeEmpty(); // the call runs
        (await Kinds(isEndless: false)).ShouldBe(["counter", "lease", "note"]);
        hold.SetResult();
        var token = (await first).Token.ShouldNotBeNull();
        (await Kinds(isEndless: true)).ShouldBe(["pair"]);
        (await Kinds(isEndless: false)).ShouldBe(["counter"]);
        upstream.RefreshAnswers.Enqueue(TokenAnswer.Unknown("cut"));
        (await cell.Replace(token, 0, "s", None)).Token.ShouldBeNull();
        (await Kinds(isEndless: true)).ShouldBe(["pair"]);
        (await Kinds(isEndless: false)).ShouldBe(["counter", "note", "quiet"]); // it may be spent
    }

    [Theory]
    [InlineData('a')]
    [InlineData('+')] // of an opaque token: not as \u002B
    public async Task The_largest_token_that_a_source_takes_is_stored_in_little_more_than_its_text(char letter)
    {
        const int mostOfAnAnswer = 256 * 1024;
        string Body(int letters) => $$"""{"access_token":"{{new string(letter, letters)}}","expires_in":1800}""";
        var most = mostOfAnAnswer - Body(0).Length;
        using var http = TokenHttp.NewInvoker();
        await using var larger = new RawEndpoint(RawEndpoint.Json(Body(most + 1)));
        (await Source(http, larger).Login(None)).Reason.ShouldBe("too-large");
        await using var largest = new RawEndpoint(RawEndpoint.Json(Body(most)));
        Value(await Fresh(New().Cell(Source(http, largest)))).Length.ShouldBe(most);
        var pair = (await Keys()).Single(key => key.EndsWith(":pair", StringComparison.Ordinal));
        int.Parse(await server.Ask("HSTRLEN", pair, "b"), System.Globalization.CultureInfo.InvariantCulture)
            .ShouldBeInRange(most, most + 1024);
        Value(await Fresh(New().Cell(Source(http, largest)))).Length.ShouldBe(most);
        largest.Requests.Count.ShouldBe(1); // the other replica had it from Redis
    }

    private Replica New()
    {
        var replica = new Replica(server.Endpoint, "p");
        replicas.Add(replica);
        return replica;
    }

    private static OAuth2Source Source(HttpMessageInvoker http, RawEndpoint endpoint) =>
        new(
            new TokenHttp(http, TimeProvider.System),
            new OAuth2Request
            {
                Endpoint = endpoint.Address,
                Account = new() { ClientId = "c", ClientSecret = ConfigBench.Secret("s") },
                ClientId = "c",
                UserName = "",
                Parameters = [],
                Headers = [],
                AssumedLifetime = TimeSpan.FromMinutes(5),
            }
        );

    /// <summary>
    /// The last words of the keys that have no end, or of those that have one; but for the connection's own probe, which comes and goes.
    /// </summary>
    private async Task<List<string>> Kinds(bool isEndless)
    {
        List<string> found = [];
        foreach (var key in await Keys())
        {
            if (await server.Ask("PTTL", key) == "-1" == isEndless && (isEndless || !key.EndsWith(":probe", StringComparison.Ordinal)))
            {
                found.Add(key.Split(':')[^1]);
            }
        }
        found.Sort(StringComparer.Ordinal);
        return found;
    }

    private async Task<string[]> Keys() => [.. (await server.Ask("KEYS", "*")).Split('\n').Order(StringComparer.Ordinal)];
}
