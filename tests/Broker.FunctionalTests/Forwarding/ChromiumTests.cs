using System.Diagnostics;
using System.Text.Json;
using System.Text.Json.Nodes;
using Microsoft.AspNetCore.Http;
using Shouldly;
using Xunit;

namespace Broker.FunctionalTests.Forwarding;

/// <summary>A real browser's WebSocket, which can show its token in a subprotocol alone. Skipped where there is no Chromium.</summary>
public sealed class ChromiumTests
{
    // What the page offers beside its token, what the upstream chooses, and what the browser says was chosen.
    [Theory]
    [InlineData("TOKEN", null, "TOKEN")]
    [InlineData("bearer, TOKEN", null, "bearer")]
    [InlineData("chat, TOKEN", "chat", "chat")]
    [InlineData("chat, TOKEN", null, "TOKEN")]
    public async Task A_page_opens_a_web_socket_by_its_token_alone_and_reads_why_it_ends(string offered, string? chosen, string answered)
    {
        await using var bed = await ExchangeBed.Start("socket-h1");
        bed.Protocol = chosen;
        var token = bed.Ending((await bed.LogIn("operator")).Access, TimeSpan.FromSeconds(8));
        await using var page = await EchoUpstream.Start();
        var protocols = JsonSerializer.Serialize(offered.Replace("TOKEN", "bearer." + token, StringComparison.Ordinal).Split(", "));
        page.Answer = context =>
        {
            context.Response.ContentType = "text/html";
            return context.Response.WriteAsync(
                $$"""
                <script>
                  const tell = what => fetch("/told", { method: "POST", body: JSON.stringify(what) });
                  const socket = new WebSocket("ws://{{bed.Broker.Address.Authority}}/open/socket", {{protocols}});
                  socket.onopen = () => tell({ what: "open", protocol: socket.protocol });
                  socket.onclose = end => tell({ what: "close", code: end.code, reason: end.reason, clean: end.wasClean });
                </script>
                """
            );
        };
        using var browser = Start(page.Address);
        try
        {
            var told = await Told(page, 2);

            told[0]["protocol"]!
                .GetValue<string>()
                .ShouldBe(answered.Replace("TOKEN", "bearer." + token, StringComparison.Ordinal), told[0].ToJsonString());
            told[1].ToJsonString().ShouldBe("""{"what":"close","code":4401,"reason":"token-expired","clean":true}""");
            bed.Broker.Log.ShouldNotContain(token);
        }
        finally
        {
            browser.Kill(entireProcessTree: true);
            await browser.WaitForExitAsync();
        }
    }

    private static async Task<List<JsonNode>> Told(EchoUpstream page, int count)
    {
        List<JsonNode> Bodies() =>
            [.. page.Requests.Where(request => request.Method == "POST").Select(request => JsonNode.Parse(request.Body)!)];
        await Eventually.Holds(
            () => Bodies().Count >= count || Bodies().Any(body => body["what"]!.GetValue<string>() == "close"),
            "the browser tells of its WebSocket"
        );
        return Bodies();
    }

    private static Process Start(Uri page)
    {
        var path = "/usr/bin/chromium";
        Assert.SkipUnless(File.Exists(path), "There is no Chromium here.");
        var start = new ProcessStartInfo(path) { RedirectStandardError = true, RedirectStandardOutput = true };
        foreach (
            var argument in new[]
            {
                "--headless=new",
                "--no-sandbox",
                "--disable-gpu",
                "--no-first-run",
                "--disable-background-networking",
                "--disable-dev-shm-usage",
                "--user-data-dir=" + Directory.CreateTempSubdirectory("broker-chromium-").FullName,
                page.AbsoluteUri,
            }
        )
        {
            start.ArgumentList.Add(argument);
        }

        var browser = Process.Start(start)!;
        browser.BeginErrorReadLine();
        browser.BeginOutputReadLine();
        return browser;
    }
}
