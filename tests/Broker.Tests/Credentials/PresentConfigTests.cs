using System.Text.Json.Nodes;
using Broker.Configuration;
using Broker.Credentials;
using FsCheck;
using FsCheck.Fluent;
using Policies;
using Shouldly;
using Xunit;

namespace Broker.Tests.Credentials;

public sealed class PresentConfigTests : IDisposable
{
    private readonly Bench bench = new();

    public void Dispose() => bench.Dispose();

    [Fact]
    public void Narrowing_the_config_narrows_a_remembered_token_on_its_next_read()
    {
        bench.Publish(Bench.With(("app", Bench.Wide)));
        var token = bench.Token();
        bench.Bearer(token).Caller.ShouldNotBeNull().Permissions.Networks.ShouldBe(Selection.Of("1", "2"));
        bench.Publish(Bench.With(("app", Bench.Wide with { Networks = ["2", "3"], Actions = ["GetNetwork"] })));
        var narrowed = bench.Bearer(token).Caller.ShouldNotBeNull().Permissions;
        narrowed.Networks.ShouldBe(Selection.Of("2"));
        narrowed.Actions.ShouldBe(Selection.Nothing);
        bench.Publish(Bench.With(("app", Bench.Wide)));
        bench.Bearer(token).Caller.ShouldNotBeNull().Permissions.Networks.ShouldBe(Selection.Of("1", "2"));
    }

    [Fact]
    public void A_caller_who_left_the_config_is_refused_on_the_next_read_and_so_is_another_user_number()
    {
        bench.Publish(Bench.With(("app", Bench.Wide)));
        var token = bench.Token();
        bench.Bearer(token).Caller.ShouldNotBeNull();
        bench.Publish(Bench.With(("app", Bench.Wide with { UserId = 4 })));
        bench.Bearer(token).ShouldBe(new(null, CredentialProblem.Invalid));
        bench.Publish(Bench.With(("other", Bench.Wide)));
        bench.Bearer(token).ShouldBe(new(null, CredentialProblem.Invalid));
    }

    [Fact]
    public void A_token_whose_key_or_audience_left_the_config_is_refused_though_it_was_remembered()
    {
        var good = Bench.With(("app", Bench.Wide));
        bench.Publish(good);
        var token = bench.Token();
        bench.Bearer(token).Caller.ShouldNotBeNull();
        var others = Bench.Issuing.SigningKeys.Where(key => key.Key != "h").ToDictionary();
        foreach (
            var issuing in new[]
            {
                null,
                Bench.Issuing with
                {
                    SigningKeys = others,
                },
                Bench.Issuing with
                {
                    Audience = "another",
                },
                Bench.Issuing with
                {
                    Issuer = "another",
                },
                Bench.Issuing with
                {
                    SigningKeys = new Dictionary<string, SigningKeyOptions>
                    {
                        ["h"] = new()
                        {
                            Algorithm = SigningAlgorithm.HS256,
                            Key = new("test", Convert.ToBase64String([.. Bench.Secret, 1])),
                        },
                    },
                },
            }
        )
        {
            bench.Publish(good with { Issuing = issuing });
            bench.Bearer(token).ShouldBe(new(null, CredentialProblem.Invalid));
            bench.Publish(good);
            bench.Bearer(token).Caller.ShouldNotBeNull();
        }
    }

    [Fact]
    public void An_issuer_whose_options_change_is_asked_anew_and_one_that_left_is_refused()
    {
        var corp = bench.Corp();
        BrokerOptions Config(IssuerOptions? options) =>
            Bench.With() with
            {
                Issuers = options is null ? [] : new Dictionary<string, IssuerOptions> { ["corp"] = options },
            };
        bench.Publish(Config(corp));
        var token = bench.CorpToken();
        bench.Bearer(token).Caller.ShouldNotBeNull().Permissions.Networks.ShouldBe(Selection.Of("7", "8"));
        bench.Publish(Config(corp with { Networks = new() { Const = ["8"] } }));
        bench.Bearer(token).Caller.ShouldNotBeNull().Permissions.Networks.ShouldBe(Selection.Of("8"));
        bench.Publish(Config(corp with { Audiences = ["else"] }));
        bench.Bearer(token).ShouldBe(new(null, CredentialProblem.Invalid));
        bench.Publish(Config(corp with { Algorithms = ["ES256"] }));
        bench.Bearer(token).ShouldBe(new(null, CredentialProblem.Invalid));
        bench.Publish(Config(corp with { KeyFile = bench.File(Bench.Rsa.ExportSubjectPublicKeyInfoPem()) }) with { Issuing = null });
        bench.Bearer(token).ShouldBe(new(null, CredentialProblem.Invalid));
        bench.Publish(Config(null));
        bench.Bearer(token).ShouldBe(new(null, CredentialProblem.Invalid));
    }

    [Fact]
    public void A_remembered_token_is_expired_after_the_earlier_of_its_two_ends()
    {
        bench.Publish(Bench.With(("app", Bench.Wide)));
        var byExp = bench.Token(c => c["payload"]!["e"] = (bench.Clock.GetUtcNow().ToUnixTimeSeconds() + 9000) * 1000);
        var byE = bench.Token(c => c["exp"] = bench.Clock.GetUtcNow().ToUnixTimeSeconds() + 9000);
        bench.Bearer(byExp).Caller.ShouldNotBeNull();
        bench.Bearer(byE).Caller.ShouldNotBeNull();
        bench.Clock.Advance(TimeSpan.FromSeconds(600) - TimeSpan.FromTicks(1));
        bench.Bearer(byExp).Caller.ShouldNotBeNull();
        bench.Bearer(byE).Caller.ShouldNotBeNull();
        bench.Clock.Advance(TimeSpan.FromTicks(1));
        bench.Bearer(byExp).ShouldBe(new(null, CredentialProblem.Expired));
        bench.Bearer(byE).ShouldBe(new(null, CredentialProblem.Expired));
        using var fresh = new Bench();
        fresh.Publish(Bench.With(("app", Bench.Wide)));
        fresh.Clock.Advance(TimeSpan.FromSeconds(600));
        fresh.Bearer(byE).ShouldBe(new(null, CredentialProblem.Expired)); // not remembered there
        fresh.Table.Shared.Memory.Count.ShouldBe(0);
    }

    [Fact]
    public void For_any_two_configs_a_token_is_read_within_its_claims_and_its_callers_config()
    {
        var names = ArbMap.Default.GeneratorFor<int[]>().Select(numbers => numbers.Select(n => (n & 7) == 0 ? "*" : $"{n & 7}").ToArray());
        var configs = from n1 in names from n2 in names from d in names from t in names select (n1, n2, d, t);
        Prop.ForAll(Arb.From(configs), c =>
            {
                var token = bench.Token(claims => claims["payload"]!["n"] = new JsonArray([.. c.t.Select(n => (JsonNode)n)]));
                foreach (var networks in new[] { c.n1, c.n2 })
                {
                    bench.Publish(Bench.With(("app", Bench.Wide with { Networks = networks, Devices = c.d })));
                    var present = bench.Table.CallerNamed("app")!.Permissions;
                    var read = bench.Bearer(token).Caller.ShouldNotBeNull().Permissions;
                    read.IsWithin(present).ShouldBeTrue();
                    read.Networks.IsWithin(Selection.Of(c.t)).ShouldBeTrue();
                    read.Networks.ShouldBe(Selection.Of(c.t).Intersect(Selection.Of(networks)));
                }
            })
            .QuickCheckThrowOnFailure();
    }
}
