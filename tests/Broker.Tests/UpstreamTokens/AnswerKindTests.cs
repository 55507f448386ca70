using Broker.Configuration;
using Broker.UpstreamTokens;
using Shouldly;
using Xunit;
using static Broker.Tests.UpstreamTokens.ConfigBench;

namespace Broker.Tests.UpstreamTokens;

/// <summary>
/// Every status and every kind of body at a token endpoint, for each kind of upstream, on real sockets: which of the four answers it is.
/// </summary>
public sealed class AnswerKindTests : IDisposable
{
    private static readonly string[] Bodies =
    [
        "",
        "no",
        "<html><body>Forbidden</body></html>",
        """{"error":"access_denied"}""",
        """{"message":"bad credentials"}""",
        """{"error":{"code":7}}""",
        "[]",
        """{"error":"inval""",
        "null",
    ];

    private readonly ConfigBench bench = new(TimeProvider.System);

    public void Dispose() => bench.Dispose();

    public static TheoryData<string, bool> Calls =>
        new()
        {
            { "OAuth2", true },
            { "OAuth2", false },
            { "Damoov", true },
            { "Damoov", false },
            { "DeviceHive", true },
            { "DeviceHive", false },
            { "Telemax", true },
        };

    [Theory]
    [MemberData(nameof(Calls))]
    public async Task Any_status_is_one_of_four_answers_whatever_the_body(string kind, bool isLogin)
    {
        await using var endpoint = new RawEndpoint("");
        var ask = Call(kind, isLogin, endpoint.Address);
        List<string> wrong = [];
        for (var status = 100; status <= 599; status++)
        {
            var body = Bodies[status % Bodies.Length];
            endpoint.Answer = RawEndpoint.Json(body, status, status is 204 or 304 || status < 200 ? "X: y\r\n" : "");
            var answer = await ask();
            var expected = status switch
            {
                429 => TokenAnswerKind.NotNow,
                408 or 425 => TokenAnswerKind.Unknown,
                >= 400 and < 500 => TokenAnswerKind.Refused,
                >= 200 and < 300 when body.StartsWith("{\"error\":", StringComparison.Ordinal) && body.EndsWith('}') =>
                    TokenAnswerKind.Refused,
                _ => TokenAnswerKind.Unknown,
            };
            if (answer.Kind != expected)
            {
                wrong.Add($"{status} {body}: {answer.Kind}, expected {expected}");
            }
        }
        wrong.ShouldBeEmpty();
    }

    [Theory]
    [MemberData(nameof(Calls))]
    public async Task Of_a_refusal_the_status_counts_also_where_its_body_is_cut_too_large_or_does_not_come(string kind, bool isLogin)
    {
        await using var endpoint = new RawEndpoint("");
        var ask = Call(kind, isLogin, endpoint.Address);
        string[] answers =
        [
            "HTTP/1.1 403 X\r\nContent-Length: 100\r\n\r\n{\"error\":",
            "HTTP/1.1 403 X\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab",
            RawEndpoint.Json(new string('x', 300_000), 403),
            RawEndpoint.Json("\u00ff\u00fe", 403, "Content-Encoding: gzip\r\n"),
            "HTTP/1.1 403 X\r\n\r\n",
            RawEndpoint.Json("error=access_denied", 403, "Retry-After: 7\r\n"),
        ];
        foreach (var answer in answers)
        {
            endpoint.Answer = answer;
            (await ask()).Kind.ShouldBe(TokenAnswerKind.Refused, answer[..Math.Min(60, answer.Length)]);
        }
    }

    [Theory]
    [InlineData(400, "invalid_grant", true)]
    [InlineData(401, "invalid_client", true)]
    [InlineData(403, "invalid_grant", true)]
    [InlineData(403, "Invalid_Grant ", true)]
    [InlineData(404, "unauthorized_client", true)]
    [InlineData(422, "invalid_grant", true)]
    [InlineData(200, "invalid_grant", true)]
    [InlineData(201, "invalid_client", true)]
    [InlineData(400, "invalid_scope", false)]
    [InlineData(400, "access_denied", false)]
    [InlineData(401, "expired", false)]
    [InlineData(200, "expired", false)]
    public async Task The_words_of_OAuth2_mean_the_same_under_any_status_that_says_no(int status, string word, bool isDefinite)
    {
        await using var endpoint = new RawEndpoint(
            RawEndpoint.Json($$"""{"error":"{{word}}","access_token":"abc","expires_in":60}""", status)
        );
        var answer = await Call("OAuth2", isLogin: true, endpoint.Address)();
        (answer.Kind, answer.IsDefinite).ShouldBe((TokenAnswerKind.Refused, isDefinite));
    }

    [Theory]
    [InlineData("null")]
    [InlineData("\"\"")]
    [InlineData("false")]
    [InlineData("0")]
    [InlineData("[]")]
    public async Task An_error_that_is_none_is_no_refusal(string none)
    {
        await using var endpoint = new RawEndpoint(RawEndpoint.Json($$"""{"error":{{none}},"access_token":"abc","expires_in":60}"""));
        (await Call("OAuth2", isLogin: true, endpoint.Address)()).Kind.ShouldBe(TokenAnswerKind.Token);
    }

    [Theory]
    [InlineData("DeviceHive", true, 401, true)]
    [InlineData("DeviceHive", false, 401, true)]
    [InlineData("DeviceHive", true, 403, false)]
    [InlineData("Telemax", true, 401, true)]
    [InlineData("Telemax", true, 400, false)]
    [InlineData("Damoov", true, 401, true)]
    [InlineData("Damoov", true, 400, false)]
    [InlineData("Damoov", false, 400, true)]
    public async Task Each_kind_has_its_own_word_for_no(string kind, bool isLogin, int status, bool isDefinite)
    {
        await using var endpoint = new RawEndpoint(RawEndpoint.Json("<html>", status));
        (await Call(kind, isLogin, endpoint.Address)()).IsDefinite.ShouldBe(isDefinite);
    }

    [Fact]
    public async Task Damoovs_status_in_the_body_is_read_as_one_in_the_status_line()
    {
        await using var endpoint = new RawEndpoint("");
        var ask = Call("Damoov", isLogin: true, endpoint.Address);
        foreach (var status in Enumerable.Range(100, 500).Where(status => status != 200))
        {
            endpoint.Answer = RawEndpoint.Json($$$"""{"Result":{"AccessToken":{"Token":"abc","ExpiresIn":60}},"Status":{{{status}}}}""");
            (await ask()).Kind.ShouldBe(
                status switch
                {
                    429 => TokenAnswerKind.NotNow,
                    408 or 425 => TokenAnswerKind.Unknown,
                    >= 400 and < 500 => TokenAnswerKind.Refused,
                    _ => TokenAnswerKind.Unknown,
                },
                $"{status}"
            );
        }
    }

    private Func<Task<TokenAnswer>> Call(string kind, bool isLogin, Uri endpoint)
    {
        var source = bench
            .Cell(
                kind switch
                {
                    "OAuth2" => OAuth2(endpoint: endpoint.AbsoluteUri) with { AllowInsecure = true },
                    "Damoov" => new DamoovUpstreamOptions
                    {
                        TokenEndpoint = endpoint.AbsoluteUri,
                        AllowInsecure = true,
                        Accounts = Accounts(new DamoovAccountOptions { Email = "a@b.example", Password = Secret("p") }),
                    },
                    "DeviceHive" => new DeviceHiveUpstreamOptions
                    {
                        TokenEndpoint = endpoint.AbsoluteUri,
                        AllowInsecure = true,
                        Accounts = Accounts(new DeviceHiveAccountOptions { Login = "l", Password = Secret("p") }),
                    },
                    _ => new TelemaxUpstreamOptions
                    {
                        TokenEndpoint = endpoint.AbsoluteUri,
                        AllowInsecure = true,
                        Accounts = Accounts(new TelemaxAccountOptions { UserName = "u", Password = Secret("p") }),
                    },
                }
            )
            .Renewer!.Plan.Source;
        return () => isLogin ? source.Login(CancellationToken.None) : source.Refresh(new TokenPair("a.b.c", "r"), CancellationToken.None);
    }
}
