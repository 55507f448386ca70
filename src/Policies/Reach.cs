namespace Policies;

/// <summary>What a request reaches in one dimension: all of it (the default), exactly these ids, or nothing.</summary>
/// <remarks>The default demands the most, so that a forgotten dimension refuses.</remarks>
public readonly struct Reach : IEquatable<Reach>
{
    private readonly bool notDemanded;
    private readonly string? id;
    private readonly IReadOnlyList<string>? ids;

    private Reach(bool notDemanded, string? id, IReadOnlyList<string>? ids)
    {
        this.notDemanded = notDemanded;
        this.id = id;
        this.ids = ids;
    }

    /// <summary>The whole dimension: only everything permits it.</summary>
    public static Reach All => default;

    /// <summary>The dimension plays no part in the demand.</summary>
    public static Reach Nothing => new(true, null, null);

    /// <summary>One id.</summary>
    public static Reach One(string id) => new(false, Checked(id), null);

    /// <summary>Several ids, each of which must be permitted.</summary>
    /// <exception cref="ArgumentException">There is none, or one is empty: an upstream would read that as "no filter".</exception>
    public static Reach These(IReadOnlyList<string> ids)
    {
        ArgumentNullException.ThrowIfNull(ids);
        if (ids.Count == 0)
        {
            throw new ArgumentException("No ids are not a demand.", nameof(ids));
        }

        foreach (var id in ids)
        {
            Checked(id);
        }

        return ids.Count == 1 ? One(ids[0]) : new(false, null, [.. ids]);
    }

    /// <summary>The ids that are reached by name; none where all of the dimension is reached, or nothing of it.</summary>
    public IReadOnlyList<string> Ids => id is not null ? [id] : ids ?? [];

    /// <summary>Whether the selection permits all that is reached.</summary>
    public bool IsWithin(in Selection selection)
    {
        if (notDemanded || selection.IsEverything)
        {
            return true;
        }

        if (id is not null)
        {
            return selection.Contains(id);
        }

        if (ids is null)
        {
            return false;
        }

        for (var i = 0; i < ids.Count; i++)
        {
            if (!selection.Contains(ids[i]))
            {
                return false;
            }
        }

        return true;
    }

    /// <inheritdoc/>
    public bool Equals(Reach other) =>
        notDemanded == other.notDemanded
        && id == other.id
        && (ids is null ? other.ids is null : other.ids is not null && ids.SequenceEqual(other.ids, StringComparer.Ordinal));

    /// <inheritdoc/>
    public override bool Equals(object? obj) => obj is Reach other && Equals(other);

    /// <inheritdoc/>
    public override int GetHashCode() => ToString().GetHashCode(StringComparison.Ordinal);

    /// <summary>Whether both reach the same.</summary>
    public static bool operator ==(Reach left, Reach right) => left.Equals(right);

    /// <summary>Whether the two differ.</summary>
    public static bool operator !=(Reach left, Reach right) => !left.Equals(right);

    /// <summary>For a person to read: <c>all</c>, <c>nothing</c>, or the ids with commas.</summary>
    public override string ToString() => notDemanded ? "nothing" : id ?? (ids is null ? "all" : string.Join(",", ids));

    private static string Checked(string id) =>
        string.IsNullOrEmpty(id) ? throw new ArgumentException("An empty id is not a demand.", nameof(id)) : id;
}
