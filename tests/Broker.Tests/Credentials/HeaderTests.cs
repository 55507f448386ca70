using Broker.Credentials;
using Broker.TokenService;
using FsCheck;
using FsCheck.Fluent;
using Shouldly;
using Xunit;

namespace Broker.Tests.Credentials;

public sealed class HeaderTests : IDisposable
{
    private static readonly ApiKey First = ApiKey.New();
    private static readonly ApiKey Second = ApiKey.New();
    private readonly Bench bench = new();

    public HeaderTests() =>
        bench.Publish(
            Bench.With(
                ("app", Bench.Wide with { Keys = [new() { Sha256 = First.Sha256 }, new() { Sha256 = Second.Sha256.ToUpperInvariant() }] }),
                ("other", new())
            )
        );

    public void Dispose() => bench.Dispose();

    [Fact]
    public void Both_keys_of_a_caller_are_accepted_in_either_header()
    {
        foreach (var key in new[] { First.Text, Second.Text })
        {
            foreach (
                var (name, value) in new[]
                {
                    ("X-Api-Key", key),
                    ("x-api-key", key),
                    ("Authorization", "ApiKey " + key),
                    ("Authorization", "apikey " + key),
                }
            )
            {
                var caller = bench.Read((name, value)).Caller.ShouldNotBeNull();
                caller.Identity.ShouldBe("key:app");
                caller.TemplateValues["user"].ShouldBe("app");
            }
        }
    }

    [Fact]
    public void No_credential_is_missing_and_an_underscore_or_the_query_is_no_credential()
    {
        bench.Read().Problem.ShouldBe(CredentialProblem.Missing);
        bench.Read(("X_Api_Key", First.Text)).Problem.ShouldBe(CredentialProblem.Missing);
        bench
            .Read(("access_token", First.Text), ("Cookie", First.Text), ("Proxy-Authorization", "ApiKey " + First.Text))
            .Problem.ShouldBe(CredentialProblem.Missing);
    }

    [Fact]
    public void Two_credentials_are_ambiguous_even_when_they_are_the_same()
    {
        string[][] doubled =
        [
            ["X-Api-Key", First.Text, "X-Api-Key", First.Text],
            ["X-Api-Key", First.Text, "Authorization", "ApiKey " + First.Text],
            ["X-Api-Key", First.Text, "Authorization", "Bearer " + bench.Token()],
            ["Authorization", "ApiKey " + First.Text, "Authorization", "ApiKey " + First.Text],
            ["Authorization", "ApiKey " + First.Text, "authorization", "Basic YTpi"],
            ["X-Api-Key", First.Text, "Authorization", ""],
        ];
        foreach (var pair in doubled)
        {
            var result = bench.Read((pair[0], pair[1]), (pair[2], pair[3]));
            result.Problem.ShouldBe(CredentialProblem.Ambiguous);
            result.Caller.ShouldBeNull();
        }
    }

    [Fact]
    public void A_header_that_is_not_exactly_scheme_space_credential_is_invalid()
    {
        var token = bench.Token();
        bench.Bearer(token).Caller.ShouldNotBeNull();
        bench.Read(("authorization", "bEARER " + token)).Caller.ShouldNotBeNull();
        foreach (
            var value in new[]
            {
                "",
                " ",
                "Bearer",
                "Bearer ",
                "Bearer  " + token,
                " Bearer " + token,
                "Bearer " + token + " ",
                "Bearer\t" + token,
                "Bearer " + token + ", Bearer x",
                token,
                "Bearer:" + token,
                "Token " + token,
                "Bearer " + token + "\0",
                "Bearer \u212A",
                "Digest a",
                "Bearer " + token + "=",
                "Bearer \"" + token + "\"",
                "ApiKey",
                "ApiKey ",
                "ApiKey  " + First.Text,
                "ApiKey " + First.Text + " ",
                "Bearer " + First.Text,
                "Basic " + First.Text,
                First.Text,
            }
        )
        {
            var result = bench.Read(("Authorization", value));
            result.Caller.ShouldBeNull(value);
            result.Problem.ShouldBe(CredentialProblem.Invalid, value);
        }
    }

    [Fact]
    public void A_key_with_anything_changed_is_invalid()
    {
        for (var i = 0; i < First.Text.Length; i++)
        {
            var changed = First.Text.ToCharArray();
            changed[i] ^= (char)1;
            bench.Read(("X-Api-Key", new string(changed))).Problem.ShouldBe(CredentialProblem.Invalid);
        }

        foreach (
            var key in new[]
            {
                "",
                First.Text + " ",
                First.Text[..^1],
                First.Sha256,
                First.Text.ToUpperInvariant(),
                new string('a', 600),
                "é",
            }
        )
        {
            bench.Read(("X-Api-Key", key)).ShouldBe(new(null, CredentialProblem.Invalid));
        }
    }

    [Fact]
    public void A_kind_that_the_route_does_not_accept_is_invalid_also_when_it_is_remembered()
    {
        var token = bench.Token();
        bench.Bearer(token).Caller.ShouldNotBeNull();
        bench
            .Read(CredentialKinds.Any & ~CredentialKinds.Token, ("Authorization", "Bearer " + token))
            .Problem.ShouldBe(CredentialProblem.Invalid);
        bench.Read(CredentialKinds.Token, ("Authorization", "Bearer " + token)).Caller.ShouldNotBeNull();
        bench.Read(CredentialKinds.Token, ("X-Api-Key", First.Text)).Problem.ShouldBe(CredentialProblem.Invalid);
        bench.Read(CredentialKinds.None, ("X-Api-Key", First.Text)).Problem.ShouldBe(CredentialProblem.Invalid);
    }

    [Fact]
    public void For_any_text_reading_never_throws_and_never_grants()
    {
        var schemes = Gen.Elements("Bearer ", "Basic ", "ApiKey ", "", "bearer", "Bearer e30.e30.");
        var text = from scheme in schemes from rest in ArbMap.Default.GeneratorFor<string>() select scheme + rest;
        Prop.ForAll(Arb.From(text), value =>
                bench.Read(("Authorization", value)).Caller is null && bench.Read(("X-Api-Key", value)).Caller is null
            )
            .QuickCheckThrowOnFailure();
        var bytes =
            from head in ArbMap.Default.GeneratorFor<byte[]>()
            from body in ArbMap.Default.GeneratorFor<byte[]>()
            select (head, body);
        Prop.ForAll(Arb.From(bytes), parts => bench.Bearer($"{Url(parts.head)}.{Url(parts.body)}.{Url([1])}").Caller is null)
            .QuickCheckThrowOnFailure();
        static string Url(byte[]? part) => System.Buffers.Text.Base64Url.EncodeToString(part ?? []);
    }
}
