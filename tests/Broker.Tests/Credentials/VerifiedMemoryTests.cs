using System.Security.Cryptography;
using Broker.Configuration;
using Broker.Credentials;
using Microsoft.AspNetCore.Http;
using Shouldly;
using Xunit;

namespace Broker.Tests.Credentials;

public sealed class VerifiedMemoryTests : IDisposable
{
    private readonly Bench bench = new();

    public void Dispose() => bench.Dispose();

    [Fact]
    public void Reading_a_remembered_token_allocates_nothing()
    {
        bench.Publish(Bench.With(("app", Bench.Wide)) with { Issuers = new Dictionary<string, IssuerOptions> { ["corp"] = bench.Corp() } });
        foreach (var make in new[] { () => bench.Token(), () => bench.CorpToken() })
        {
            var headers = new HeaderDictionary { ["Authorization"] = "Bearer " + make() };
            for (var i = 0; i < 200; i++)
            {
                bench.ReadAtOnce(headers).Caller.ShouldNotBeNull();
            }

            var good = true;
            Allocations.Of(() => good &= bench.ReadAtOnce(headers).Caller is not null).ShouldBe(0);
            good.ShouldBeTrue();
            bench.Clock.Advance(TimeSpan.FromHours(1));
            bench.ReadAtOnce(headers).ShouldBe(new(null, CredentialProblem.Expired));
        }
    }

    [Fact]
    public void It_stays_bounded_under_ten_times_as_many_tokens_and_all_of_them_are_still_read()
    {
        const int capacity = 100;
        bench.Publish(Bench.With(("app", Bench.Wide)) with { Limits = new() { RememberedCredentials = capacity } });
        for (var i = 0; i < capacity * 10; i++)
        {
            bench.Bearer(bench.Token(c => c["jti"] = $"{i}")).Caller.ShouldNotBeNull();
        }

        bench.Table.Shared.Memory.Count.ShouldBeInRange(capacity / 2, capacity);
    }

    [Fact]
    public void Nothing_that_was_refused_is_remembered()
    {
        bench.Publish(Bench.With(("app", Bench.Wide)));
        var good = bench.Token();
        for (var i = 0; i < good.Length; i++)
        {
            bench.Bearer(good[..i] + (good[i] == 'A' ? 'B' : 'A') + good[(i + 1)..]);
        }

        bench.Bearer(bench.Token(c => c["sub"] = "key:nobody")).Caller.ShouldBeNull();
        bench.Table.Shared.Memory.Count.ShouldBeLessThanOrEqualTo(1); // one of the changes may be none
    }

    [Fact]
    public void Without_room_everything_is_verified_each_time()
    {
        bench.Publish(Bench.With(("app", Bench.Wide)) with { Limits = new() { RememberedCredentials = 0 } });
        var token = bench.Token();
        bench.Bearer(token).Caller.ShouldNotBeNull();
        bench.Bearer(token).Caller.ShouldNotBeNull();
        bench.Table.Shared.Memory.Count.ShouldBe(0);
    }

    [Fact]
    public void An_ended_entry_makes_room_before_a_live_one()
    {
        var memory = new VerifiedCredentialCache(8);
        var now = bench.Clock.GetUtcNow();
        var live = Enumerable.Range(0, 7).Select(_ => Entry(now.AddHours(1))).ToList();
        live.ForEach(entry => memory.Keep(entry, now));
        var ended = Entry(now.AddSeconds(-1));
        memory.Keep(ended, now);
        var next = Entry(now.AddHours(1));
        memory.Keep(next, now);
        memory.Find(ended.Digest).ShouldBeNull();
        live.Append(next).ShouldAllBe(entry => ReferenceEquals(memory.Find(entry.Digest), entry));
        memory.Keep(Entry(now.AddHours(1)), now);
        memory.Count.ShouldBe(8);

        static VerifiedPassword Entry(DateTimeOffset end) =>
            new() { Digest = new(RandomNumberGenerator.GetBytes(32)), EndTicks = end.UtcTicks };
    }
}
