using System.Buffers.Text;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using Shouldly;
using Xunit;

namespace Broker.FunctionalTests.TokenService;

/// <summary>
/// Each confusion of RFC 8725 at each door of the token service: whatever reads a token reads it as strictly as a request's bearer token is
/// read.
/// </summary>
public sealed class ConfusionTests
{
    private const string Operator = "client_id=operator&client_secret=correct+horse";
    private const string Form = "application/x-www-form-urlencoded";
    private static readonly byte[] Secret = Encoding.UTF8.GetBytes("a signing key of forty bytes and no less");

    [Fact]
    public async Task No_door_takes_a_token_that_chooses_how_it_is_verified_or_is_of_another_use()
    {
        using var key = RSA.Create(2048);
        var file = Path.GetTempFileName();
        await File.WriteAllTextAsync(file, key.ExportPkcs8PrivateKeyPem());
        await using var bed = await TokenBed.Start(broker =>
            broker["Issuing"]!["SigningKeys"] = JsonNode.Parse(
                $$"""
                { "k1": { "Algorithm": "HS256", "Key": { "Env": "SIGNING" } }, "r": { "Algorithm": "RS256", "Key": { "File": "{{file}}" } } }
                """
            )
        );
        File.Delete(file);
        var (access, refresh) = await bed.LogIn("operator");
        var plugin = TokenBed.Pair(
            await bed.Post("/token/plugin/create", $$"""{"tpc":"{{TokenBed.Topic}}"}""", (await bed.LogIn("admin")).Access)
        );

        // What each door takes it takes: or nothing would be shown below.
        (await Doors(bed, access, refresh, plugin.Access)).ShouldBe([
            "bearer",
            "create",
            "introspect access",
            "exchange",
            "refresh",
            "introspect refresh",
            "plugin",
        ]);
        foreach (var change in Changes(key))
        {
            (await Doors(bed, change.Of(access), change.Of(refresh), change.Of(plugin.Access))).ShouldBeEmpty(change.Name);
            foreach (var token in new[] { change.Of(access), change.Of(refresh) })
            {
                (await bed.Post("/oauth/revoke", $"token={token}&{Operator}", type: Form)).ShouldBe((200, ""), change.Name);
            }
        }

        // Nothing was ended by any of them; and no door takes what is another's.
        (await Doors(bed, access, refresh, plugin.Access)).Count.ShouldBe(7);
        (await Doors(bed, refresh, access, access)).ShouldBe(["introspect access", "introspect refresh"]);
        (await Doors(bed, plugin.Access, plugin.Access, plugin.Refresh)).ShouldBe(["introspect access", "introspect refresh"]);
    }

    private static IEnumerable<(string Name, Func<string, string> Of)> Changes(RSA key)
    {
        byte[] Hs(byte[] input) => HMACSHA256.HashData(Secret, input);
        foreach (var alg in new[] { "none", "None", "" })
        {
            yield return ($"alg {alg}", token => Signed(Header(token, $"\"alg\":\"{alg}\""), Payload(token), _ => []));
            yield return ($"alg {alg}, signed", token => Signed(Header(token, $"\"alg\":\"{alg}\""), Payload(token), Hs));
        }

        foreach (
            var bytes in new[]
            {
                key.ExportSubjectPublicKeyInfo(),
                key.ExportRSAPublicKey(),
                Encoding.UTF8.GetBytes(key.ExportSubjectPublicKeyInfoPem()),
                key.ExportParameters(false).Modulus!,
            }
        )
        {
            yield return ("HS256 with a public key", token =>
                Signed(Header(token, "\"alg\":\"HS256\"", "r"), Payload(token), input => HMACSHA256.HashData(bytes, input))
            );
        }

        using var other = RSA.Create(2048);
        var evil = other.ExportParameters(false);
        var jwk = $$"""{"kty":"RSA","kid":"r","n":"{{Base64Url.EncodeToString(evil.Modulus!)}}","e":"AQAB"}""";
        foreach (
            var member in new[]
            {
                $"\"jwk\":{jwk}",
                "\"jku\":\"https://evil.example/\"",
                "\"x5u\":\"https://evil.example/\"",
                "\"x5c\":[\"MII\"]",
                "\"crit\":[\"exp\"]",
                "\"b64\":false",
                "\"zip\":\"DEF\"",
            }
        )
        {
            yield return (member, token => Signed(Header(token, $"\"alg\":\"HS256\",{member}"), Payload(token), Hs));
        }

        foreach (var kid in new[] { "../k1", "K1", "k1 ", "", "k2" })
        {
            yield return ($"kid {kid}", token => Signed(Header(token, "\"alg\":\"HS256\"", kid), Payload(token), Hs));
        }

        yield return ("alg twice", token => Signed(Header(token, "\"alg\":\"HS256\",\"alg\":\"HS256\""), Payload(token), Hs));
        yield return ("a claim twice", token =>
            Signed(Header(token, "\"alg\":\"HS256\""), Payload(token)[..^1] + ",\"sub\":\"key:operator\"}", Hs)
        );
        yield return ("too large", token =>
            Signed(Header(token, "\"alg\":\"HS256\""), Payload(token)[..^1] + $",\"x\":\"{new string('x', 8000)}\"}}", Hs)
        );
        yield return ("another audience", token =>
            Signed(Header(token, "\"alg\":\"HS256\""), Payload(token).Replace("\"aud\":\"broker\"", "\"aud\":\"other\""), Hs)
        );
        yield return ("another issuer", token =>
            Signed(Header(token, "\"alg\":\"HS256\""), Payload(token).Replace("\"iss\":\"broker\"", "\"iss\":\"other\""), Hs)
        );
        yield return ("another type", token => Signed(Header(token, "\"alg\":\"HS256\"", type: "id+jwt"), Payload(token), Hs));
        yield return ("a changed signature", token => token[..^3] + (token[^3] == 'A' ? 'B' : 'A') + token[^2..]);
        yield return ("padding", token => token + "=");
        yield return ("a part more", token => token + ".e30");
    }

    /// <summary>The doors that took one: of an access token, a refresh token, a plugin's access token.</summary>
    private static async Task<List<string>> Doors(TokenBed bed, string access, string refresh, string plugin)
    {
        async Task<bool> IsActive(string token) =>
            JsonElement
                .Parse((await bed.Post("/oauth/introspect", $"token={token}&{Operator}", type: Form)).Body)
                .GetProperty("active")
                .GetBoolean();
        List<(string Door, bool Took)> doors =
        [
            ("bearer", (await bed.Get("/net/1", access)).Status == 200),
            ("create", (await bed.Post("/token/create", """{"userId":2}""", access)).Status == 201),
            ("introspect access", await IsActive(access)),
            (
                "exchange",
                (
                    await bed.Post(
                        "/oauth/token",
                        $"grant_type=urn:ietf:params:oauth:grant-type:token-exchange&subject_token_type=urn:ietf:params:oauth:token-type:access_token&subject_token={access}&{Operator}",
                        type: Form
                    )
                ).Status == 200
            ),
            ("refresh", (await bed.Post("/token/refresh", $$"""{"refreshToken":"{{refresh}}"}""")).Status == 201),
            ("introspect refresh", await IsActive(refresh)),
            ("plugin", (await bed.Get("/token/plugin/authenticate?token=" + plugin)).Status == 200),
        ];
        return [.. doors.Where(door => door.Took).Select(door => door.Door)];
    }

    private static string Header(string token, string alg, string kid = "k1", string? type = null)
    {
        var own = JsonElement.Parse(Base64Url.DecodeFromChars(token.Split('.')[0])).GetProperty("typ").GetString();
        return $$"""{{{alg}},"kid":"{{kid}}","typ":"{{type ?? own}}"}""";
    }

    private static string Payload(string token) => Encoding.UTF8.GetString(Base64Url.DecodeFromChars(token.Split('.')[1]));

    private static string Signed(string header, string payload, Func<byte[], byte[]> sign)
    {
        var input =
            $"{Base64Url.EncodeToString(Encoding.UTF8.GetBytes(header))}.{Base64Url.EncodeToString(Encoding.UTF8.GetBytes(payload))}";
        return $"{input}.{Base64Url.EncodeToString(sign(Encoding.ASCII.GetBytes(input)))}";
    }
}
