namespace Broker.Configuration;

/// <summary>Judges external issuers and our own issuing.</summary>
internal sealed class IssuerChecks(BrokerOptions broker, SelectionChecks selections, AccountChecks accounts, Mistakes mistakes)
{
    private static readonly string[] Algorithms = ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512"];

    // Sources of an identity that are ours: key:dashboard, user:17, token:dashboard.
    private static readonly string[] ReservedNames = ["key", "user", "token"];

    private static readonly TimeSpan LargestSkew = TimeSpan.FromMinutes(10);

    private readonly Dictionary<string, string> issuers = new(StringComparer.Ordinal);

    public void Check()
    {
        if (broker.Issuing is { } issuing)
        {
            Issuing(issuing);
        }

        foreach (var (name, issuer) in broker.Issuers)
        {
            var path = $"Broker:Issuers:{name}";
            if (ReservedNames.Contains(name, StringComparer.OrdinalIgnoreCase))
            {
                mistakes.Error(path, $"the name is taken: {string.Join(", ", ReservedNames)} are sources of the broker's own");
            }

            Keys(issuer, path);
            Tokens(issuer, path);
            Dimension(issuer.Actions, $"{path}:Actions", areActions: true);
            Dimension(issuer.Networks, $"{path}:Networks");
            Dimension(issuer.DeviceTypes, $"{path}:DeviceTypes");
            Dimension(issuer.Devices, $"{path}:Devices");
            accounts.Check(issuer.Accounts, $"{path}:Accounts");
        }
    }

    private void Issuing(IssuingOptions issuing)
    {
        const string Path = "Broker:Issuing";
        NotBlank(issuing.Issuer, $"{Path}:Issuer");
        NotBlank(issuing.Audience, $"{Path}:Audience");
        issuers[issuing.Issuer] = $"{Path}:Issuer";
        if (issuing.SigningKeys.Count == 0)
        {
            mistakes.Error($"{Path}:SigningKeys", "at least one key is needed: the first signs");
        }

        if (issuing.AccessLifetime < TimeSpan.FromSeconds(1))
        {
            mistakes.Error($"{Path}:AccessLifetime", "at least a second");
        }
    }

    private void Keys(IssuerOptions issuer, string path)
    {
        if (issuer.Authority is null == issuer.KeyFile is null)
        {
            mistakes.Error(path, "exactly one of Authority and KeyFile says where the issuer's keys come from");
        }

        if (issuer.Authority is { } authority)
        {
            Urls.Check(authority, $"{path}:Authority", issuer.AllowInsecure, mistakes);
        }
        else if (issuer.KeyFile is not null && issuer.Issuer is null)
        {
            mistakes.Error($"{path}:Issuer", "is required with KeyFile: nothing else says which 'iss' its tokens have");
        }

        // 'iss' picks one verifier, and only its keys.
        if ((issuer.Issuer ?? issuer.Authority) is { } iss && !issuers.TryAdd(iss, path))
        {
            mistakes.Error(path, $"has the same 'iss' as {issuers[iss]}: it would not say whose keys verify a token");
        }
    }

    private void Tokens(IssuerOptions issuer, string path)
    {
        if (issuer.Audiences.Count == 0)
        {
            mistakes.Error($"{path}:Audiences", "at least one: a token for somebody else must not pass here");
        }

        Each(issuer.Audiences, $"{path}:Audiences");
        Each(issuer.Types, $"{path}:Types");
        NotBlank(issuer.NameClaim, $"{path}:NameClaim");
        if (issuer.Algorithms.Count == 0)
        {
            mistakes.Error($"{path}:Algorithms", "at least one");
        }

        for (var i = 0; i < issuer.Algorithms.Count; i++)
        {
            if (!Algorithms.Contains(issuer.Algorithms[i]))
            {
                mistakes.Error($"{path}:Algorithms:{i}", Refused(issuer.Algorithms[i]));
            }
        }

        if (issuer.ClockSkew > LargestSkew)
        {
            mistakes.Error($"{path}:ClockSkew", "ten minutes at most");
        }
    }

    private static string Refused(string algorithm) =>
        algorithm.StartsWith("HS", StringComparison.OrdinalIgnoreCase) ? "a shared secret verifies no external issuer: whoever can verify could sign"
        : algorithm.Equals("none", StringComparison.OrdinalIgnoreCase) ? "an unsigned token is no credential"
        : $"one of {string.Join(", ", Algorithms)}";

    private void Dimension(ClaimOptions dimension, string path, bool areActions = false)
    {
        if (dimension.Claim is null == dimension.Const is null)
        {
            mistakes.Error(path, "exactly one of Claim and Const");
        }

        if (dimension is { Map: not null, Claim: null })
        {
            mistakes.Error($"{path}:Map", "a map stands for the values of a Claim");
        }

        if (dimension.Claim is { } claim)
        {
            NotBlank(claim, $"{path}:Claim");
        }

        Selection(dimension.Const ?? [], $"{path}:Const", areActions);
        foreach (var (value, names) in dimension.Map ?? new Dictionary<string, IReadOnlyList<string>>())
        {
            Selection(names, $"{path}:Map:{value}", areActions);
        }
    }

    private void Selection(IReadOnlyList<string> names, string path, bool areActions)
    {
        if (areActions)
        {
            selections.Actions(names, path);
        }
        else
        {
            selections.Names(names, path);
        }
    }

    private void Each(IReadOnlyList<string> values, string path)
    {
        for (var i = 0; i < values.Count; i++)
        {
            NotBlank(values[i], $"{path}:{i}");
        }
    }

    private void NotBlank(string value, string path)
    {
        if (string.IsNullOrWhiteSpace(value))
        {
            mistakes.Error(path, "cannot be empty");
        }
    }
}
