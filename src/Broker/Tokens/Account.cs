using Broker.Configuration;
using Broker.Tokens.Sources;

namespace Broker.Tokens;

/// <summary>One of our identities at an upstream, as a snapshot has it; a template is one identity for each caller.</summary>
internal sealed class Account
{
    private volatile TokenCell? only;

    public required string Upstream { get; init; }

    public required string Name { get; init; }

    /// <summary>The template values it needs (<c>user</c>, <c>corp:sub</c>); empty when it is the same for every caller.</summary>
    public required IReadOnlyList<string> TemplateNames { get; init; }

    /// <summary>The header in which its tokens stand, or null: what the caller sends there must not cross.</summary>
    public required string? TokenHeader { get; init; }

    /// <summary>The query name in which its tokens stand, or null.</summary>
    public required string? TokenQuery { get; init; }

    /// <summary>Where its cell comes from.</summary>
    public required ICellFinder Finder { private get; init; }

    /// <summary>The cell that holds its token; null when a template value is missing or empty.</summary>
    public TokenCell? Cell(IReadOnlyDictionary<string, string> templateValues)
    {
        if (TemplateNames.Count > 0)
        {
            return Finder.Find(templateValues);
        }
        var known = only;
        return known is { IsGone: false } ? known : only = Finder.Find(templateValues);
    }
}

/// <summary>Finds an account's cell.</summary>
internal interface ICellFinder
{
    TokenCell? Find(IReadOnlyDictionary<string, string> values);
}

/// <summary>The one cell of a fixed value.</summary>
internal sealed class FixedCell(TokenCell cell) : ICellFinder
{
    public TokenCell? Find(IReadOnlyDictionary<string, string> values) => cell;
}

/// <summary>What decides an account's tokens, and how its cells come about.</summary>
internal sealed class AccountPlan(TokenVault vault, long version, string upstream, string name) : ICellFinder
{
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

    public required IReadOnlyList<string?> Secrets { get; init; }

    /// <summary>All else that decides the token: scopes, audience, grant, names of parameters.</summary>
    public IReadOnlyList<string?> Others { get; init; } = [];

    public bool IsOnlyOne { get; init; }

    /// <summary>Whether the pair is the identity's, whatever upstream and account of the config ask for it.</summary>
    public bool IsPairOfIdentity { get; init; }

    public string? Keep { get; init; }

    /// <summary>Whether a rendered text may stand where it will; a header takes less than a form.</summary>
    public Func<IReadOnlyList<string>, bool> Accepts { get; init; } = _ => true;

    /// <summary>The source for one caller's rendered texts, in the order of <see cref="Templates"/>.</summary>
    public required Func<IReadOnlyList<string>, ITokenSource> Source { get; init; }

    private string Fixed => field ??= vault.Names.Digest(
        [Kind, Endpoint.AbsoluteUri, IsPairOfIdentity ? null : upstream, IsPairOfIdentity ? null : name, .. Counted(IdentityParts), .. Counted(Secrets), .. Counted(Others)]);

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

    private CellPlan Plan(string[] rendered) => new()
    {
        Upstream = upstream,
        Account = name,
        Source = Source(rendered),
        Times = Times,
        Logins = Logins,
        Endpoint = vault.Names.Name("endpoint", Endpoint.AbsoluteUri),
        Identity = vault.Names.Name(["identity", Kind, Endpoint.AbsoluteUri, .. Counted(IdentityParts), .. rendered[..IdentityTemplates]]),
        Fingerprint = vault.Names.Name(["fingerprint", .. Secrets]),
        IsOnlyOne = IsOnlyOne,
        Keep = Keep,
        Version = version,
    };
}
