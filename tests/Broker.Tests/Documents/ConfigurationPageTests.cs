using System.Reflection;
using System.Text.Json.Nodes;
using Broker.Configuration;
using Broker.Forwarding;
using Shouldly;
using Xunit;

namespace Broker.Tests.Documents;

/// <summary><c>docs/configuration.md</c> says what the options records say.</summary>
public sealed class ConfigurationPageTests
{
    private static readonly string Page = Path.Combine(Pages.Repository, "docs/configuration.md");

    public static TheoryData<string, string> Keys =>
        new(ReferenceWriter.Sections().SelectMany(section => section.OwnKeys.Select(key => (section.Type.Name, key.Name))));

    [Fact]
    public void The_page_is_what_the_command_prints()
    {
        if (Environment.GetEnvironmentVariable("WRITE_DOCS") == "1")
        {
            File.WriteAllText(Page, ReferenceWriter.Write());
        }

        const string cure =
            "edit ConfigurationHead.md or the options, never the page; then write it anew: "
            + "'broker schema --format markdown > docs/configuration.md', or run this test with WRITE_DOCS=1";
        ReferenceWriter.Write().ShouldBe(File.ReadAllText(Page), cure);
    }

    [Fact]
    public void Every_options_record_of_the_config_has_its_section()
    {
        const BindingFlags declared = BindingFlags.DeclaredOnly | BindingFlags.Instance | BindingFlags.Public;
        var described = typeof(BrokerOptions).Assembly.GetTypes().Where(type => type.GetProperties(declared).Any(IsDescribed));

        ReferenceWriter.Sections().Select(section => section.Type).ShouldBe(described, ignoreOrder: true);
    }

    [Theory]
    [MemberData(nameof(Keys))]
    public void A_key_has_a_description_a_default_and_an_example(string record, string key)
    {
        var (type, found) = Find(record, key);
        found.Description.ShouldNotBeNullOrWhiteSpace();
        found.Description!.Trim().ShouldEndWith(".");
        ReferenceValues.DefaultOf(type, found).ShouldNotBeNullOrWhiteSpace($"give {record}.{key} a value, or say [WhenMissing]");
        ReferenceValues.ExampleOf(type, found).ShouldNotBeNullOrWhiteSpace();
    }

    [Theory]
    [MemberData(nameof(Keys))]
    public void An_example_is_read_without_a_mistake(string record, string key)
    {
        var (type, found) = Find(record, key);
        var json = new JsonObject { [key] = JsonNode.Parse(ReferenceValues.ExampleOf(type, found)) };
        var concrete = type.IsAbstract ? typeof(OAuth2UpstreamOptions) : type;
        var mistakes = new ConfigErrors();
        var sources = new Sources(_ => null);
        var binder = new OptionsBinder(mistakes, new SecretReader(sources, mistakes, Severity.Warning), new HashSet<string>());
        typeof(OptionsBinder).GetMethod(nameof(OptionsBinder.Bind))!.MakeGenericMethod(concrete).Invoke(binder, [json, "x"]);

        mistakes
            .All.Where(mistake =>
                mistake.Severity == Severity.Error
                && mistake.Path.StartsWith($"x:{key}", StringComparison.Ordinal)
                && !mistake.Message.StartsWith("is required", StringComparison.Ordinal)
            )
            .Select(mistake => $"{mistake.Path}: {mistake.Message}")
            .ShouldBeEmpty();
    }

    [Fact]
    public void The_page_names_every_key_of_a_routes_metadata_and_no_other()
    {
        var table = Pages.Text("configuration.md").Split("## Route metadata")[1].Split("| selector |")[0];
        var named = table
            .Split('\n')
            .Where(line => line.StartsWith("| `", StringComparison.Ordinal))
            .SelectMany(line => line.Split('|')[1].Split(','))
            .Select(word => word.Trim(' ', '`'))
            .Where(word => word != "x-...");

        var known = (string[])typeof(RouteMetadata).GetField("Known", BindingFlags.NonPublic | BindingFlags.Static)!.GetValue(null)!;
        named.ShouldBe(known, ignoreOrder: true);
    }

    private static (Type Type, OptionKey Key) Find(string record, string key)
    {
        var section = ReferenceWriter.Sections().Single(section => section.Type.Name == record);
        return (section.Type, section.OwnKeys.Single(own => own.Name == key));
    }

    private static bool IsDescribed(PropertyInfo property) => property.IsDefined(typeof(System.ComponentModel.DescriptionAttribute));
}
