using System.Buffers.Text;
using System.Text.Json;
using Broker.Configuration;
using Broker.Credentials;
using Broker.Tests.Credentials;
using Broker.TokenService;
using FsCheck;
using FsCheck.Fluent;
using Policies;
using Shouldly;
using Xunit;

namespace Broker.Tests.TokenService;

public sealed class TokenIssuerTests : IDisposable
{
    private static readonly string[] Dimensions = ["a", "n", "dt", "d"];
    private readonly Bench bench = new();

    public void Dispose() => bench.Dispose();

    [Fact]
    public void A_token_holds_the_standard_claims_and_devicehives_payload_and_is_read_back_as_its_caller()
    {
        foreach (var first in new[] { "h", "r", "e" })
        {
            var keys = Bench.Issuing.SigningKeys.OrderBy(key => key.Key != first).ToDictionary();
            bench.Publish(
                Bench.With(("app", Bench.Wide with { Actions = ["GetDevice", "GetNetwork"], Networks = ["7"] })) with
                {
                    Issuing = Bench.Issuing with { SigningKeys = keys },
                }
            );
            var token = Issue("app", null, TimeSpan.FromMinutes(5));
            var now = bench.Clock.GetUtcNow().ToUnixTimeSeconds();
            var header = Part(token, 0);
            (header.GetProperty("kid").GetString(), header.GetProperty("typ").GetString()).ShouldBe((first, "at+jwt"));
            var claims = Part(token, 1);
            (claims.GetProperty("iss").GetString(), claims.GetProperty("sub").GetString(), claims.GetProperty("aud").GetString()).ShouldBe(
                ("broker", "key:app", "broker")
            );
            claims.GetProperty("client_id").GetString().ShouldBe("app");
            (claims.GetProperty("iat").GetInt64(), claims.GetProperty("exp").GetInt64()).ShouldBe((now, now + 300));
            claims
                .GetProperty("payload")
                .GetRawText()
                .ShouldBe($$"""{"u":17,"a":[2,3],"n":["7"],"dt":["*"],"d":["*"],"e":{{(now + 300) * 1000}},"t":1}""");
            Base64Url.DecodeFromChars(claims.GetProperty("jti").GetString()).Length.ShouldBe(16);
            var caller = bench.Bearer(token).Caller.ShouldNotBeNull();
            caller.Permissions.ShouldBe(bench.Table.CallerNamed("app")!.Permissions);
        }
    }

    [Fact]
    public void What_is_wanted_beyond_the_callers_config_is_left_out_and_all_four_dimensions_are_always_there()
    {
        bench.Publish(
            Bench.With(
                (
                    "app",
                    new()
                    {
                        Actions = ["GetDevice"],
                        Networks = ["7"],
                        DeviceTypes = ["*"],
                    }
                ),
                ("none", new())
            )
        );
        bench.Bearer(Issue("app", Permissions.Everything)).Caller!.Permissions.ShouldBe(bench.Table.CallerNamed("app")!.Permissions);
        bench.Bearer(Issue("app", default(Permissions))).Caller!.Permissions.ShouldBe(default);
        var payload = Part(Issue("none", Permissions.Everything), 1).GetProperty("payload");
        foreach (var dimension in Dimensions)
        {
            payload.GetProperty(dimension).GetArrayLength().ShouldBe(0);
        }
    }

    [Fact]
    public void For_any_wish_what_is_read_back_lies_within_wish_and_config()
    {
        var selection = ArbMap.Default.GeneratorFor<int[]>().Select(n => Selection.Of(n.Select(i => (i & 7) == 0 ? "*" : $"{i & 7}")));
        var action = ArbMap
            .Default.GeneratorFor<int[]>()
            .Select(n =>
                Selection.Of(
                    n.Select(i =>
                        (i & 31) == 0 ? "*"
                        : ActionNames.BuiltIn.TryResolve((i & 15) + 2, out var a) ? a
                        : "GetDevice"
                    )
                )
            );
        var permissions = from a in action from n in selection from t in selection from d in selection select new Permissions(a, n, t, d);
        var pairs = from config in permissions from wish in permissions select (config, wish);
        Prop.ForAll(Arb.From(pairs), pair =>
            {
                bench.Publish(
                    Bench.With(
                        (
                            "app",
                            new()
                            {
                                Actions = Written(pair.config.Actions),
                                Networks = Written(pair.config.Networks),
                                DeviceTypes = Written(pair.config.DeviceTypes),
                                Devices = Written(pair.config.Devices),
                            }
                        )
                    )
                );
                bench.Bearer(Issue("app", pair.wish)).Caller!.Permissions.ShouldBe(pair.wish.Intersect(pair.config));
            })
            .QuickCheckThrowOnFailure();

        static string[] Written(Selection selection) => selection.IsEverything ? ["*"] : [.. selection.Names];
    }

    [Fact]
    public void Without_the_caller_a_signing_key_a_lifetime_or_room_nothing_is_signed()
    {
        bench.Publish(
            Bench.With(("app", Bench.Wide), ("many", new() { Devices = [.. Enumerable.Range(0, 2000).Select(i => $"device-{i}")] }))
        );
        Should.Throw<InvalidOperationException>(() => Issue("nobody", null));
        Should.Throw<InvalidOperationException>(() => Issue("many", null));
        Should.Throw<ArgumentOutOfRangeException>(() => Issue("app", null, TimeSpan.Zero));
        bench.Publish(Bench.With(("app", Bench.Wide)) with { Issuing = null });
        Should.Throw<InvalidOperationException>(() => Issue("app", null));
    }

    [Fact]
    public void An_api_key_is_new_each_time_and_read_by_its_digest()
    {
        var key = ApiKey.New();
        key.Text.ShouldStartWith("brk_");
        key.Text.Length.ShouldBe(4 + 43);
        ApiKey.New().Text.ShouldNotBe(key.Text);
        key.ToString().ShouldNotContain(key.Text);
        bench.Publish(Bench.With(("app", new() { Keys = [new() { Sha256 = key.Sha256 }] })));
        bench.Read(("X-Api-Key", key.Text)).Caller.ShouldNotBeNull();
    }

    private string Issue(string caller, Permissions? wanted, TimeSpan? life = null) =>
        new TokenIssuer(bench.Clock).Issue(bench.Store.Current, caller, wanted, life);

    private static JsonElement Part(string token, int index) => JsonElement.Parse(Base64Url.DecodeFromChars(token.Split('.')[index]));
}
