using System.Text.Json;
using System.Text.Json.Nodes;
using Shouldly;
using Xunit;

namespace Broker.FunctionalTests.Commands;

/// <summary>The configs on the pages load, and their links and paths exist.</summary>
/// <remarks>
/// A <c>json</c> or <c>jsonc</c> block with ReverseProxy or Broker at its top is a whole config, and is loaded. A <c>jsonc route</c> block
/// is one route, and is loaded within a small config. A <c>jsonc fragment</c> block, and any other, is parsed.
/// </remarks>
public sealed class DocumentTests : IDisposable
{
    private static readonly JsonDocumentOptions Lenient = new() { CommentHandling = JsonCommentHandling.Skip, AllowTrailingCommas = true };

    private readonly string folder = Directory.CreateTempSubdirectory("broker-docs-").FullName;

    public void Dispose() => Directory.Delete(folder, recursive: true);

    public static TheoryData<string> JsonBlocks() =>
        [.. DocumentPage.All.SelectMany(page => page.Blocks.Where(block => block.IsJson).Select(block => $"{page.Name}:{block.Line}"))];

    [Theory]
    [MemberData(nameof(JsonBlocks))]
    public async Task A_config_on_a_page_is_one_that_the_broker_takes(string where)
    {
        var parts = where.Split(':');
        var block = DocumentPage.Read(parts[0]).Blocks.Single(block => $"{block.Line}" == parts[1]);
        var text = block.Text.Replace("<the digest>", TestConfig.DigestOf("key"), StringComparison.Ordinal);
        if (block.IsRoute)
        {
            await Check(WithRoute(text));
        }
        else if (text.TrimStart().StartsWith('{'))
        {
            using var parsed = JsonDocument.Parse(text, Lenient);
            if (!block.IsFragment && parsed.RootElement.EnumerateObject().Any(member => member.Name is "ReverseProxy" or "Broker"))
            {
                await Check(text);
            }
        }
        else
        {
            ParseMembers(text);
        }
    }

    [Fact]
    public void There_are_configs_and_routes_to_load() =>
        DocumentPage.All.SelectMany(page => page.Blocks).Count(block => block.IsRoute).ShouldBeGreaterThan(10);

    [Fact]
    public void README_is_short() => File.ReadLines(Path.Combine(DocumentPage.Root, "README.md")).Count().ShouldBeLessThanOrEqualTo(120);

    [Fact]
    public void A_link_leads_to_a_page_and_a_heading_that_are_there()
    {
        var broken =
            from page in DocumentPage.All
            from link in page.Links
            where !link.Target.Contains("://", StringComparison.Ordinal) && !link.Target.StartsWith("mailto:", StringComparison.Ordinal)
            where !IsThere(page, link.Target)
            select $"{page.Name}:{link.Number} links to {link.Target}";

        broken.ShouldBeEmpty();
    }

    [Fact]
    public void Every_page_is_linked_from_another_one()
    {
        var linked =
            from page in DocumentPage.All
            from link in page.Links
            let name = NameOf(page, link.Target.Split('#')[0])
            where name != page.Name
            select name;

        DocumentPage.All.Select(page => page.Name).Except([.. linked, "README.md"]).ShouldBeEmpty();
    }

    [Fact]
    public void A_path_in_backticks_is_in_the_repository()
    {
        var missing =
            from page in DocumentPage.All
            from span in page.CodeSpans
            let path = span.Text.Split(' ')[0]
            where RepositoryPath.IsOne(path) && !RepositoryPath.Exists(path)
            select $"{page.Name}:{span.Number} names {path}";

        missing.ShouldBeEmpty();
    }

    private static bool IsThere(DocumentPage page, string target)
    {
        var (path, anchor) = target.Split('#') is [var file, var heading] ? (file, heading) : (target, null);
        var name = path.Length == 0 ? page.Name : NameOf(page, path);
        return RepositoryPath.Exists(name) && (anchor is null || DocumentPage.Read(name).Anchors.Contains(anchor));
    }

    /// <summary>What a relative path on a page is from the root.</summary>
    private static string NameOf(DocumentPage page, string path) =>
        Path.GetRelativePath(DocumentPage.Root, Path.GetFullPath(Path.Combine(DocumentPage.Root, Path.GetDirectoryName(page.Name)!, path)));

    /// <summary>Parses members of an object, all together or one a line.</summary>
    private static void ParseMembers(string text)
    {
        try
        {
            JsonDocument.Parse($"{{{text}\n}}", Lenient).Dispose();
        }
        catch (JsonException) when (text.Split('\n').All(line => line.StartsWith('"')))
        {
            foreach (var line in text.Split('\n'))
            {
                JsonDocument.Parse($"{{{line}\n}}", Lenient).Dispose();
            }
        }
    }

    private async Task Check(string config)
    {
        var file = Path.Combine(folder, "page.json");
        await File.WriteAllTextAsync(file, config);

        var run = await CommandRun.Of("check", "--config", file);

        run.Exit.ShouldBe(0, run.Everything);
    }

    /// <summary>A config with this route, and an upstream with the accounts <c>default</c>, <c>reader</c> and <c>each</c>.</summary>
    private static string WithRoute(string route)
    {
        var config = TestConfig.With(new("http://127.0.0.1:1/"), ("page", route));
        config["Broker"]!["Upstreams"]!["api"] = JsonNode.Parse(
            """
            { "Kind": "OAuth2", "AllowInsecure": true, "TokenEndpoint": "http://127.0.0.1:1/token", "Accounts": {
                "default": { "ClientId": "broker", "ClientSecret": { "Env": "SECRET" } },
                "reader": { "ClientId": "reader", "ClientSecret": { "Env": "SECRET" } },
                "each": { "ClientId": "fleet-{user}", "ClientSecret": { "Env": "SECRET" } } } }
            """
        );
        return config.ToJsonString();
    }
}
