using Broker.Configuration;

namespace Broker.Credentials;

/// <summary>Judges the options of an external issuer, each by itself.</summary>
internal static class IssuerChecks
{
    public static void Check(IssuerOptions options, string path, ConfigErrors mistakes)
    {
        CheckAudience(options, path, mistakes);
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

        if (!new ClaimPath(options.NameClaim).IsWellFormed)
        {
            mistakes.Error($"{path}:NameClaim", "name the claim that names the caller, such as sub, or a JSON Pointer");
        }
    }

    private static void CheckAudience(IssuerOptions options, string path, ConfigErrors mistakes)
    {
        var audience = options.Audience ?? new();
        if (!new ClaimPath(audience.Claim).IsWellFormed)
        {
            mistakes.Error($"{path}:Audience:Claim", "name the claim that says whom a token is for, such as client_id, or a JSON Pointer");
        }

        if (audience.Check is { } word && (!word.Equals("none", StringComparison.OrdinalIgnoreCase) || audience.Claim != "aud"))
        {
            mistakes.Error($"{path}:Audience", "write either \"none\" or { \"Claim\": \"client_id\" }, or leave it out");
        }
        else if (audience.Check is not null && options.Audiences.Count > 0)
        {
            mistakes.Error($"{path}:Audiences", "has no meaning beside \"Audience\": \"none\"; take one of the two out");
        }
        else if (audience.Check is null && (options.Audiences.Count == 0 || options.Audiences.Any(string.IsNullOrWhiteSpace)))
        {
            mistakes.Error($"{path}:Audiences", "name at least one audience: a token for somebody else is not for us");
        }
        else if (audience.Check is not null)
        {
            mistakes.Warning($"{path}:Audience", "every access token of this issuer is accepted, whomever it was issued for");
        }
    }

    private static string Refused(string algorithm) =>
        algorithm.StartsWith("HS", StringComparison.OrdinalIgnoreCase)
            ? "a shared secret verifies no external issuer: whoever can verify could sign"
        : algorithm.Equals("none", StringComparison.OrdinalIgnoreCase) ? "an unsigned token is no credential"
        : $"'{Scalars.Short(algorithm)}' is not accepted; take RS256, PS256 or ES256, or one of their longer kin";
}
