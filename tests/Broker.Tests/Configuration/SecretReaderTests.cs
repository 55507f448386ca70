using Broker.Configuration;
using Shouldly;
using Xunit;

namespace Broker.Tests.Configuration;

public sealed class SecretReaderTests : IDisposable
{
    private readonly Files files = new();

    public void Dispose() => files.Dispose();

    [Theory]
    [InlineData("pw", "pw")]
    [InlineData("pw\n", "pw")]
    [InlineData("pw\r\n", "pw")]
    [InlineData("pw\n\n", "pw\n")]
    [InlineData(" pw ", " pw ")]
    [InlineData("${HOME}", "${HOME}")]
    public void A_file_gives_all_it_holds_but_for_one_line_end(string content, string secret)
    {
        files.Environment["DIR"] = files.Root;
        files.Write("pw", content);
        var value = Read("""{"File":"${DIR}/pw"}""").Good();
        value.Reveal().ShouldBe(secret);
        value.ToString().ShouldBe("***");
        value.Source.ShouldBe($"file {files["pw"]}");
    }

    [Fact]
    public void A_variable_gives_what_it_holds()
    {
        files.Environment["PW"] = "pw\n";
        Read("""{"Env":"PW"}""").Good().Reveal().ShouldBe("pw\n");
    }

    [Theory]
    [InlineData("""{"File":"/nowhere/pw"}""", "does not exist")]
    [InlineData("""{"Env":"NOWHERE"}""", "is not set")]
    public void A_secret_that_is_not_there_is_an_error_to_serve_and_a_warning_to_check(string secret, string mistake)
    {
        Read(secret).Result.Errors().ShouldHaveSingleItem().ShouldContain(mistake);
        var checkedOnly = Read(secret, Severity.Warning);
        checkedOnly.Result.Warnings().ShouldHaveSingleItem().ShouldContain(mistake);
        checkedOnly.Good().Reveal().ShouldBe("");
    }

    [Fact]
    public void What_a_compiler_says_of_a_missing_secret_is_not_told_when_the_config_is_only_checked()
    {
        var text = """{"Broker":{"Issuing":{"SigningKeys":{"k":{"Algorithm":"HS256","Key":{"Env":"NOWHERE"}}}}}}""";
        files.Write("i.json", text);
        files.Loader([files["i.json"]], Severity.Warning, new WantsALongKey()).Load().Errors().ShouldBeEmpty();
        files.Environment["NOWHERE"] = "short";
        files
            .Loader([files["i.json"]], Severity.Warning, new WantsALongKey())
            .Load()
            .Errors()
            .ShouldHaveSingleItem()
            .ShouldContain("32 bytes");
    }

    [Theory]
    [InlineData("\"hunter2\"", "secrets are named, never written")]
    [InlineData("\"${hunter2:-hunter2}\"", "secrets are named, never written")]
    [InlineData("424242", "secrets are named, never written")]
    [InlineData("[\"hunter2\"]", "secrets are named, never written")]
    [InlineData("{\"Value\":\"hunter2\"}", "unknown key")]
    [InlineData("{}", "exactly one of File and Env")]
    [InlineData("""{"File":"a","Env":"B"}""", "exactly one of File and Env")]
    [InlineData("""{"Env":""}""", "a name is needed")]
    [InlineData("""{"Env":"hunter2!"}""", "a variable's name is needed")]
    [InlineData("""{"Env":"EMPTY"}""", "is empty")]
    [InlineData("""{"File":"/"}""", "is a directory")]
    public void What_names_no_secret_is_a_mistake_that_does_not_repeat_it(string written, string mistake)
    {
        files.Environment["EMPTY"] = "";
        var errors = Read(written).Result.Errors();
        errors.ShouldContain(error => error.Contains(mistake));
        string.Join("\n", errors).ShouldNotContain("hunter2");
        string.Join("\n", errors).ShouldNotContain("424242");
    }

    [Fact]
    public void No_mistake_about_any_key_repeats_a_string_of_the_config()
    {
        const string Canary = "c4nary-in-the-config-that-is-a-secret-in-the-wrong-place";
        var shapes = new[] { $"\"{Canary}\"", $"[\"{Canary}\"]", $"{{\"File\":[\"{Canary}\"]}}", $"{{\"x\":\"{Canary}\"}}" };
        var keys = new[]
        {
            "Upstreams",
            "Callers",
            "PollInterval",
            "AllowInsecure",
            "Limits",
            "Telemetry",
            "Actions",
            "Cors",
            "Issuing",
            "Management",
            "Callers:a:Keys",
            "Callers:a:Basic",
            "Callers:a:UserId",
            "Callers:a:ConcurrentRequests",
            "Callers:a:Accounts",
            "Management:Url",
            "Issuers:i:Actions",
            "Issuers:i:Authority",
            "Issuing:SigningKeys:k:Key",
            "Telemetry:OtlpEndpoint",
            "Telemetry:Headers",
            "Limits:RequestLineBytes",
            "Cors:c:Origins",
        };
        var told = 0;
        foreach (var key in keys)
        {
            foreach (var shape in shapes)
            {
                var text = "{\"Broker\":" + key.Split(':').Reverse().Aggregate(shape, (inner, name) => $"{{\"{name}\":{inner}}}") + "}";
                var all = files.Load(text).ConfigErrors.All;
                told += all.Count;
                string.Join("\n", all).ShouldNotContain(Canary, customMessage: text);
            }
        }

        told.ShouldBeGreaterThan(keys.Length);

        // The positive control: the canary is found where a name is repeated on purpose.
        string.Join("\n", files.Load($$$"""{"Broker":{"{{{Canary}}}":1}}""").ConfigErrors.All).ShouldContain(Canary);
    }

    private (LoadResult Result, Func<Secret> Good) Read(string secret, Severity missing = Severity.Error)
    {
        var text = """{"Broker":{"Upstreams":{"s":{"Kind":"Static","Accounts":{"default":{"Header":"x","Value":SECRET}}}}}}""".Replace(
            "SECRET",
            secret
        );
        var result = files.Loader([files.Write("s.json", text)], missing).Load();
        return (result, () => ((StaticUpstreamOptions)result.Good().Broker.Upstreams["s"]).Accounts["default"].Value);
    }

    private sealed class WantsALongKey : ISnapshotCompiler
    {
        public void Compile(Snapshot candidate, ConfigErrors mistakes)
        {
            foreach (var (id, key) in candidate.Broker.Issuing!.SigningKeys.Where(key => key.Value.Key.Reveal().Length < 32))
            {
                mistakes.Error($"Broker:Issuing:SigningKeys:{id}:Key", $"{key.Algorithm} needs 32 bytes");
            }
        }
    }
}
