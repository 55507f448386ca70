using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using Broker.Configuration;

namespace Broker.Credentials;

/// <summary>Compiles the external issuers of a config; one that is as before is taken over with the keys it fetched.</summary>
internal sealed class IssuerCompiler(
    Snapshot candidate,
    SelectionReader selections,
    ConfigErrors mistakes,
    SigningKeys? ours,
    IReadOnlyList<IssuerReader> previous,
    HttpClient client,
    TimeProvider time,
    ILogger log
)
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

        IssuerChecks.Check(options, path, mistakes);
        CheckIssuer(name, options, path);
        var claims = Claims(name, options, path);
        var source = Source(options, path, out var keyText);
        if (source is null)
        {
            return null;
        }

        var fingerprint = Fingerprint(name, options, keyText);
        return previous.FirstOrDefault(reader => reader.Fingerprint == fingerprint)
            ?? new IssuerReader(name, options, claims, source, ours?.Fingerprints ?? new HashSet<string>(), fingerprint);
    }

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
                "is the issuer of our own tokens (Broker:Issuing:Issuer, else Broker:TokenService:PublicUrl, else 'broker'); each "
                    + "has its own"
            );
        }
        else if (!names.TryAdd(issuer, name))
        {
            mistakes.Error($"{path}:Issuer", $"is the issuer of '{names[issuer]}' as well; name several audiences at one instead");
        }
    }

    private IssuerClaims Claims(string name, IssuerOptions options, string path) =>
        new(
            name,
            options,
            new(options.Actions, $"{path}:Actions", candidate.Actions, selections, mistakes),
            new(options.Networks, $"{path}:Networks", null, selections, mistakes),
            new(options.DeviceTypes, $"{path}:DeviceTypes", null, selections, mistakes),
            new(options.Devices, $"{path}:Devices", null, selections, mistakes),
            time
        );

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
        if (
            !Uri.TryCreate(address, UriKind.Absolute, out var uri)
            || (uri.Scheme != Uri.UriSchemeHttps && uri.Scheme != Uri.UriSchemeHttp)
            || uri.UserInfo.Length > 0
            || uri.Query.Length > 0
            || uri.Fragment.Length > 0
        )
        {
            mistakes.Error($"{path}:Authority", "is no https address without user, query and fragment");
            return null;
        }

        if (uri.Scheme != Uri.UriSchemeHttps && !allowInsecure)
        {
            mistakes.Error(
                $"{path}:Authority",
                "is not https: who changes the keys on the way is every caller; \"AllowInsecure\": true if it must be"
            );
            return null;
        }

        return previous
            .Select(reader => reader.Source)
            .OfType<Authority>()
            .FirstOrDefault(known => known.Address == address && known.AllowInsecure == allowInsecure)
            ?? new Authority(address, allowInsecure, client, time, log);
    }

    // The whole of its options, its key file, the actions there are, and the keys it must not hold.
    private string Fingerprint(string name, IssuerOptions options, string keyText)
    {
        var text = JsonSerializer.Serialize(
            new object?[] { name, options, keyText, candidate.Broker.Actions, ours?.Fingerprints.Order(StringComparer.Ordinal).ToArray() }
        );
        return Convert.ToHexString(SHA256.HashData(Encoding.UTF8.GetBytes(text)));
    }
}
