using System.Text;
using System.Text.Json.Nodes;
using Broker.Configuration;
using Broker.Credentials;
using Broker.Forwarding;
using Broker.Operations;
using Broker.TokenService;
using Broker.UpstreamTokens;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Identity;
using Microsoft.Extensions.Logging.Abstractions;
using Shouldly;
using Xunit;

namespace Broker.FunctionalTests.TokenService;

/// <summary>
/// What a login costs, by count and not by clock: whoever is refused costs one hash, so that no name is told from another by the time.
/// </summary>
public sealed class PasswordCostTests : IDisposable
{
    private const string Form = "application/x-www-form-urlencoded";

    private readonly CountingHasher hasher = new();
    private readonly TokenServiceState ledgers = new(TimeProvider.System);
    private readonly TokenCellRegistry vault = new(TimeProvider.System, NullLogger<TokenCellRegistry>.Instance);
    private readonly SnapshotStore snapshots = new();
    private readonly CredentialCompiler credentials;
    private readonly string file = Path.GetTempFileName();

    public PasswordCostTests()
    {
        ledgers.Follow(snapshots);
        credentials = new(
            snapshots,
            TimeProvider.System,
            NullLoggerFactory.Instance,
            hasher,
            ledgers.Revocations,
            ledgers.Attempts,
            ledgers.Users
        );
        var config = TokenBed.Config(new("http://127.0.0.1:9/"), broker => broker["TokenService"]!["PasswordGrant"] = true);
        File.WriteAllText(file, config.ToJsonString());
        var variables = new Dictionary<string, string>(TestConfig.Environment.Select(pair => KeyValuePair.Create(pair.Item1, pair.Item2)))
        {
            ["SIGNING"] = Convert.ToBase64String(Encoding.UTF8.GetBytes("a signing key of forty bytes and no less")),
            ["HASH"] = TokenBed.Hash,
        };
        var loader = new SnapshotLoader(
            [file],
            [new UpstreamCompiler(vault), credentials, new RouteCompiler(), new TokenServiceCompiler(ledgers, null, TimeProvider.System)],
            snapshots,
            name => variables.GetValueOrDefault(name)
        );
        loader.TryReload().ConfigErrors.All.Where(mistake => mistake.Severity == Severity.Error).ShouldBeEmpty();
    }

    public void Dispose()
    {
        credentials.Dispose();
        vault.Dispose();
        ledgers.Dispose();
        File.Delete(file);
    }

    [Theory]
    [InlineData("nobody", "wrong")]
    [InlineData("nobody", TokenBed.Password)]
    [InlineData("operator", "wrong")]
    [InlineData("gone", "wrong")]
    [InlineData("gone", TokenBed.Password)]
    [InlineData("app", TokenBed.Password)]
    [InlineData("Operator", TokenBed.Password)]
    public async Task A_refused_login_costs_one_hash_whoever_it_is_for(string login, string password)
    {
        for (var i = 1; i <= 3; i++) // nor does a second one cost less
        {
            (await Post("/token", $$"""{"login":"{{login}}","password":"{{password}}"}""", "application/json")).ShouldBe(401);
            hasher.Total.ShouldBe(i);
        }
    }

    [Theory]
    [InlineData("nobody")]
    [InlineData("operator")]
    [InlineData("gone")]
    public async Task A_refused_client_and_a_refused_password_grant_cost_one_hash_whoever_it_is_for(string login)
    {
        (await Post("/oauth/token", $"grant_type=client_credentials&client_id={login}&client_secret=wrong", Form)).ShouldBe(401);
        hasher.Total.ShouldBe(1);
        (
            await Post("/oauth/token", $"grant_type=password&username={login}&password=wrong&client_id=app&client_secret=app-key", Form)
        ).ShouldBe(400);
        hasher.Total.ShouldBe(2);
    }

    [Fact]
    public async Task A_right_password_costs_one_hash_too_and_who_waits_costs_none()
    {
        (await Post("/token", $$"""{"login":"operator","password":"{{TokenBed.Password}}"}""", "application/json")).ShouldBe(201);
        hasher.Total.ShouldBe(1);
        for (var i = 0; i < 10; i++)
        {
            (await Post("/token", """{"login":"nobody","password":"wrong"}""", "application/json")).ShouldBe(401);
        }

        (await Post("/token", """{"login":"nobody","password":"wrong"}""", "application/json")).ShouldBe(429);
        hasher.Total.ShouldBe(11);
    }

    /// <summary>
    /// At the endpoint as the broker has it; it runs without a listener, for a broker that listens takes no hasher that counts.
    /// </summary>
    private async Task<int> Post(string path, string body, string type)
    {
        var context = new DefaultHttpContext();
        (context.Request.Method, context.Request.Path, context.Request.ContentType, context.Request.Body) = (
            "POST",
            path,
            type,
            new MemoryStream(Encoding.UTF8.GetBytes(body))
        );
        context.Connection.RemoteIpAddress = System.Net.IPAddress.Loopback;
        return (
            await snapshots.Current.Part<TokenServiceEndpointTable>().Find(path)!.Answer(context, new(TokenServiceEndpoints.RouteName))
        ).Status;
    }

    private sealed class CountingHasher : IPasswordHasher<CallerOptions>
    {
        private readonly PasswordHasher<CallerOptions> real = new();

        public int Total { get; private set; }

        public string HashPassword(CallerOptions user, string password) => real.HashPassword(user, password);

        public PasswordVerificationResult VerifyHashedPassword(CallerOptions user, string hashedPassword, string providedPassword)
        {
            Total++;
            return real.VerifyHashedPassword(user, hashedPassword, providedPassword);
        }
    }
}
