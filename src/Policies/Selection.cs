using System.Collections.Frozen;

namespace Policies;

/// <summary>Everything, or exactly these names; the default is nothing. On the wire <c>"*"</c> is everything.</summary>
/// <remarks>Names are compared ordinally: an upstream that ignores case can only lead to a refusal here, never to a grant.</remarks>
public readonly struct Selection : IEquatable<Selection>
{
    /// <summary>The name that stands for everything.</summary>
    public const string Wildcard = "*";

    private readonly FrozenSet<string>? names;

    private Selection(bool everything, FrozenSet<string>? names)
    {
        IsEverything = everything;
        this.names = names;
    }

    /// <summary>The selection that holds no name.</summary>
    public static Selection Nothing => default;

    /// <summary>The selection that holds every name.</summary>
    public static Selection Everything => new(true, null);

    /// <summary>Whether every name is held.</summary>
    public bool IsEverything { get; }

    /// <summary>Whether no name is held.</summary>
    public bool IsNothing => !IsEverything && names is null;

    /// <summary>The names held, in ordinal order; empty when it is everything.</summary>
    public IEnumerable<string> Names => names is null ? [] : names.Order(StringComparer.Ordinal);

    /// <summary>Exactly these names, or everything when <c>"*"</c> is among them.</summary>
    /// <exception cref="ArgumentException">A name is empty: an upstream would read it as "no filter".</exception>
    public static Selection Of(params IEnumerable<string> names)
    {
        ArgumentNullException.ThrowIfNull(names);
        var set = new HashSet<string>(StringComparer.Ordinal);
        foreach (var name in names)
        {
            if (string.IsNullOrEmpty(name))
            {
                throw new ArgumentException("A selection cannot hold an empty name.", nameof(names));
            }

            set.Add(name);
        }

        return set.Contains(Wildcard) ? Everything : OfSet(set);
    }

    /// <summary>Whether this name is held. The wildcard itself, an empty name and null are held by nothing but everything.</summary>
    public bool Contains(string? name) => IsEverything || (names is not null && name is not null && names.Contains(name));

    /// <summary>Whether each name held here is held by <paramref name="other"/> as well.</summary>
    public bool IsWithin(Selection other)
    {
        if (other.IsEverything || IsNothing)
        {
            return true;
        }

        return !IsEverything && other.names is not null && names!.IsSubsetOf(other.names);
    }

    /// <summary>The names that both hold.</summary>
    public Selection Intersect(Selection other)
    {
        if (IsEverything)
        {
            return other;
        }

        if (other.IsEverything || IsNothing)
        {
            return this;
        }

        return other.IsNothing ? Nothing : OfSet([.. names!.Where(other.names!.Contains)]);
    }

    /// <inheritdoc/>
    public bool Equals(Selection other) => IsWithin(other) && other.IsWithin(this);

    /// <inheritdoc/>
    public override bool Equals(object? obj) => obj is Selection other && Equals(other);

    /// <inheritdoc/>
    public override int GetHashCode()
    {
        var hash = IsEverything ? 1 : 0;
        foreach (var name in names ?? FrozenSet<string>.Empty)
        {
            hash ^= StringComparer.Ordinal.GetHashCode(name); // the order of a set means nothing
        }

        return hash;
    }

    /// <summary>Whether both hold the same names.</summary>
    public static bool operator ==(Selection left, Selection right) => left.Equals(right);

    /// <summary>Whether the two differ in a name.</summary>
    public static bool operator !=(Selection left, Selection right) => !left.Equals(right);

    /// <summary>The names for a person to read: <c>*</c>, <c>nothing</c>, or the names with commas.</summary>
    public override string ToString() =>
        IsEverything ? Wildcard
        : IsNothing ? "nothing"
        : string.Join(",", Names);

    private static Selection OfSet(HashSet<string> set) => set.Count == 0 ? Nothing : new(false, set.ToFrozenSet(StringComparer.Ordinal));
}
