using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using Broker.Configuration;

namespace Broker.Credentials;

/// <summary>Compiles the external issuers of a config; one that is as before is taken over with the keys it fetched.</summary>
internal sealed class IssuerCompiler(
    Snapshot candidate, SelectionReader selections, Mistakes mistakes, SigningKeys? ours, IReadOnlyList<IssuerReader> previous, HttpClient client, TimeProvider time, ILogger log)
{
    private const int MaxKeyFileBytes = 1024 * 1024;

    // Sources of our own: an issuer of that name could speak for a caller of the config.
    private static readonly string[] OwnSources = [ConfigCaller.Source, "user", "token"];

    private readonly Dictionary<string, string> names = new(StringComparer.Ordinal);

    public IReadOnlyList<IssuerReader> Compile()
    {
        var readers = new List<IssuerReader>();
        foreach (var (name, options) in candidate.Broker.Issuers)
        {
            if (Compile(name, options, $"Broker:Issuers:{name}") is { } reader)
            {
                readers.Add(reader);
            }
        }

        return readers;
    }

    private IssuerReader? Compile(string name, IssuerOptions options, string path)
    {
        if (OwnSources.Contains(name, StringComparer.OrdinalIgnoreCase))
        {
            mistakes.Error(path, $"the name '{name}' is a source of the broker's own; take another");
        }

        CheckLists(options, path);
        CheckIssuer(name, options, path);
        var claims = Claims(name, options, path);
        var source = Source(options, path, out var keyText);
        if (source is null)
        {
            return null;
        }

        var fingerprint = Fingerprint(name, options, keyText);
        return previous.FirstOrDefault(reader => reader.Fingerprint == fingerprint)
            ?? new IssuerReader(options, claims, source, ours?.Fingerprints ?? new HashSet<string>(), fingerprint, log);
    }

    private void CheckLists(IssuerOptions options, string path)
    {
        if (options.Audiences.Count == 0 || options.Audiences.Any(string.IsNullOrWhiteSpace))
        {
            mistakes.Error($"{path}:Audiences", "name at least one audience: a token for somebody else is not for us");
        }

        if (options.Algorithms.Count == 0)
        {
            mistakes.Error($"{path}:Algorithms", "name at least one algorithm, such as RS256");
        }

        foreach (var (i, algorithm) in options.Algorithms.Index().Where(item => IssuerKey.FamilyOf(item.Item) is null))
        {
            mistakes.Error($"{path}:Algorithms:{i}", Refused(algorithm));
        }

        if (options.Types.Any(string.IsNullOrWhiteSpace))
        {
            mistakes.Error($"{path}:Types", "holds an empty name; drop it");
        }

        if (options.ClockSkew < TimeSpan.Zero || options.ClockSkew > TimeSpan.FromMinutes(5))
        {
            mistakes.Error($"{path}:ClockSkew", "is between 0 and 5 minutes");
        }

        if (string.IsNullOrWhiteSpace(options.NameClaim))
        {
            mistakes.Error($"{path}:NameClaim", "name the claim that names the caller, such as sub");
        }
    }

    private static string Refused(string algorithm) =>
        algorithm.StartsWith("HS", StringComparison.OrdinalIgnoreCase) ? "a shared secret verifies no external issuer: whoever can verify could sign"
        : algorithm.Equals("none", StringComparison.OrdinalIgnoreCase) ? "an unsigned token is no credential"
        : $"'{Scalars.Short(algorithm)}' is not accepted; take RS256, PS256 or ES256, or one of their longer kin";

    private void CheckIssuer(string name, IssuerOptions options, string path)
    {
        if (options.Issuer is null && options.Authority is null)
        {
            mistakes.Error($"{path}:Issuer", "with a KeyFile, write the exact 'iss' of its tokens");
            return;
        }

        // 'iss' picks one verifier: two of one name would be two sets of keys for it.
        var issuer = (options.Issuer ?? options.Authority!).TrimEnd('/');
        if (issuer.Length == 0)
        {
            mistakes.Error($"{path}:Issuer", "is empty");
        }
        else if (ours is not null && (ours.IsIssuer(issuer) || issuer == ours.Issuer.TrimEnd('/')))
        {
            mistakes.Error(
                $"{path}:Issuer",
                "is the issuer of our own tokens (Broker:Issuing:Issuer, else Broker:TokenService:PublicUrl, else 'broker'); each has its own");
        }
        else if (!names.TryAdd(issuer, name))
        {
            mistakes.Error($"{path}:Issuer", $"is the issuer of '{names[issuer]}' as well; name several audiences at one instead");
        }
    }

    private IssuerClaims Claims(string name, IssuerOptions options, string path) => new(
        name, options,
        new(options.Actions, $"{path}:Actions", candidate.Actions, selections, mistakes),
        new(options.Networks, $"{path}:Networks", null, selections, mistakes),
        new(options.DeviceTypes, $"{path}:DeviceTypes", null, selections, mistakes),
        new(options.Devices, $"{path}:Devices", null, selections, mistakes),
        time);

    private IKeySource? Source(IssuerOptions options, string path, out string keyText)
    {
        keyText = "";
        if ((options.Authority is null) == (options.KeyFile is null))
        {
            mistakes.Error(path, "write exactly one of Authority and KeyFile");
            return null;
        }

        if (options.Authority is { } authority)
        {
            return AuthorityOf(authority, options.AllowInsecure, path);
        }

        try
        {
            var file = new FileInfo(options.KeyFile!);
            keyText = file.Length <= MaxKeyFileBytes ? File.ReadAllText(file.FullName) : "";
        }
        catch (Exception problem) when (problem is IOException or UnauthorizedAccessException or ArgumentException or NotSupportedException)
        {
            mistakes.Error($"{path}:KeyFile", $"can't be read ({problem.GetType().Name}): {options.KeyFile}");
            return null;
        }

        var keys = KeyFileParser.Parse(keyText, out var mistake);
        if (keys is null)
        {
            mistakes.Error($"{path}:KeyFile", mistake!);
            return null;
        }

        if (ours is not null && keys.All.Any(key => key.Fingerprints.Overlaps(ours.Fingerprints)))
        {
            mistakes.Error($"{path}:KeyFile", "holds a key that signs our own tokens (Broker:Issuing:SigningKeys); each has its own");
        }

        return new KeyFile(keys);
    }

    private Authority? AuthorityOf(string address, bool allowInsecure, string path)
    {
        if (!Uri.TryCreate(address, UriKind.Absolute, out var uri) || (uri.Scheme != Uri.UriSchemeHttps && uri.Scheme != Uri.UriSchemeHttp)
            || uri.UserInfo.Length > 0 || uri.Query.Length > 0 || uri.Fragment.Length > 0)
        {
            mistakes.Error($"{path}:Authority", "is no https address without user, query and fragment");
            return null;
        }

        if (uri.Scheme != Uri.UriSchemeHttps && !allowInsecure)
        {
            mistakes.Error($"{path}:Authority", "is not https: who changes the keys on the way is every caller; \"AllowInsecure\": true if it must be");
            return null;
        }

        return previous.Select(reader => reader.Source).OfType<Authority>()
                .FirstOrDefault(known => known.Address == address && known.AllowInsecure == allowInsecure)
            ?? new Authority(address, allowInsecure, client, time, log);
    }

    // The whole of its options, its key file, the actions there are, and the keys it must not hold.
    private string Fingerprint(string name, IssuerOptions options, string keyText)
    {
        var text = JsonSerializer.Serialize(new object?[]
        {
            name, options, keyText, candidate.Broker.Actions, ours?.Fingerprints.Order(StringComparer.Ordinal).ToArray(),
        });
        return Convert.ToHexString(SHA256.HashData(Encoding.UTF8.GetBytes(text)));
    }
}
