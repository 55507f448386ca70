namespace Broker.Credentials;

/// <summary>The keys of an external issuer at one moment, and what its discovery document calls it.</summary>
internal sealed class IssuerKeys(string? issuer, IReadOnlyList<IssuerKey> keys)
{
    // Keys that an id does not tell apart are tried one after the other: so many, whatever a key set holds.
    private const int MostTries = 8;

    public string? Issuer { get; } = issuer;

    /// <summary>The keys that verify.</summary>
    public IReadOnlyList<IssuerKey> All { get; } = [.. keys.Where(key => !key.IsWeak)];

    /// <summary>The keys that verify nothing, since anybody could sign with them (CVE-2017-15361).</summary>
    public IReadOnlyList<IssuerKey> Weak { get; } = [.. keys.Where(key => key.IsWeak)];

    /// <summary>
    /// The keys that may have signed: those with the token's id, else those without an id. Where the token has no id, all.
    /// </summary>
    /// <remarks>An issuer that changes its key under one id lists both for a while, so that one id can be two keys.</remarks>
    public IReadOnlyList<IssuerKey> Candidates(string? keyId, string algorithm)
    {
        var fitting = All.Where(key => key.Fits(algorithm)).ToArray();
        var named = keyId is null ? fitting : Array.FindAll(fitting, key => key.Id == keyId);
        var chosen = named.Length > 0 ? named : Array.FindAll(fitting, key => key.Id is null);
        return chosen.Length < 2 ? chosen : [.. chosen.DistinctBy(key => key.Material).Take(MostTries)];
    }

    /// <summary>Whether these are the same keys under the same names.</summary>
    public bool AreSameAs(IssuerKeys other) => Issuer == other.Issuer && All.Select(Name).SequenceEqual(other.All.Select(Name));

    /// <summary>Without the keys that play another role.</summary>
    public IssuerKeys Without(IReadOnlySet<string> fingerprints) =>
        new(Issuer, [.. All.Where(key => !key.Fingerprints.Overlaps(fingerprints))]);

    private static (string? Id, string? Algorithm, string Material) Name(IssuerKey key) => (key.Id, key.Algorithm, key.Material);
}

/// <summary>Where an external issuer's keys come from.</summary>
internal interface IKeySource
{
    /// <summary>The keys known now, at once; null when none were ever had.</summary>
    IssuerKeys? Known { get; }

    /// <summary>Newer keys than these, if the source may be asked again now; else those known.</summary>
    ValueTask<IssuerKeys?> Newer(IssuerKeys? seen, CancellationToken cancellation);
}

/// <summary>Keys from a file, as it was when the config was read.</summary>
internal sealed class KeyFile(IssuerKeys keys) : IKeySource
{
    public IssuerKeys? Known => keys;

    public ValueTask<IssuerKeys?> Newer(IssuerKeys? seen, CancellationToken cancellation) => new(keys);
}
