using Broker.Configuration;

namespace Broker.Credentials;

/// <summary>
/// Compiles the signing keys of a config; unchanged ones are taken over, so that tokens verified under them stay verified.
/// </summary>
internal static class SigningKeyCompiler
{
    private const string Path = "Broker:Issuing";

    public static SigningKeys? Compile(BrokerOptions broker, SigningKeys? previous, ConfigErrors mistakes)
    {
        if (broker.Issuing is not { } options)
        {
            return null;
        }

        if (options.Issuer?.Trim().Length == 0 || string.IsNullOrWhiteSpace(options.Audience))
        {
            mistakes.Error(Path, "Issuer and Audience can't be empty");
        }

        if (options.AccessLifetime < TimeSpan.FromSeconds(1) || options.AccessLifetime > RevocationList.LongestOfAll)
        {
            mistakes.Error($"{Path}:AccessLifetime", "between a second and ten years");
        }

        if (options.SigningKeys.Count == 0)
        {
            mistakes.Error($"{Path}:SigningKeys", "name at least one key: the first signs");
            return null;
        }

        var keys = new SigningKeys(options, Urls.PublicIssuer(broker.TokenService?.PublicUrl), Parse(options, mistakes));
        return previous?.IsSameAs(keys) == true ? previous : keys;
    }

    private static List<SigningKey> Parse(IssuingOptions options, ConfigErrors mistakes)
    {
        var keys = new List<SigningKey>();
        foreach (var (id, key) in options.SigningKeys)
        {
            var path = $"{Path}:SigningKeys:{id}";
            if (key.Key.Reveal().Trim().Length == 0)
            {
                mistakes.Warning($"{path}:Key", $"{key.Key.Source} is empty: nothing is signed or verified with it");
                continue;
            }

            if (SigningKeyParser.Parse(id, key, out var mistake) is not { } parsed)
            {
                mistakes.Error($"{path}:Key", mistake!);
                continue;
            }

            // The same bytes under two ids could be taken for one algorithm's key and for another's.
            if (keys.Find(other => other.Fingerprints.Overlaps(parsed.Fingerprints)) is { } same)
            {
                mistakes.Error($"{path}:Key", $"is the key of '{same.Id}' as well; each id has its own");
            }

            if (!parsed.CanSign && id == options.SigningKeys.First().Key)
            {
                mistakes.Error($"{path}:Key", "is a public key, but the first key signs; put a private one first");
            }

            keys.Add(parsed);
        }

        return keys;
    }
}
