using System.Text.Json.Nodes;
using Broker.Credentials;
using Microsoft.AspNetCore.Http;
using Shouldly;
using Xunit;

namespace Broker.Tests.Credentials;

public sealed class RevocationTests : IDisposable
{
    private readonly Bench bench = new();

    public RevocationTests() => bench.Publish(Bench.With(("app", Bench.Wide), ("maker", Bench.Wide with { UserId = 18 })));

    public void Dispose() => bench.Dispose();

    private IRevocations Revocations => bench.Revocations;

    [Fact]
    public async Task A_token_that_was_ended_is_refused_on_the_next_request_though_its_verification_is_remembered()
    {
        var (one, other) = (bench.Token(c => c["jti"] = "one"), bench.Token(c => c["jti"] = "other"));
        bench.Bearer(one).Caller.ShouldNotBeNull();
        bench.Bearer(other).Caller.ShouldNotBeNull();

        (await Revocations.Revoke("one", bench.Clock.GetUtcNow().AddMinutes(10), default)).ShouldBeTrue();

        bench.Bearer(one).ShouldBe(new(null, CredentialProblem.Invalid));
        bench.Bearer(other).Caller.ShouldNotBeNull();
    }

    [Fact]
    public async Task An_ended_session_ends_every_token_in_it()
    {
        var inIt = bench.Token(c =>
        {
            c["jti"] = "2";
            c["sid"] = "s";
            c["sxp"] = c["exp"]!.DeepClone();
        });
        bench.Bearer(inIt).Caller.ShouldNotBeNull();

        await Revocations.Revoke("s", bench.Clock.GetUtcNow().AddMinutes(10), default);

        bench.Bearer(inIt).Caller.ShouldBeNull();
        bench.Bearer(bench.Token()).Caller.ShouldNotBeNull();
    }

    [Theory]
    [InlineData("key:app")]
    [InlineData("key:maker")]
    public async Task Ending_all_of_a_caller_ends_what_he_made_for_others_as_well_and_not_what_comes_after(string ended)
    {
        string Made(params long[] generations) =>
            bench.Token(c =>
            {
                c["by"] = new JsonArray("key:maker");
                c["gen"] = new JsonArray([.. generations.Select(number => (JsonNode)number)]);
            });
        var before = Made(0, 0);
        bench.Bearer(before).Caller.ShouldNotBeNull();

        await Revocations.RevokeAllOf(ended, default);

        bench.Bearer(before).Caller.ShouldBeNull();
        bench.Bearer(Made(1, 1)).Caller.ShouldNotBeNull();
        Revocations.GenerationOf(ended).ShouldBe(1);
    }

    [Fact]
    public async Task An_entry_lives_no_longer_than_the_token_it_ends()
    {
        var memory = new LocalRevocations(bench.Clock);
        for (var i = 0; i < 100; i++)
        {
            await memory.Revoke($"short-{i}", bench.Clock.GetUtcNow().AddMinutes(1), default);
        }

        await memory.Revoke("long", bench.Clock.GetUtcNow().AddHours(1), default);
        bench.Clock.Advance(TimeSpan.FromMinutes(5));
        await memory.Revoke("last", bench.Clock.GetUtcNow().AddHours(1), default);

        memory.Count.ShouldBe(2);
    }

    [Fact]
    public void A_callers_generation_lives_no_longer_than_what_came_before_it()
    {
        var memory = new LocalRevocations(bench.Clock);
        memory.Raise("key:app", 4, bench.Clock.GetUtcNow().AddHours(1));
        memory.Raise("key:app", 2, bench.Clock.GetUtcNow().AddHours(9));
        memory.GenerationOf("key:app").ShouldBe(4);
        bench.Clock.Advance(TimeSpan.FromHours(2));
        memory.Raise("key:other", 2, bench.Clock.GetUtcNow().AddHours(1));

        memory.AllGenerations.Select(pair => pair.Key).ShouldBe(["key:other"]);
    }

    [Fact]
    public async Task A_remembered_token_is_looked_up_without_an_allocation_while_ten_thousand_revocations_stand()
    {
        for (var i = 0; i < 10_000; i++)
        {
            await Revocations.Revoke($"ended-{i}", bench.Clock.GetUtcNow().AddHours(1), default);
        }

        await Revocations.RevokeAllOf("key:somebody", default);
        var token = bench.Token(c => c["by"] = new JsonArray("key:maker"));
        var headers = new HeaderDictionary { ["Authorization"] = "Bearer " + token };
        bench.ReadAtOnce(headers).Caller.ShouldNotBeNull();
        Allocations.Of(() => bench.ReadAtOnce(headers)).ShouldBe(0);
    }

    [Fact]
    public void When_nobody_knows_what_was_ended_the_answer_is_not_now_and_neither_yes_nor_no()
    {
        using var blind = new Bench(revocations: new Blind());
        blind.Publish(Bench.With(("app", Bench.Wide)));

        blind.Bearer(blind.Token()).ShouldBe(new(null, CredentialProblem.Unknown));
    }

    [Fact]
    public void A_token_is_within_the_present_rights_of_whoever_made_it_and_dies_with_him()
    {
        string Made(string by) => bench.Token(c => c["by"] = new JsonArray(by));
        var token = Made("key:maker");
        bench.Bearer(token).Caller!.Permissions.Networks.ShouldBe(Policies.Selection.Of("1", "2"));

        bench.Publish(Bench.With(("app", Bench.Wide), ("maker", Bench.Wide with { UserId = 18, Networks = ["2", "3"] })));
        bench.Bearer(token).Caller!.Permissions.Networks.ShouldBe(Policies.Selection.Of("2"));

        bench.Publish(Bench.With(("app", Bench.Wide), ("maker", Bench.Wide with { UserId = 18, Disabled = true })));
        bench.Bearer(token).ShouldBe(new(null, CredentialProblem.Invalid));
        bench.Publish(Bench.With(("app", Bench.Wide)));
        bench.Bearer(token).ShouldBe(new(null, CredentialProblem.Invalid));
        bench.Bearer(Made("corp:maker")).Caller.ShouldBeNull();
    }

    [Theory]
    [InlineData("t", "0", null)]
    [InlineData("t", "0", "rt+jwt")]
    [InlineData("t", "1", "rt+jwt")]
    [InlineData("t", "1", "plugin+jwt")]
    [InlineData("tpc", "\"plugin_topic\"", null)]
    [InlineData("tpc", "\"plugin_topic\"", "plugin+jwt")]
    public void A_refresh_or_plugin_token_is_no_bearer_token(string member, string value, string? type)
    {
        var header = $$"""{"alg":"HS256","kid":"h"{{(type is null ? "" : $",\"typ\":\"{type}\"")}}}""";
        bench.Bearer(bench.Token(c => c["payload"]![member] = JsonNode.Parse(value), header)).Caller.ShouldBeNull();
    }

    [Theory]
    [InlineData("by", "\"key:maker\"")]
    [InlineData("by", "[\"maker\"]")]
    [InlineData("by", "[\"*\"]")]
    [InlineData("by", "[1]")]
    [InlineData("gen", "[-1]")]
    [InlineData("gen", "\"1\"")]
    [InlineData("sid", "7")]
    [InlineData("sid", "\"s\"")]
    [InlineData("sxp", "\"later\"", "sid", "\"s\"")]
    public void A_claim_of_ours_that_is_not_as_we_write_it_grants_nothing(
        string name,
        string value,
        string? second = null,
        string? secondValue = null
    ) =>
        bench
            .Bearer(
                bench.Token(c =>
                {
                    c[name] = JsonNode.Parse(value);
                    if (second is not null)
                    {
                        c[second] = JsonNode.Parse(secondValue!);
                    }
                })
            )
            .Caller.ShouldBeNull();

    [Fact]
    public void A_disabled_caller_is_nobody_with_any_credential()
    {
        bench.Publish(
            Bench.With(("app", Bench.Wide with { Disabled = true, Keys = [new() { Sha256 = Broker.TokenService.ApiKey.DigestOf("k") }] }))
        );

        bench.Read(("X-Api-Key", "k")).Caller.ShouldBeNull();
        bench.Bearer(bench.Token()).Caller.ShouldBeNull();
        bench.Table.CallerNamed("app").ShouldBeNull();
    }

    private sealed class Blind : IRevocations
    {
        public long Version => 0;

        public RevocationStatus Of(TokenClaims claims) => RevocationStatus.Unknown;

        public long GenerationOf(string identity) => 0;

        public ValueTask<bool> Revoke(string id, DateTimeOffset until, CancellationToken cancellation) => new(false);

        public ValueTask<bool> RevokeAllOf(string identity, CancellationToken cancellation) => new(false);
    }
}
