using System.Collections.Frozen;
using Broker.Configuration;

namespace Broker.Credentials;

/// <summary>Who issues our own tokens, for whom, and the keys: the first signs, all verify.</summary>
internal sealed class SigningKeys(IssuingOptions options, string? publicIssuer, IReadOnlyList<SigningKey> keys)
{
    private const string NamelessIssuer = "broker";

    private readonly bool isNameless = options.Issuer is null;
    private readonly FrozenDictionary<string, SigningKey> byId = keys.ToFrozenDictionary(key => key.Id, StringComparer.Ordinal);

    /// <summary>As the config says; else as the token service's metadata say, so that who reads those accepts the tokens.</summary>
    public string Issuer { get; } = options.Issuer ?? publicIssuer ?? NamelessIssuer;

    public string Audience { get; } = options.Audience;

    public TimeSpan AccessLifetime { get; } = options.AccessLifetime;

    /// <summary>Signs; null when its secret was missing.</summary>
    public SigningKey? Signer { get; } = keys.Count > 0 && keys[0].Id == options.SigningKeys.First().Key ? keys[0] : null;

    /// <summary>Digests of all of them, none of which may be an external issuer's.</summary>
    public IReadOnlySet<string> Fingerprints { get; } = keys.SelectMany(key => key.Fingerprints).ToFrozenSet(StringComparer.Ordinal);

    /// <summary>All of them, the signer first.</summary>
    public IReadOnlyList<SigningKey> All => keys;

    /// <summary>
    /// Whether a token with this <c>iss</c> can be ours. Where the config names no issuer, so can one from the time before there was a
    /// public address.
    /// </summary>
    public bool IsIssuer(string issuer) => issuer == Issuer || (isNameless && issuer == NamelessIssuer);

    public SigningKey? Find(string id) => byId.GetValueOrDefault(id);

    /// <summary>Whether a token verified under one is verified under the other: same names, same keys.</summary>
    public bool IsSameAs(SigningKeys other) =>
        (Issuer, isNameless, Audience) == (other.Issuer, other.isNameless, other.Audience)
        && Signer?.Id == other.Signer?.Id
        && AccessLifetime == other.AccessLifetime
        && byId.Count == other.byId.Count
        && byId.Values.All(key =>
            other.Find(key.Id) is { } same
            && same.Algorithm == key.Algorithm
            && same.CanSign == key.CanSign
            && same.Fingerprints.SetEquals(key.Fingerprints)
        );
}
