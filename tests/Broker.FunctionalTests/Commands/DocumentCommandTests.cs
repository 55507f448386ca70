using System.CommandLine;
using System.Text.RegularExpressions;
using Broker.Commands;
using Shouldly;
using Simulators;
using Xunit;

namespace Broker.FunctionalTests.Commands;

/// <summary>The command lines on the pages exist, and the first config of README works as it is written.</summary>
public sealed partial class DocumentCommandTests : IDisposable
{
    private static readonly string[] Starts = ["broker ", "dotnet run ", "docker run "];

    private readonly string folder = Directory.CreateTempSubdirectory("broker-docs-").FullName;

    public void Dispose() => Directory.Delete(folder, recursive: true);

    public static TheoryData<string, string> CommandLines() =>
        [.. Lines(page => page.Blocks.Where(block => block.IsShell).SelectMany(block => block.Commands)).Distinct()];

    [Theory]
    [MemberData(nameof(CommandLines))]
    public void A_command_line_on_a_page_is_one_that_the_broker_takes(string page, string line) =>
        Root().Parse(Words(line)).Errors.Select(error => error.Message).ShouldBeEmpty($"{page}: {line}");

    [Fact]
    public void A_command_in_backticks_is_one_that_the_broker_has()
    {
        // What it needs besides may stand elsewhere in the sentence.
        var unknown =
            from named in Lines(page => page.CodeSpans.Select(span => span.Text).Where(text => Starts.Any(text.StartsWith)))
            let parsed = Root().Parse(Words(named.Line))
            where parsed.UnmatchedTokens.Count > 0 || parsed.CommandResult.Command is RootCommand
            select $"{named.Page}: {named.Line}";

        unknown.ShouldBeEmpty();
    }

    [Fact]
    public void A_command_of_this_repository_on_a_page_is_there()
    {
        var missing =
            from page in DocumentPage.All
            from command in page.Blocks.Where(block => block.IsShell).SelectMany(block => block.Commands)
            from Match path in OfTheRepository().Matches(command)
            where !RepositoryPath.Exists(path.Groups[1].Value)
            select $"{page.Name}: {command}";

        missing.ShouldBeEmpty();
    }

    [Fact]
    public void Every_command_is_in_the_table_of_README()
    {
        var table = DocumentPage.Read("README.md").Prose.Where(line => line.Text.StartsWith("| `", StringComparison.Ordinal)).ToList();
        var verbs = Root()
            .Subcommands.SelectMany(command =>
                command.Subcommands.Count == 0 ? [command.Name] : command.Subcommands.Select(sub => sub.Name).Append(command.Name)
            );

        verbs.Where(verb => !table.Exists(line => Regex.IsMatch(line.Text.Split(" | ")[0], $@"\b{verb}\b"))).ShouldBeEmpty();
    }

    [Fact]
    public async Task The_first_config_of_README_works_as_it_stands()
    {
        var page = DocumentPage.Read("README.md");
        await using var simulator = await SimulatorKinds.StartAsync("telemax", new());
        var made = (await CommandRun.Of("key", "new")).Out;
        var (key, digest) = (made.Split('\n')[0].Split(' ')[^1], Digest().Match(made).Groups[1].Value);

        // As step 2 says it, for whoever has no account at the vendor.
        var config = page
            .Blocks.Single(block => block.IsJson)
            .Text.Replace("<the digest>", digest, StringComparison.Ordinal)
            .Replace("https://api.telemax.com.au/", $"{simulator.Address}", StringComparison.Ordinal)
            .Replace("\"Kind\": \"Telemax\",", "\"Kind\": \"Telemax\", \"AllowInsecure\": true,", StringComparison.Ordinal);
        var file = Path.Combine(folder, "my.json");
        await File.WriteAllTextAsync(file, config);
        var shell = page.Blocks.Where(block => block.IsShell).SelectMany(block => block.Commands).ToList();
        var variables = shell
            .Where(line => line.StartsWith("export ", StringComparison.Ordinal))
            .Select(line => line["export ".Length..].Split('='))
            .Select(pair => (pair[0], pair[1]))
            .ToArray();

        var check = await Run(shell, "check", file, variables);
        check.Exit.ShouldBe(0, check.Everything);
        check.Everything.ShouldNotContain("warning");
        (await Run(shell, "explain", file, variables)).Out.ShouldContain("refused: 403 device-not-granted");

        await using var broker = await BrokerUnderTest.Start(config, variables);
        var path = shell.Select(line => Curl().Match(line)).Single(match => match.Success).Groups[1].Value;
        using var request = TestConfig.Request(HttpMethod.Get, path, key);
        using var answer = await broker.Client.SendAsync(request);
        ((int)answer.StatusCode).ShouldBe(200, await answer.Content.ReadAsStringAsync());
    }

    private static Task<CommandRun> Run(IEnumerable<string> shell, string verb, string file, (string, string)[] variables)
    {
        var line = shell
            .SelectMany(line => Statement().Matches(line).Select(match => match.Groups[1].Value.Trim()))
            .Single(line => line.StartsWith($"{verb} ", StringComparison.Ordinal));
        return CommandRun.With(variables, "", [.. Words(line).Select(word => word == "my.json" ? file : word)]);
    }

    /// <summary>The command lines of the broker in these texts of each page.</summary>
    private static IEnumerable<(string Page, string Line)> Lines(Func<DocumentPage, IEnumerable<string>> texts) =>
        from page in DocumentPage.All
        from text in texts(page)
        from Match statement in Statement().Matches(text)
        let line = statement.Groups[1].Value.Trim()
        where line.Length > 0 && line != "."
        select (page.Name, line);

    private static RootCommand Root() => BrokerCommands.Create(new(TextReader.Null, TextWriter.Null, TextWriter.Null, _ => null));

    /// <summary>A line's words as a shell has them, up to a redirection or a pipe.</summary>
    private static string[] Words(string line) =>
        [.. Word().Matches(Redirection().Split(line)[0]).Select(match => match.Value.Trim('\'', '"'))];

    [GeneratedRegex(@"(?:^|&& |\s)(?:dotnet run (?:-c Release )?--project src/Broker --|broker)(?= |$)([^&;]*)")]
    private static partial Regex Statement();

    [GeneratedRegex(@"(?:^|\s)((?:tests|src|config|samples)/[\w./-]+)")]
    private static partial Regex OfTheRepository();

    [GeneratedRegex("\"Sha256\": \"([0-9a-f]+)\"")]
    private static partial Regex Digest();

    [GeneratedRegex(@"^curl .*http://127\.0\.0\.1:8080(/\S+)$")]
    private static partial Regex Curl();

    [GeneratedRegex("""'[^']*'|"[^"]*"|[^\s'"]+""")]
    private static partial Regex Word();

    [GeneratedRegex(@"\s(?:[<>|]|2>)")]
    private static partial Regex Redirection();
}
