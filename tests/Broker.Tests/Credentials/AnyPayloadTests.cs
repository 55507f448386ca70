using System.Text.Json.Nodes;
using Broker.Configuration;
using Broker.Credentials;
using FsCheck;
using FsCheck.Fluent;
using FsCheck.Xunit;
using Policies;
using Shouldly;
using Xunit;

namespace Broker.Tests.Credentials;

/// <summary>Also under a right signature nothing that stands in a token makes its reader throw, or grants more than the caller of the config has.</summary>
public sealed class AnyPayloadTests : IDisposable
{
    private static readonly CallerOptions Narrow = new()
    {
        Actions = ["GetDevice"],
        Networks = ["1"],
        DeviceTypes = ["5"],
        Devices = ["a"],
        UserId = 17,
    };

    private static readonly string[] Members =
    [
        "iss",
        "sub",
        "aud",
        "iat",
        "exp",
        "jti",
        "sid",
        "sxp",
        "by",
        "gen",
        "cid",
        "client_id",
        "scope",
        "rtl",
        "rtn",
        "payload",
        "payload.u",
        "payload.a",
        "payload.n",
        "payload.dt",
        "payload.d",
        "payload.e",
        "payload.t",
        "payload.tpc",
    ];

    private static readonly string[] Values =
    [
        "null",
        "true",
        "0",
        "-1",
        "1",
        "17",
        "1.5",
        "1e300",
        "-1e300",
        "9223372036854775807",
        "9223372036854775808",
        "\"\"",
        "\"*\"",
        "\"key:app\"",
        "\"key:other\"",
        "[]",
        "[0]",
        "[\"*\"]",
        "[\"0\"]",
        "[null]",
        "[[]]",
        "[{}]",
        "{}",
        "{\"*\":1}",
        "[\"key:app\"]",
        "[\"key:other\",\"key:app\"]",
        "[1,2,3]",
        "\"\\u0000\"",
        "\"\\ud83d\\ude00\"",
        "[-1,99999999999]",
    ];

    private readonly Bench bench = new();

    public AnyPayloadTests() => bench.Publish(Bench.With(("app", Narrow), ("other", Bench.Wide with { UserId = 18 })));

    public void Dispose() => bench.Dispose();

    [Fact]
    public void For_any_claims_that_are_signed_reading_never_throws_and_grants_within_the_config()
    {
        var bound = new Permissions(Selection.Of("GetDevice"), Selection.Of("1"), Selection.Of("5"), Selection.Of("a"));
        var (granted, refused) = (0, 0);
        var change = from member in Gen.Elements(Members) from value in Gen.Elements(Values) select (member, value);
        var changes = from count in Gen.Choose(1, 3) from some in Gen.ArrayOf(change, count) select some;

        Check.One(Config.QuickThrowOnFailure.WithMaxTest(5000), Prop.ForAll(Arb.From(changes), some =>
            {
                var token = bench.Token(claims =>
                {
                    foreach (var (member, value) in some)
                    {
                        var isInner = member.StartsWith("payload.", StringComparison.Ordinal);
                        if ((isInner ? claims["payload"] as JsonObject : claims) is { } place)
                        {
                            place[isInner ? member["payload.".Length..] : member] = JsonNode.Parse(value);
                        }
                    }
                });
                var result = bench.Bearer(token);
                if (result.Caller is not { } caller)
                {
                    refused++;
                    return true;
                }

                granted++;
                // Who signs may say who it is, and no more: nobody has more than the config gives him.
                return caller.Identity == "key:other" || (caller.Identity == "key:app" && caller.Permissions.IsWithin(bound));
            }));

        granted.ShouldBeGreaterThan(100);
        refused.ShouldBeGreaterThan(100);
    }

    [Property(MaxTest = 1000)]
    public bool For_any_bytes_that_are_signed_reading_never_throws_and_never_grants(byte[]? head, byte[]? body)
    {
        var header = Bench.HsHeader;
        var text = System.Text.Encoding.Latin1.GetString(body ?? []);
        var whole = bench.Claims().ToJsonString();
        var cut = whole[..((body ?? []).Sum(part => part) % whole.Length)];
        return bench.Bearer(Bench.Sign(header, text, Bench.Hs)).Caller is null
            && bench.Bearer(Bench.Sign(System.Text.Encoding.Latin1.GetString(head ?? []), whole, Bench.Hs)).Caller is null
            && bench.Bearer(Bench.Sign(header, cut + text, Bench.Hs)).Caller is null;
    }
}
