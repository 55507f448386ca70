using Broker.Configuration;

namespace Broker.UpstreamTokens;

/// <summary>What decides an account's tokens, and how its cells come about.</summary>
internal sealed class AccountPlan(TokenCellRegistry vault, long version, string upstream, string name) : ICellFinder
{
    private static readonly Dictionary<string, string> NoValues = [];

    public required string Kind { get; init; }

    public required Uri Endpoint { get; init; }

    public required CellTimes Times { get; init; }

    public required IReadOnlyList<LoginWindowOptions> Logins { get; init; }

    /// <summary>Every text that may be a template; the first ones name who logs in.</summary>
    public required IReadOnlyList<Template> Templates { get; init; }

    /// <summary>How many of <see cref="Templates"/> name who logs in.</summary>
    public required int IdentityTemplates { get; init; }

    /// <summary>What names who logs in besides.</summary>
    public IReadOnlyList<string?> IdentityParts { get; init; } = [];

    /// <summary>What names the upstream's user besides, where that is something else.</summary>
    public IReadOnlyList<string?>? UserParts { private get; init; }

    /// <summary>What the templates stand for, behind those that name who logs in: parameters and headers.</summary>
    public IReadOnlyList<string> TemplateKeys { private get; init; } = [];

    public required IReadOnlyList<string?> Secrets { get; init; }

    /// <summary>All else that decides the token: scopes, audience, grant, names of parameters.</summary>
    public IReadOnlyList<string?> Others { get; init; } = [];

    /// <summary>What stands before the token in Authorization.</summary>
    public string Scheme { get; init; } = "Bearer";

    public bool IsOnlyOne { get; init; }

    /// <summary>Whether the pair is the identity's, whatever upstream and account of the config ask for it.</summary>
    public bool IsPairOfIdentity { get; init; }

    public string? Keep { get; init; }

    /// <summary>Whether a rendered text may stand where it will; a header takes less than a form.</summary>
    public Func<IReadOnlyList<string>, bool> Accepts { get; init; } = _ => true;

    /// <summary>The source for one caller's rendered texts, in the order of <see cref="Templates"/>.</summary>
    public required Func<IReadOnlyList<string>, ITokenSource> Source { get; init; }

    /// <summary>The template values that its cells differ by.</summary>
    public IReadOnlyList<string> TemplateNames => [.. Templates.SelectMany(template => template.Names).Distinct()];

    /// <summary>The account in the table of upstreams.</summary>
    public Account Account =>
        new()
        {
            Upstream = upstream,
            Name = name,
            TemplateNames = TemplateNames,
            TokenHeader = "Authorization",
            TokenQuery = null,
            User = new()
            {
                // A secret that is not there is blank in a config that is only checked: no two of them are known to be one.
                Scope = vault.Names.Name([
                    "user",
                    Kind,
                    Endpoint.AbsoluteUri,
                    .. (UserParts ?? IdentityParts).Select(part => part == "" ? $"{upstream}:{name}" : part),
                ]),
                Logins = [.. Templates.Take(IdentityTemplates)],
                Others = TemplateKeys.Zip(Templates.Skip(IdentityTemplates)).ToDictionary(pair => pair.First, pair => pair.Second),
            },
            Finder = this,
        };

    /// <summary>Who logs in, where no template decides it.</summary>
    public OpaqueName? FixedIdentity =>
        TemplateNames.Count > 0 ? null : IdentityOf([.. Templates.Select(template => template.Render(NoValues)!)]);

    /// <summary>The name of the secrets, and of all else that decides the token.</summary>
    public OpaqueName FingerprintName => vault.Names.Name(["fingerprint", .. Counted(Secrets), .. Others]);

    private string Fixed =>
        field ??= vault.Names.Digest([
            Kind,
            Endpoint.AbsoluteUri,
            IsPairOfIdentity ? null : upstream,
            IsPairOfIdentity ? null : name,
            .. Counted(IdentityParts),
            .. Counted(Secrets),
            .. Counted(Others),
        ]);

    public TokenCell? Find(IReadOnlyDictionary<string, string> values)
    {
        var rendered = new string[Templates.Count];
        for (var i = 0; i < rendered.Length; i++)
        {
            if (Templates[i].Render(values) is not { } text)
            {
                return null;
            }
            rendered[i] = text;
        }
        return Accepts(rendered) ? vault.Find(vault.Names.Name(["cell", Fixed, .. rendered]), version, () => Plan(rendered)) : null;
    }

    private static string?[] Counted(IReadOnlyList<string?> parts) => [$"{parts.Count}", .. parts];

    /// <summary>Who logs in. What a caller brings makes it another one, so that nobody is held up by what another brought.</summary>
    private OpaqueName IdentityOf(string[] rendered) =>
        vault.Names.Name([
            "identity",
            Kind,
            Endpoint.AbsoluteUri,
            .. Counted(IdentityParts),
            .. rendered[..IdentityTemplates],
            .. IsOnlyOne ? [] : Brought(rendered),
        ]);

    /// <summary>What templates made of the caller's values behind those that name who logs in, each with its key.</summary>
    private IEnumerable<string> Brought(string[] rendered) =>
        Enumerable
            .Range(IdentityTemplates, rendered.Length - IdentityTemplates)
            .Where(i => Templates[i].Names.Count > 0)
            .SelectMany(i => new[] { TemplateKeys[i - IdentityTemplates], rendered[i] });

    /// <summary>
    /// The windows as they count: an account without templates is one user, and one user of several has at most half of what it shares.
    /// </summary>
    private IReadOnlyList<LoginWindowOptions> Windows =>
        TemplateNames.Count == 0
            ? [.. Logins.Select(window => window.Scope == LoginScope.User ? window with { Scope = LoginScope.Account } : window)]
            :
            [
                .. Logins,
                .. Logins
                    .Where(window => window.Scope != LoginScope.User)
                    .Select(window =>
                        window with
                        {
                            Scope = LoginScope.User,
                            Permit = Math.Max(Math.Min(window.Permit, 2), window.Permit / 2),
                        }
                    ),
            ];

    private CellPlan Plan(string[] rendered) =>
        new()
        {
            Upstream = upstream,
            Account = name,
            Source = Source(rendered),
            Times = Times,
            Logins = Windows,
            Endpoint = vault.Names.Name("endpoint", Endpoint.AbsoluteUri),
            EndpointOrigin = TokenLog.OriginOf(Endpoint),
            Identity = IdentityOf(rendered),
            OfAllUsers =
                TemplateNames.Count == 0
                    ? default
                    : vault.Names.Name([
                        "account",
                        Kind,
                        Endpoint.AbsoluteUri,
                        .. Counted(IdentityParts),
                        .. Templates.Select(template => $"{template}"),
                        .. TemplateKeys,
                    ]),
            Fingerprint = vault.Names.Name(["secrets", .. Secrets, .. Brought(rendered)]),
            IsOnlyOne = IsOnlyOne,
            RefreshTokenFile = Keep,
            Scheme = Scheme,
            Version = version,
        };
}
