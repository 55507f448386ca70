using System.Security.Cryptography;
using System.Text.Json.Nodes;
using Shouldly;
using Xunit;

namespace Broker.FunctionalTests.TokenService;

/// <summary>
/// OAuth2 clients of other languages, unchanged, do all that they can do, and verify the tokens with nothing but the metadata.
/// </summary>
public sealed class StockClientTests
{
    [Theory]
    [InlineData("RS256")]
    [InlineData("ES256")]
    public async Task Nodes_jose_oauth4webapi_and_simple_oauth2_work_as_they_come(string algorithm)
    {
        await ClientPrograms.EnsureNode();
        await using var bed = await Start(algorithm);

        var said = await ClientPrograms.Node(
            "stock.mjs",
            bed.Broker.Address.ToString().TrimEnd('/'),
            "app",
            "app-key",
            "operator",
            TokenBed.Password
        );

        said.ShouldBe(
            """
            {"scopes":["GetDevice network:1","GetDevice network:1","GetDevice network:1","GetDevice network:1"],"sameRefreshToken":true,
            "clients":["app key:app","app key:operator","app key:operator","app key:operator"],"before":true,"after":false,
            "simple":["GetDevice network:1","GetDevice network:1","GetDevice network:1",true],"revoked":[false,false]}
            """.ReplaceLineEndings("")
        );
    }

    [Theory]
    [InlineData("RS256")]
    [InlineData("ES256")]
    public async Task Pythons_pyjwt_authlib_and_requests_oauthlib_work_as_they_come(string algorithm)
    {
        await using var bed = await Start(algorithm);

        var said = await ClientPrograms.Python(
            "stock.py",
            bed.Broker.Address.ToString().TrimEnd('/'),
            "app",
            "app-key",
            "operator",
            TokenBed.Password,
            algorithm
        );

        said.ShouldBe(
            """
            {"scopes":["GetDevice network:1","GetDevice network:1","GetDevice network:1"],"sameRefreshToken":true,
            "authlib":["GetDevice network:1","GetDevice network:1","GetDevice network:1","GetDevice network:1"],
            "clients":["app key:app","app key:operator","app key:operator","app key:app",
            "app key:app","app key:operator","app key:operator","app key:operator"],
            "before":true,"status":200,"after":false}
            """.ReplaceLineEndings("")
        );
    }

    private static async Task<TokenBed> Start(string algorithm)
    {
        var file = Path.GetTempFileName();
        using var rsa = RSA.Create(2048);
        using var ec = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        await File.WriteAllTextAsync(file, algorithm == "RS256" ? rsa.ExportPkcs8PrivateKeyPem() : ec.ExportPkcs8PrivateKeyPem());
        void Change(JsonObject broker)
        {
            broker["AllowInsecure"] = true;
            broker["TokenService"]!["PasswordGrant"] = true;
            broker["Issuing"]!["SigningKeys"] = JsonNode.Parse(
                $$"""{ "a": { "Algorithm": "{{algorithm}}", "Key": { "File": "{{file}}" } } }"""
            );
        }

        var bed = await TokenBed.Start(Change);
        await bed.Reload(broker =>
        {
            Change(broker);
            broker["TokenService"]!["PublicUrl"] = bed.Broker.Address.ToString();
        });
        File.Delete(file);
        return bed;
    }
}
