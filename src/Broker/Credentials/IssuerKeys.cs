namespace Broker.Credentials;

/// <summary>The keys of an external issuer at one moment, and what its discovery document calls it.</summary>
internal sealed class IssuerKeys(string? issuer, IReadOnlyList<IssuerKey> keys)
{
    // Keys without an id are tried one after the other: so many, whatever a key set holds.
    private const int MostTries = 4;

    public string? Issuer { get; } = issuer;

    /// <summary>The keys that verify.</summary>
    public IReadOnlyList<IssuerKey> All { get; } = [.. keys.Where(key => !key.IsWeak)];

    /// <summary>The keys that verify nothing, since anybody could sign with them (CVE-2017-15361).</summary>
    public IReadOnlyList<IssuerKey> Weak { get; } = [.. keys.Where(key => key.IsWeak)];

    /// <summary>The keys that may have signed: the one with the token's id, else those without an id; without an id in the token, the only key.</summary>
    public IReadOnlyList<IssuerKey> Candidates(string? keyId, string algorithm)
    {
        var fitting = All.Where(key => key.Fits(algorithm)).ToArray();
        var named = keyId is null ? [] : fitting.Where(key => key.Id == keyId).ToArray();
        if (named.Length > 0)
        {
            return named.Length == 1 ? named : []; // two keys under one id pick none
        }

        return keyId is null && fitting.Length == 1 ? fitting : [.. fitting.Where(key => key.Id is null).Take(MostTries)];
    }

    /// <summary>Without the keys that play another role.</summary>
    public IssuerKeys Without(IReadOnlySet<string> fingerprints) =>
        new(Issuer, [.. All.Where(key => !key.Fingerprints.Overlaps(fingerprints))]);
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
