using System.Runtime.CompilerServices;
using System.Text.RegularExpressions;
using Shouldly;
using Xunit;

namespace Broker.Tests;

/// <summary>Which folder may use which: data flows one way.</summary>
public sealed partial class LayoutTests
{
    private static readonly string Source = Path.GetFullPath(Path.Combine(ThisFolder(), "../../src"));

    // What a folder of src/Broker may use of the others. BrokerHost and Commands may use everything.
    private static readonly Dictionary<string, string[]> MayUse = new()
    {
        ["Configuration"] = ["Policies"],
        ["Operations"] = ["Configuration", "Policies"],
        ["Redis"] = ["Configuration", "Policies"],
        ["Credentials"] = ["Policies", "Configuration", "Operations", "Redis"],
        ["Tokens"] = ["Configuration", "Operations", "Redis"],
        ["Issuing"] = ["Policies", "Credentials", "Configuration", "Operations", "Redis", "Limits"],
        ["Limits"] = ["Credentials", "Configuration", "Operations"],
        ["Forwarding"] = ["Policies", "Configuration", "Operations", "Credentials", "Tokens", "Limits"],
        ["Commands"] = ["Policies", "Configuration", "Operations", "Redis", "Credentials", "Tokens", "Limits", "Forwarding", "Issuing", "Simulators"],
    };

    [Fact]
    public void A_folder_uses_only_what_it_may()
    {
        var offences =
            from folder in MayUse
            from file in Directory.EnumerateFiles(Path.Combine(Source, "Broker", folder.Key), "*.cs", SearchOption.AllDirectories)
            from used in UsedIn(file)
            where used != folder.Key && !folder.Value.Contains(used)
            select $"{Path.GetRelativePath(Source, file)} uses {used}";

        offences.ShouldBeEmpty();
    }

    [Fact]
    public void Every_folder_has_its_rule() =>
        Directory.EnumerateDirectories(Path.Combine(Source, "Broker")).Select(Path.GetFileName).Where(name => name is not ("obj" or "bin" or "Properties"))
            .ShouldBe(MayUse.Keys, ignoreOrder: true);

    [Fact]
    public void Only_forwarding_and_the_composition_root_name_yarp() =>
        Offences("Broker", "using Yarp.", except: ["Forwarding", "BrokerHost.cs"]).ShouldBeEmpty();

    [Fact]
    public void Tokens_know_no_caller_and_no_request() =>
        Offences("Broker/Tokens", "HttpContext", except: []).ShouldBeEmpty();

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
    public void Simulators_reference_nothing_of_the_broker() => Offences("Simulators", "using Broker", except: []).Concat(Offences("Simulators", "using Policies", except: [])).ShouldBeEmpty();

    [Fact]
    public void No_file_of_the_source_is_long_without_a_reason()
    {
        // Option records are data: one screen after another of keys and their descriptions.
        string[] allowed = ["UpstreamOptions.cs", "TokenCell.cs"];
        Directory.EnumerateFiles(Source, "*.cs", SearchOption.AllDirectories)
            .Where(file => !allowed.Contains(Path.GetFileName(file)) && File.ReadLines(file).Count() > 200)
            .Select(Path.GetFileName).ShouldBeEmpty();
    }

    private static IEnumerable<string> Offences(string folder, string text, string[] except) =>
        Directory.EnumerateFiles(Path.Combine(Source, folder), "*.cs", SearchOption.AllDirectories)
            .Where(file => !except.Any(name => file.Contains(name, StringComparison.Ordinal)))
            .Where(file => File.ReadLines(file).Any(line => !line.TrimStart().StartsWith("//", StringComparison.Ordinal) && line.Contains(text, StringComparison.Ordinal)))
            .Select(file => Path.GetRelativePath(Source, file));

    private static IEnumerable<string> UsedIn(string file)
    {
        var text = File.ReadAllText(file);
        return Using().Matches(text).Select(match => match.Groups[1].Value)
            .Concat(text.Contains("using Policies;", StringComparison.Ordinal) ? ["Policies"] : [])
            .Concat(text.Contains("using Simulators;", StringComparison.Ordinal) ? ["Simulators"] : [])
            .Distinct();
    }

    private static string ThisFolder([CallerFilePath] string path = "") => Path.GetDirectoryName(path)!;

    [GeneratedRegex(@"^using (?:static |\w+ = )?Broker\.(Configuration|Operations|Redis|Credentials|Tokens|Issuing|Limits|Forwarding|Commands)\b", RegexOptions.Multiline)]
    private static partial Regex Using();
}
