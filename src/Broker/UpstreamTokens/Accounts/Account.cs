namespace Broker.UpstreamTokens;

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

    /// <summary>Who logs in at the upstream: two accounts may be one user there.</summary>
    public required AccountUser User { get; init; }

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
