using System.Runtime.CompilerServices;
using System.Text.RegularExpressions;
using Broker.Configuration;
using NetArchTest.Rules;
using Shouldly;
using Xunit;

namespace Broker.Tests;

/// <summary>Which folder may use which: data flows one way.</summary>
public sealed partial class LayoutTests
{
    private static readonly string Source = Path.GetFullPath(Path.Combine(ThisFolder(), "../../src"));

    private static readonly string[] OtherProjects = ["Policies", "Simulators"];

    private static readonly string[] LongTables =
    [
        "RenewerTests.cs",
        "SharedTokensConformance.cs",
        "FaultTests.cs",
        "ForeignTokenTests.cs",
        "StrangerLogTests.cs",
    ];

    // What a folder of src/Broker may use of the others. BrokerHost and Commands may use everything.
    private static readonly Dictionary<string, string[]> MayUse = new()
    {
        ["Configuration"] = ["Policies"],
        ["Operations"] = ["Configuration", "Policies"],
        ["Redis"] = ["Configuration", "Policies"],
        ["Credentials"] = ["Policies", "Configuration", "Operations", "Redis"],
        ["UpstreamTokens"] = ["Configuration", "Operations", "Redis"],
        ["TokenService"] = ["Policies", "Credentials", "Configuration", "Operations", "Redis", "Limits"],
        ["Limits"] = ["Credentials", "Configuration", "Operations"],
        ["Forwarding"] = ["Policies", "Configuration", "Operations", "Credentials", "UpstreamTokens", "Limits"],
        ["Commands"] =
        [
            "Policies",
            "Configuration",
            "Operations",
            "Redis",
            "Credentials",
            "UpstreamTokens",
            "Limits",
            "Forwarding",
            "TokenService",
            "Simulators",
        ],
    };

    [Fact]
    public void A_folder_uses_only_what_it_may()
    {
        var offences =
            from folder in MayUse
            let forbidden = MayUse
                .Keys.Where(other => other != folder.Key && !folder.Value.Contains(other))
                .Select(other => $"Broker.{other}")
                .Concat(OtherProjects.Except(folder.Value))
            let result = Types
                .InAssembly(typeof(Snapshot).Assembly)
                .That()
                .ResideInNamespaceMatching($@"^Broker\.{folder.Key}$")
                .ShouldNot()
                .HaveDependencyOnAny([.. forbidden])
                .GetResult()
            from type in result.FailingTypes ?? []
            select $"{type.FullName} uses what {folder.Key} may not";

        offences.ShouldBeEmpty();
    }

    [Fact]
    public void Every_folder_has_its_rule() =>
        Directory
            .EnumerateDirectories(Path.Combine(Source, "Broker"))
            .Select(Path.GetFileName)
            .Where(name => name is not ("obj" or "bin" or "Properties"))
            .ShouldBe(MayUse.Keys, ignoreOrder: true);

    [Fact]
    public void Only_forwarding_and_the_composition_root_name_yarp() =>
        Offences("Broker", "using Yarp.", except: ["Forwarding", "BrokerHost.cs"]).ShouldBeEmpty();

    [Fact]
    public void Tokens_know_no_caller_and_no_request() => Offences("Broker/UpstreamTokens", "HttpContext", except: []).ShouldBeEmpty();

    [Theory]
    [InlineData("Microsoft.")]
    [InlineData("System.Text.Json")]
    [InlineData("System.IO")]
    [InlineData("System.Threading")]
    [InlineData("async ")]
    [InlineData("TimeProvider")]
    [InlineData("DateTime")]
    public void Policies_are_rules_and_nothing_else(string forbidden) => Offences("Policies", forbidden, except: []).ShouldBeEmpty();

    [Fact]
    public void Simulators_reference_nothing_of_the_broker() =>
        Offences("Simulators", "using Broker", except: []).Concat(Offences("Simulators", "using Policies", except: [])).ShouldBeEmpty();

    // Tables of cases: to cut them would hide what they have in common.
    [Fact]
    public void No_file_is_longer_than_400_lines() =>
        Files().Where(file => File.ReadLines(file).Count() > 400).Select(Path.GetFileName).ShouldBe(LongTables, ignoreOrder: true);

    // The tests' code is wrapped by CSharpier alike; what it cannot break there are literals, such as requests and configs.
    [Fact]
    public void No_line_of_the_source_is_wider_than_140_columns_outside_of_text_blocks() =>
        Files().Where(file => !file.Contains("../tests", StringComparison.Ordinal)).SelectMany(WideLines).ShouldBeEmpty();

    [Fact]
    public void No_folder_of_the_source_holds_more_than_20_files() =>
        Directory
            .EnumerateDirectories(Source, "*", SearchOption.AllDirectories)
            .Where(folder => Directory.EnumerateFiles(folder, "*.cs").Count() > 20)
            .ShouldBeEmpty();

    [Fact]
    public void The_namespace_of_a_file_is_its_top_folder() =>
        (
            from file in Directory.EnumerateFiles(Path.Combine(Source, "Broker"), "*.cs", SearchOption.AllDirectories)
            let parts = Path.GetRelativePath(Path.Combine(Source, "Broker"), file).Split(Path.DirectorySeparatorChar)
            let expected = parts.Length == 1 ? "Broker" : $"Broker.{parts[0]}"
            let text = File.ReadAllText(file)
            where
                text.Contains("\nnamespace ", StringComparison.Ordinal)
                && !text.Contains($"\nnamespace {expected};", StringComparison.Ordinal)
            select Path.GetRelativePath(Source, file)
        ).ShouldBeEmpty();

    private static IEnumerable<string> Files() =>
        new[] { Source, Path.Combine(Source, "../tests") }.SelectMany(folder =>
            Directory
                .EnumerateFiles(folder, "*.cs", SearchOption.AllDirectories)
                .Where(file => !file.Contains($"{Path.DirectorySeparatorChar}obj{Path.DirectorySeparatorChar}", StringComparison.Ordinal))
        );

    // A text block is data: JSON, Lua, an answer of an upstream.
    private static IEnumerable<string> WideLines(string file)
    {
        var isText = false;
        foreach (var (number, line) in File.ReadLines(file).Index())
        {
            var marks = Marks().Count(line);
            if (line.Length > 140 && !isText && marks == 0)
            {
                yield return $"{Path.GetFileName(file)}:{number + 1}";
            }

            isText ^= marks % 2 == 1;
        }
    }

    private static IEnumerable<string> Offences(string folder, string text, string[] except) =>
        Directory
            .EnumerateFiles(Path.Combine(Source, folder), "*.cs", SearchOption.AllDirectories)
            .Where(file => !except.Any(name => file.Contains(name, StringComparison.Ordinal)))
            .Where(file =>
                File.ReadLines(file)
                    .Any(line =>
                        !line.TrimStart().StartsWith("//", StringComparison.Ordinal) && line.Contains(text, StringComparison.Ordinal)
                    )
            )
            .Select(file => Path.GetRelativePath(Source, file));

    [GeneratedRegex("\"\"\"")]
    private static partial Regex Marks();

    private static string ThisFolder([CallerFilePath] string path = "") => Path.GetDirectoryName(path)!;
}
