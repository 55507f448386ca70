using System.CommandLine;
using Broker.Configuration;
using Broker.TokenService;
using Microsoft.AspNetCore.Identity;

namespace Broker.Commands;

/// <summary><c>broker key</c>: API keys and password hashes for the config.</summary>
internal static class KeyCommand
{
    public static Command Create(ConsoleStreams streams)
    {
        var create = new Command("new", "Prints a new API key for the caller, and its digest for the config.");
        create.SetAction(
            async (_, _) =>
            {
                var key = ApiKey.New();
                await streams.Out.WriteLineAsync($"key for the caller (shown once): {key.Text}");
                await streams.Out.WriteLineAsync($"for the config:                  {{ \"Sha256\": \"{key.Sha256}\" }}");
                return 0;
            }
        );

        var hash = new Command("hash", "Reads a password from standard input and prints its hash for the config (Callers:x:Basic:Hash).");
        hash.SetAction(
            async (_, stop) =>
            {
                var password = await streams.In.ReadLineAsync(stop);
                if (string.IsNullOrEmpty(password))
                {
                    await streams.Error.WriteLineAsync("error: no password on standard input. Write: broker key hash < password.txt");
                    return 1;
                }

                await streams.Out.WriteLineAsync(new PasswordHasher<CallerOptions>().HashPassword(new(), password));
                return 0;
            }
        );
        return new Command("key", "Makes API keys and password hashes.") { create, hash };
    }
}
