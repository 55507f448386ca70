using System.ComponentModel;
using System.Diagnostics;
using System.Runtime.CompilerServices;
using System.Text.Json.Nodes;
using Shouldly;
using Xunit;

namespace Broker.FunctionalTests.TokenService;

/// <summary>
/// Runs programs in tests/vendor: clients that others wrote, unchanged. A test is skipped, with a word, where the machine lacks what they
/// need.
/// </summary>
internal static class ClientPrograms
{
    private const string PythonModules = "import jwt, authlib, requests_oauthlib";

    private static readonly SemaphoreSlim Installing = new(1, 1);

    // The second is the one that Debian's packages are for, where another stands before it.
    private static readonly string[] Pythons = ["python3", "/usr/bin/python3"];

    public static async Task EnsureNode()
    {
        await Installing.WaitAsync();
        try
        {
            if (await Run("node", "--version") is not { Status: 0 })
            {
                Lack("Node is not on this machine: the clients cannot run.");
            }

            var packages = JsonNode.Parse(await File.ReadAllTextAsync(Path.Combine(Folder(), "package.json")))!["dependencies"]!.AsObject();
            if (packages.Any(package => !Directory.Exists(Path.Combine(Folder(), "node_modules", package.Key))))
            {
                var npm = await Run("npm", "install", "--no-package-lock", "--no-audit", "--no-fund");
                if (npm is not { Status: 0 })
                {
                    Lack(
                        npm is null
                            ? "npm is not on this machine: the clients cannot be installed."
                            : $"npm could not install the clients: {npm.Value.Error}"
                    );
                }
            }
        }
        finally
        {
            Installing.Release();
        }
    }

    public static async Task<string> Node(params string[] arguments) => Output(await Run("node", arguments));

    public static async Task<string> Python(params string[] arguments)
    {
        foreach (var python in Pythons)
        {
            if (await Run(python, "-c", PythonModules) is { Status: 0 })
            {
                return Output(await Run(python, arguments));
            }
        }

        Lack("Python's clients are not on this machine (Debian: python3-jwt, python3-authlib, python3-requests-oauthlib).");
        return "";
    }

    /// <summary>On a developer's machine a test may be skipped; where CI runs it, nothing is green that did not run.</summary>
    private static void Lack(string what)
    {
        Assert.SkipUnless(Environment.GetEnvironmentVariable("CI") == "true", what);
        Assert.Fail(what);
    }

    private static string Folder([CallerFilePath] string path = "") =>
        Path.GetFullPath(Path.Combine(Path.GetDirectoryName(path)!, "../../vendor"));

    private static string Output((int Status, string Output, string Error)? ran)
    {
        ran.ShouldNotBeNull().Status.ShouldBe(0, ran.Value.Error);
        return ran.Value.Output.Trim();
    }

    private static async Task<(int Status, string Output, string Error)?> Run(string program, params string[] arguments)
    {
        var start = new ProcessStartInfo(program, arguments)
        {
            WorkingDirectory = Folder(),
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        try
        {
            using var process = Process.Start(start)!;
            var (output, error) = (process.StandardOutput.ReadToEndAsync(), process.StandardError.ReadToEndAsync());
            await process.WaitForExitAsync();
            return (process.ExitCode, await output, await error);
        }
        catch (Win32Exception)
        {
            return null; // no such program here
        }
    }
}
