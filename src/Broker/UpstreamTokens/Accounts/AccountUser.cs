namespace Broker.UpstreamTokens;

/// <summary>Who an account is at the upstream, as far as the config tells: what counts where an account must be one caller's own.</summary>
internal sealed class AccountUser
{
    private static readonly Dictionary<string, string> NoValues = [];

    /// <summary>Where it logs in, and with what besides: users of two scopes are two.</summary>
    public required OpaqueName Scope { get; init; }

    /// <summary>The texts that name who logs in.</summary>
    public required IReadOnlyList<Template> Logins { get; init; }

    /// <summary>Parameters and headers of the login: they tell two users apart only where one of them has holes.</summary>
    public required IReadOnlyDictionary<string, Template> Others { get; init; }

    /// <summary>Whether parameters or headers name the caller.</summary>
    public bool HasHolesBesides => Others.Values.Any(template => template.Names.Count > 0);

    /// <summary>The user of one caller, its holes filled; null when a value is missing.</summary>
    public AccountUser? For(IReadOnlyDictionary<string, string> values)
    {
        var logins = Logins.Select(template => template.Render(values)).ToList();
        var others = Others.ToDictionary(pair => pair.Key, pair => pair.Value.Render(values));
        return logins.Contains(null) || others.ContainsValue(null)
            ? null
            : new()
            {
                Scope = Scope,
                Logins = [.. logins.Select(login => Template.Of(login!))],
                Others = others.ToDictionary(pair => pair.Key, pair => Template.Of(pair.Value!)),
            };
    }

    /// <summary>Whether the two are written alike: then two callers of one source are two users.</summary>
    public bool IsWrittenAs(AccountUser other) => Scope == other.Scope && $"{this}" == $"{other}";

    /// <summary>Whether the two may be one user, for some callers.</summary>
    public bool MayMeet(AccountUser other)
    {
        if (
            Scope != other.Scope
            || Logins.Count != other.Logins.Count
            || !Logins.Zip(other.Logins).All(pair => pair.First.MayMeet(pair.Second))
        )
        {
            return false;
        }
        return (!HasHolesBesides && !other.HasHolesBesides)
            || (
                Others.Count == other.Others.Count
                && Others.All(pair => other.Others.TryGetValue(pair.Key, out var text) && pair.Value.MayMeet(text))
            );
    }

    /// <summary>
    /// Under which names a user without holes is looked for: by who logs in, where nothing else can tell two apart, and by all of it.
    /// </summary>
    public IEnumerable<string> Keys(bool hadHolesBesides)
    {
        // Upstreams may take Alice for alice.
        var login =
            $"{Scope.A:x}{Scope.B:x}{Scope.C:x}{Scope.D:x}" + Counted(Logins.Select(text => text.Render(NoValues)!.ToUpperInvariant()));
        return hadHolesBesides ? [login + Rest] : [login, login + Rest];
    }

    public override string ToString() => Counted(Logins.Select(text => $"{text}")) + Rest;

    private string Rest =>
        Counted(Others.OrderBy(pair => pair.Key, StringComparer.Ordinal).SelectMany(pair => new[] { pair.Key, $"{pair.Value}" }));

    private static string Counted(IEnumerable<string> parts) => string.Concat(parts.Select(part => $"|{part.Length}:{part}"));
}
