using System.Text.Json.Nodes;
using Shouldly;
using Xunit;

namespace Broker.FunctionalTests.TokenService;

/// <summary>The token service behind a proxy, and asked by pages of other origins.</summary>
public sealed class ProxyAndPageTests
{
    private const string Page = "https://app.example";

    [Fact]
    public async Task Behind_a_trusted_proxy_failed_logins_count_by_the_clients_address_and_what_he_writes_himself_is_not_believed()
    {
        await using var bed = await TokenBed.Start(broker => broker["TrustedProxies"] = new JsonArray("127.0.0.1", "::1", "10.0.0.0/8"));
        for (var i = 0; i < 10; i++)
        {
            // The client writes another address each time; the proxies add the one that they see.
            (await LogIn(bed, "wrong", $"203.0.113.{i}, 198.51.100.7, 10.1.2.3")).ShouldBe(401);
        }

        (await LogIn(bed, TokenBed.Password, "198.51.100.7, 10.9.9.9")).ShouldBe(429);
        (await LogIn(bed, TokenBed.Password, "198.51.100.7:4711")).ShouldBe(429);
        (await LogIn(bed, TokenBed.Password, "198.51.100.8")).ShouldBe(201);
        (await LogIn(bed, TokenBed.Password, null)).ShouldBe(201);
    }

    [Fact]
    public async Task Guesses_by_basic_on_a_forwarded_route_count_by_the_clients_address_as_well()
    {
        await using var bed = await TokenBed.Start(broker => broker["TrustedProxies"] = new JsonArray("127.0.0.1", "::1"));
        for (var i = 0; i < 10; i++)
        {
            (await Basic(bed, "wrong", "198.51.100.7")).ShouldBe(401);
        }

        (await Basic(bed, TokenBed.Password, "198.51.100.7")).ShouldBe(429);
        (await Basic(bed, TokenBed.Password, "198.51.100.8")).ShouldBe(200);
    }

    [Fact]
    public async Task Without_a_trusted_proxy_the_header_is_not_believed()
    {
        await using var bed = await TokenBed.Start(broker => broker["TrustedProxies"] = new JsonArray("10.0.0.0/8"));
        for (var i = 0; i < 10; i++)
        {
            (await LogIn(bed, "wrong", $"198.51.100.{i}")).ShouldBe(401);
        }

        (await LogIn(bed, TokenBed.Password, "198.51.100.99")).ShouldBe(429);
    }

    [Theory]
    [InlineData("0.0.0.0/0", "is every address")]
    [InlineData("ten", "is an address or a network")]
    public async Task A_proxy_that_is_none_does_not_load(string proxy, string words) =>
        (
            await Should.ThrowAsync<InvalidOperationException>(() =>
                TokenBed.Start(broker => broker["TrustedProxies"] = new JsonArray(proxy))
            )
        ).Message.ShouldContain($"Broker:TrustedProxies:0: {words}");

    [Fact]
    public async Task A_page_of_an_origin_that_the_policy_names_may_log_in_and_one_of_another_may_not_read_the_answer()
    {
        await using var bed = await TokenBed.Start(broker =>
        {
            broker["Cors"] = JsonNode.Parse(
                $$"""{ "pages": { "Origins": [ "{{Page}}" ], "Headers": [ "Content-Type", "Authorization" ] } }"""
            );
            broker["TokenService"]!["CorsPolicy"] = "pages";
        });
        foreach (var path in new[] { "/token", "/auth/rest/token/create", "/oauth/token", "/.well-known/jwks.json" })
        {
            var preflight = await Send(bed, HttpMethod.Options, path, Page, preflight: "POST");
            ((int)preflight.StatusCode, Allowed(preflight), Header(preflight, "Access-Control-Allow-Headers")).ShouldBe(
                (204, Page, "Content-Type,Authorization")
            );
            Allowed(await Send(bed, HttpMethod.Options, path, "https://evil.example", preflight: "POST")).ShouldBeNull();
        }

        var granted = await Send(bed, HttpMethod.Post, "/token", Page);
        ((int)granted.StatusCode, Allowed(granted)).ShouldBe((201, Page));
        var refused = await Send(bed, HttpMethod.Post, "/token", Page, password: "wrong");
        ((int)refused.StatusCode, Allowed(refused)).ShouldBe((401, Page));
        Allowed(await Send(bed, HttpMethod.Post, "/token", "https://evil.example")).ShouldBeNull();
    }

    [Fact]
    public async Task Without_a_policy_no_page_of_another_origin_may_and_a_policy_that_is_not_there_does_not_load()
    {
        await using var bed = await TokenBed.Start();
        var preflight = await Send(bed, HttpMethod.Options, "/token", Page, preflight: "POST");
        ((int)preflight.StatusCode, Allowed(preflight)).ShouldBe((405, null));
        Allowed(await Send(bed, HttpMethod.Post, "/token", Page)).ShouldBeNull();

        (
            await Should.ThrowAsync<InvalidOperationException>(() =>
                TokenBed.Start(broker => broker["TokenService"]!["CorsPolicy"] = "pages")
            )
        ).Message.ShouldContain("Broker:TokenService:CorsPolicy: there is no policy 'pages'");
    }

    private static async Task<int> LogIn(TokenBed bed, string password, string? forwardedFor)
    {
        using var request = new HttpRequestMessage(HttpMethod.Post, "/token") { Content = Body(password) };
        request.Headers.TryAddWithoutValidation("X-Forwarded-For", forwardedFor is null ? [] : [forwardedFor]);
        using var answer = await bed.Client.SendAsync(request);
        return (int)answer.StatusCode;
    }

    private static async Task<int> Basic(TokenBed bed, string password, string forwardedFor)
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, "/net/1");
        request.Headers.Authorization = new("Basic", Convert.ToBase64String(System.Text.Encoding.UTF8.GetBytes("operator:" + password)));
        request.Headers.TryAddWithoutValidation("X-Forwarded-For", forwardedFor);
        using var answer = await bed.Client.SendAsync(request);
        return (int)answer.StatusCode;
    }

    private static Task<HttpResponseMessage> Send(
        TokenBed bed,
        HttpMethod method,
        string path,
        string origin,
        string? preflight = null,
        string password = TokenBed.Password
    )
    {
        var request = new HttpRequestMessage(method, path) { Content = method == HttpMethod.Post ? Body(password) : null };
        request.Headers.Add("Origin", origin);
        if (preflight is not null)
        {
            request.Headers.Add("Access-Control-Request-Method", preflight);
            request.Headers.Add("Access-Control-Request-Headers", "content-type");
        }

        return bed.Client.SendAsync(request);
    }

    private static StringContent Body(string password) =>
        new($$"""{"login":"operator","password":"{{password}}"}""", System.Text.Encoding.UTF8, "application/json");

    private static string? Allowed(HttpResponseMessage answer) => Header(answer, "Access-Control-Allow-Origin");

    private static string? Header(HttpResponseMessage answer, string name) =>
        answer.Headers.TryGetValues(name, out var values) ? string.Join(',', values) : null;
}
