using Broker.Configuration;
using FsCheck;
using FsCheck.Xunit;
using Shouldly;
using Xunit;

namespace Broker.Tests.Configuration;

public sealed class ConfigFilesTests : IDisposable
{
    private const string Config = """{"Broker":{"Callers":{"a":{"Devices":[ITEMS]}}}}""";

    private readonly Files files = new();

    public void Dispose() => files.Dispose();

    [Fact]
    public void A_later_list_replaces_an_earlier_one_whole()
    {
        var snapshot = files
            .Load(
                """{"Broker":{"Callers":{"a":{"Actions":["GetDevice","ManageUser"],"Networks":["1"]}}}}""",
                """{"Broker":{"Callers":{"a":{"Actions":["GetNetwork"]}}}}"""
            )
            .Good();
        snapshot.Broker.Callers["a"].Actions.ShouldBe(["GetNetwork"]);
        snapshot.Broker.Callers["a"].Networks.ShouldBe(["1"]);
    }

    [Fact]
    public void A_later_secret_replaces_an_earlier_one_whole()
    {
        files.Environment["PW"] = "from-env";
        const string Upstream = """{"Broker":{"Upstreams":{"s":{"Kind":"Static","Accounts":{"default":{"Header":"x","Value":SECRET}}}}}}""";
        var snapshot = files
            .Load(
                Upstream.Replace("SECRET", """{"File":"/nowhere"}"""),
                """{"Broker":{"Upstreams":{"s":{"Accounts":{"default":{"Value":{"Env":"PW"}}}}}}}"""
            )
            .Good();
        ((StaticUpstreamOptions)snapshot.Broker.Upstreams["s"]).Accounts["default"].Value.Reveal().ShouldBe("from-env");
    }

    [Fact]
    public void Objects_merge_deep_and_keep_their_order()
    {
        var snapshot = files
            .Load("""{"Broker":{"Actions":{"B":1001,"A":1000}}}""", """{"Broker":{"Actions":{"C":1003,"B":1002}}}""")
            .Good();
        snapshot.Broker.Actions.Select(action => (action.Key, action.Value.Number)).ShouldBe([("B", 1002), ("A", 1000), ("C", 1003)]);
    }

    [Fact]
    public void Comments_trailing_commas_and_a_byte_order_mark_may_stand() =>
        files.Load("\uFEFF{ // one\n \"Broker\": { /* two */ \"AllowInsecure\": true, }, }").Good().Broker.AllowInsecure.ShouldBeTrue();

    [Theory]
    [InlineData("{\n  \"Broker\": {\n    \"AllowInsecure\" true\n}}", "line 3, column 21")]
    [InlineData("{\n  \"Broker\": {", "line 2")]
    [InlineData("", "line 1")]
    [InlineData("{} {}", "line 1, column 4")]
    [InlineData("{\"Broker\": tops3cret}", "line 1, column 13")]
    public void Broken_json_is_told_with_file_line_and_column_and_without_its_text(string text, string place)
    {
        var result = files.Load(text);
        result.Snapshot.ShouldBeNull();
        var error = result.Errors().ShouldHaveSingleItem();
        error.ShouldStartWith(files["0.json"]);
        error.ShouldContain(place);
        error.ShouldNotContain("s3cret");
    }

    [Theory]
    [InlineData("""{"Broker":{"AllowInsecure":true,"AllowInsecure":false}}""", "Broker:AllowInsecure: stands twice")]
    [InlineData("""{"Broker":{"Callers":{"a":{}, "A":{}}}}""", "Broker:Callers:A: stands twice")]
    [InlineData("{\"Broker\":{},\n\"\\u0042roker\":{}}", "line 2, column 1")]
    [InlineData("""{"Broker":{"UserId":null}}""", "Broker:UserId: null is not a value")]
    [InlineData("[]", "one JSON object")]
    public void What_json_leaves_open_is_a_mistake(string text, string mistake)
    {
        var result = files.Load(text);
        result.Snapshot.ShouldBeNull();
        result.Errors().ShouldContain(error => error.Contains(mistake));
    }

    [Fact]
    public void Of_half_a_config_nothing_is_judged() =>
        files
            .Load("""{"Broker":{"Callers":{"a":{"Accounts":{"in-the-other-file":"default"}}}}}""", "{")
            .Errors()
            .ShouldHaveSingleItem()
            .ShouldStartWith(files["1.json"]);

    [Fact]
    public void Names_that_differ_only_by_case_in_two_files_are_a_mistake() =>
        files
            .Load("""{"Broker":{"Callers":{"a":{}}}}""", """{"Broker":{"Callers":{"A":{}}}}""")
            .Errors()
            .ShouldHaveSingleItem()
            .ShouldStartWith("Broker:Callers:A: another name differs");

    [Fact]
    public void Too_deep_and_too_large_files_are_refused()
    {
        files
            .Load(string.Concat(Enumerable.Repeat("{\"a\":", 70)) + "1" + new string('}', 70))
            .Errors()
            .ShouldHaveSingleItem()
            .ShouldContain("broken JSON");
        files.Load("{}" + new string(' ', 9 * 1024 * 1024)).Errors().ShouldHaveSingleItem().ShouldContain("8 MiB");
    }

    [Fact]
    public void The_environment_does_not_merge_in_by_itself()
    {
        Environment.SetEnvironmentVariable("Broker__Callers__intruder__Actions__0", "*");
        Environment.SetEnvironmentVariable("Broker__AllowInsecure", "true");
        try
        {
            var loader = new SnapshotLoader([files.Write("a.json", "{}")], [], files.Store, Environment.GetEnvironmentVariable);
            loader.Load().Good().Broker.Callers.ShouldBeEmpty();
            loader.Load().Good().Broker.AllowInsecure.ShouldBeFalse();
        }
        finally
        {
            Environment.SetEnvironmentVariable("Broker__Callers__intruder__Actions__0", null);
            Environment.SetEnvironmentVariable("Broker__AllowInsecure", null);
        }
    }

    [Theory]
    [InlineData("${HOST}", "h.example")]
    [InlineData("a-${HOST}-b-${HOST}", "a-h.example-b-h.example")]
    [InlineData("${NONE:-fallback}", "fallback")]
    [InlineData("${NONE:-}x", "x")]
    [InlineData("${EMPTY:-fallback}", "fallback")]
    [InlineData("${HOST:-fallback}", "h.example")]
    [InlineData("$${HOST}", "${HOST}")]
    [InlineData("$$${HOST}", "$${HOST}")]
    [InlineData("$HOST {HOST} $", "$HOST {HOST} $")]
    [InlineData("${NESTED}", "${HOST}")]
    [InlineData("${JSON}", "\", \"Audience\": \"evil")]
    public void A_string_takes_values_from_the_environment(string written, string read)
    {
        files.Environment["HOST"] = "h.example";
        files.Environment["EMPTY"] = "";
        files.Environment["NESTED"] = "${HOST}";
        files.Environment["JSON"] = "\", \"Audience\": \"evil";
        var text = Config.Replace("ITEMS", $"\"{written}\"");
        files.Load(text).Good().Broker.Callers["a"].Devices.ShouldBe([read]);
    }

    [Theory]
    [InlineData("${NONE}", "the environment variable NONE is not set")]
    [InlineData("${}", "write ${NAME}")]
    [InlineData("${A-B}", "write ${NAME}")]
    [InlineData("${A", "write ${NAME}")]
    public void A_variable_that_cannot_be_filled_is_told_with_its_path(string written, string mistake) =>
        files
            .Load(Config.Replace("ITEMS", $"\"x\", \"{written}\""))
            .Errors()
            .ShouldHaveSingleItem()
            .ShouldStartWith("Broker:Callers:a:Devices:1: " + mistake);

    [Fact]
    public void A_number_bool_or_time_may_come_from_the_environment_and_from_no_other_string()
    {
        files.Environment["N"] = "7";
        files.Environment["YES"] = "true";
        files.Environment["T"] = "00:00:09";
        var broker = files
            .Load("""{"Broker":{"AllowInsecure":"${YES}","PollInterval":"${T}","Limits":{"ConcurrentPasswordHashes":"${N}"}}}""")
            .Good()
            .Broker;
        (broker.AllowInsecure, broker.PollInterval.Seconds, broker.Limits.ConcurrentPasswordHashes).ShouldBe((true, 9, 7));
        files.Load("""{"Broker":{"AllowInsecure":"true","Limits":{"ConcurrentPasswordHashes":"7"}}}""").Errors().Count.ShouldBe(2);
        files.Environment["N"] = "seven";
        files
            .Load("""{"Broker":{"Limits":{"ConcurrentPasswordHashes":"${N}"}}}""")
            .Errors()
            .ShouldHaveSingleItem()
            .ShouldNotContain("seven");
    }

    [Property]
    public bool Any_text_in_a_variable_arrives_as_it_is(NonNull<string> text)
    {
        files.Environment["ANY"] = text.Get;
        var mistakes = new ConfigErrors();
        var root = new System.Text.Json.Nodes.JsonObject { ["a"] = "<${ANY}>" };
        var tree = new Interpolation(new Sources(files.Environment.GetValueOrDefault), mistakes).Fill(root);
        return tree.Root["a"]!.GetValue<string>() == $"<{text.Get}>" && !mistakes.HasErrors;
    }
}
