using Broker.Configuration;
using Policies;

namespace Broker.Credentials;

/// <summary>Compiles the callers of a config: their permissions, API keys and password hashes.</summary>
internal sealed class CallerCompiler(Snapshot candidate, SelectionReader selections, ConfigErrors mistakes)
{
    private const int MostKeys = 2;

    // SHA-256 of nothing: an empty variable that was hashed.
    private const string DigestOfNothing = "E3B0C44298FC1C149AFBF4C8996FB92427AE41E4649B934CA495991B7852B855";

    private readonly Dictionary<string, string> digests = new(StringComparer.Ordinal);
    private readonly Dictionary<long, string> userIds = [];
    private readonly List<(byte[] Digest, Caller Caller)> keys = [];
    private readonly List<ConfigCaller> callers = [];

    /// <summary>SHA-256 of each API key, and whose it is.</summary>
    public IReadOnlyList<(byte[] Digest, Caller Caller)> Keys => keys;

    public CallerTable Compile()
    {
        foreach (var (name, options) in candidate.Broker.Callers)
        {
            var path = $"Broker:Callers:{name}";
            var caller = new Caller
            {
                Source = ConfigCaller.Source,
                Name = name,
                Permissions = PermissionsOf(options, path),
                Accounts = options.Accounts,
                TemplateValues = new Dictionary<string, string>(StringComparer.Ordinal) { ["user"] = name },
                ConcurrentRequests = options.ConcurrentRequests,
            };
            CompileKeys(options, caller, path);
            if (options.UserId < 0)
            {
                mistakes.Error($"{path}:UserId", "0 or more");
            }
            else if (options.UserId is { } userId && !userIds.TryAdd(userId, name))
            {
                mistakes.Error($"{path}:UserId", $"is the number of '{userIds[userId]}' as well; each caller has its own");
            }

            callers.Add(new(caller, options.UserId, HashOf(options.Basic, path)) { IsDisabled = options.Disabled });
        }

        return new(callers);
    }

    private Permissions PermissionsOf(CallerOptions options, string path) =>
        new(
            selections.Actions(options.Actions, $"{path}:Actions"),
            selections.Names(options.Networks, $"{path}:Networks"),
            selections.Names(options.DeviceTypes, $"{path}:DeviceTypes"),
            selections.Names(options.Devices, $"{path}:Devices")
        );

    private void CompileKeys(CallerOptions callerOptions, Caller caller, string path)
    {
        var options = callerOptions.Keys;
        if (options.Count > MostKeys)
        {
            mistakes.Error($"{path}:Keys", $"{MostKeys} keys at most: the one in use, and the one that replaces it");
        }

        for (var i = 0; i < options.Count; i++)
        {
            var at = $"{path}:Keys:{i}:Sha256";
            var text = options[i].Sha256.ToUpperInvariant();
            if (text.Length != 64 || !text.All(char.IsAsciiHexDigitUpper))
            {
                mistakes.Error(
                    at,
                    "is no SHA-256 digest in hex (64 digits); 'broker key new' prints a key and its digest, and the key itself does "
                        + "not belong here"
                );
            }
            else if (text == DigestOfNothing)
            {
                mistakes.Error(at, "is the digest of an empty key; 'broker key new' prints a key and its digest");
            }
            else if (!digests.TryAdd(text, caller.Name))
            {
                mistakes.Error(at, $"is a digest of '{digests[text]}' as well; a key belongs to one caller, once");
            }
            else if (!callerOptions.Disabled)
            {
                keys.Add((Convert.FromHexString(text), caller));
            }
        }
    }

    private string? HashOf(PasswordOptions? options, string path)
    {
        var hash = options?.Hash.Reveal().Trim();
        if (string.IsNullOrEmpty(hash))
        {
            if (options is not null)
            {
                mistakes.Warning($"{path}:Basic:Hash", $"{options.Hash.Source} is empty: the caller can't use Basic");
            }

            return null;
        }

        if (PasswordHash.Problem(hash) is { } mistake)
        {
            mistakes.Error($"{path}:Basic:Hash", mistake);
            return null;
        }

        return hash;
    }
}
