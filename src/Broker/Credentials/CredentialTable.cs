using System.Net;
using Microsoft.AspNetCore.Http;

namespace Broker.Credentials;

/// <summary>Every credential that a snapshot accepts, and how to read it.</summary>
internal sealed class CredentialTable(
    CallerTable callers,
    ApiKeyReader apiKeys,
    BasicReader basic,
    BearerReader bearer,
    TokenReader? tokens,
    SigningKeys? keys,
    IReadOnlyList<IssuerReader> issuers,
    CredentialShared shared,
    TrustedProxies proxies
)
{
    private const string BearerScheme = "Bearer";
    private const string BasicScheme = "Basic";
    private const string ApiKeyScheme = "ApiKey";

    /// <summary>Headers that can carry a credential; they never cross to an upstream.</summary>
    public static IReadOnlyList<string> HeaderNames { get; } = ["Authorization", ApiKeyReader.Header];

    /// <summary>Our own tokens' issuer, audience and keys; null when the config issues none.</summary>
    public SigningKeys? Keys { get; } = keys;

    /// <summary>Reads tokens of ours of any use; null when the config issues none.</summary>
    public TokenReader? Tokens { get; } = tokens;

    /// <summary>The external issuers.</summary>
    public IReadOnlyList<IssuerReader> Issuers { get; } = issuers;

    /// <summary>What outlives a reload.</summary>
    public CredentialShared Shared { get; } = shared;

    /// <summary>Whose word about where a request comes from counts.</summary>
    public TrustedProxies Proxies { get; } = proxies;

    /// <summary>Who asks? Completes at once for a credential that was verified a moment ago.</summary>
    /// <remarks>Looks at headers only. Where a browser shows its token, the route decides whether that counts.</remarks>
    public ValueTask<CredentialResult> Read(
        IHeaderDictionary headers,
        CredentialKinds accepted,
        CancellationToken cancellation,
        IPAddress? from = null
    ) => Read(ShownCredential.In(headers), headers, accepted, from, cancellation);

    /// <summary>Who asks with this credential, wherever the request shows it?</summary>
    public ValueTask<CredentialResult> Read(
        in ShownCredential shown,
        IHeaderDictionary headers,
        CredentialKinds accepted,
        IPAddress? from,
        CancellationToken cancellation
    ) =>
        shown.Place switch
        {
            CredentialPlace.Authorization => ReadAuthorization(shown.Text, new(accepted, headers, from, cancellation)),
            _ => ReadElsewhere(shown, accepted, mayBeOver: false, cancellation),
        };

    /// <summary>Whether the credential of an open exchange still counts, by the rules for a request; no guess is counted.</summary>
    /// <param name="shown">The credential that admitted it.</param>
    /// <param name="accepted">What its route takes now.</param>
    /// <param name="mayBeOver">Whether the exchange may finish after its token's end.</param>
    /// <param name="cancellation">For who gives up.</param>
    public ValueTask<CredentialResult> ReadAgain(
        in ShownCredential shown,
        CredentialKinds accepted,
        bool mayBeOver,
        CancellationToken cancellation
    ) =>
        shown.Place switch
        {
            CredentialPlace.Authorization => ReadAuthorization(shown.Text, new(accepted, null, null, cancellation, mayBeOver)),
            _ => ReadElsewhere(shown, accepted, mayBeOver, cancellation),
        };

    /// <summary>Whether a credential may count for less, or for another, since these marks were taken; takes the present ones.</summary>
    public bool HaveChanged(CredentialChanges since) => bearer.HaveChanged(since);

    /// <summary>Why the credential of an open exchange counts no more, in a word for the log.</summary>
    public string WhyNot(Caller admitted, CredentialProblem problem) =>
        problem switch
        {
            CredentialProblem.Expired => "token-expired",
            CredentialProblem.Unknown => "credential-unverified",
            CredentialProblem.Missing => "credential-missing",
            _ when admitted.Source == ConfigCaller.Source && callers.IsDisabled(admitted.Name) => "caller-disabled",
            _ when admitted.Source == ConfigCaller.Source && callers.Find(admitted.Name) is null => "caller-removed",
            _ when admitted.Token is { } token && bearer.IsEnded(token) => "revoked",
            _ => "credential-not-accepted", // another key, password or signing key, or a caller that it rests on is gone
        };

    /// <summary>Whose API key this is; null when it is nobody's.</summary>
    public Caller? ReadKey(string key) => apiKeys.Read(key);

    /// <summary>Where a login comes from, as failed ones are counted.</summary>
    public IPAddress? AddressOf(HttpContext context) => Proxies.ClientOf(context.Connection.RemoteIpAddress, context.Request.Headers);

    /// <summary>The upstream refuses its own user: everything issued to the user here is over, until a new login.</summary>
    public Task EndUser(Caller user) => bearer.EndUser(user);

    /// <summary>Whose password this is; takes as long for an unknown name as for a wrong password.</summary>
    public ValueTask<CredentialResult> ReadPassword(string name, string password, IPAddress? from, CancellationToken cancellation) =>
        basic.Read(name, password, from, cancellation);

    /// <summary>Who asks with this bearer token, with all that is asked of one that comes in a header.</summary>
    public ValueTask<CredentialResult> ReadBearer(string token, CredentialKinds accepted, CancellationToken cancellation) =>
        bearer.Read(token, accepted, cancellation);

    /// <summary>The caller of the config with this number, disabled or not.</summary>
    public ConfigCaller? CallerNumbered(long userId) => callers.Numbered(userId);

    /// <summary>Whether the config has a caller of this name, and has it disabled.</summary>
    public bool IsDisabled(string name) => callers.IsDisabled(name);

    /// <summary>Whether the config has a caller of this name, disabled or not.</summary>
    public bool IsNamed(string name) => callers.Find(name) is not null || callers.IsDisabled(name);

    /// <summary>Whether the config gives a caller of this name a password.</summary>
    public bool HasPassword(string name) => callers.Find(name)?.PasswordHash is not null;

    /// <summary>Callers of the config that are not disabled.</summary>
    public IEnumerable<string> EnabledIdentities =>
        callers.All.Where(caller => !caller.IsDisabled).Select(caller => caller.Caller.Identity);

    /// <summary>Callers of the config that are.</summary>
    public IEnumerable<string> DisabledIdentities =>
        callers.All.Where(caller => caller.IsDisabled).Select(caller => caller.Caller.Identity);

    /// <summary>The caller of the config with this name, for 'explain' and 'token new'; null when there is none.</summary>
    public Caller? CallerNamed(string name) => callers.Find(name)?.Caller;

    /// <summary>The number in <c>u</c> of that caller's tokens, if the config gives it one.</summary>
    public long? UserIdOf(string name) => callers.Find(name)?.UserId;

    /// <summary>Prints no credential.</summary>
    public override string ToString() => nameof(CredentialTable);

    private ValueTask<CredentialResult> ReadElsewhere(
        in ShownCredential shown,
        CredentialKinds accepted,
        bool mayBeOver,
        CancellationToken cancellation
    ) =>
        shown.Place switch
        {
            CredentialPlace.Nowhere => Refused(CredentialProblem.Missing),
            CredentialPlace.ApiKey => ReadKey(shown.Text, accepted),
            CredentialPlace.Subprotocol or CredentialPlace.Query => bearer.Read(shown.Text, accepted, cancellation, mayBeOver),
            _ => Refused(CredentialProblem.Ambiguous),
        };

    private ValueTask<CredentialResult> ReadAuthorization(string? value, in Reading how)
    {
        // Exactly: scheme, one space, credential.
        var space = value?.IndexOf(' ', StringComparison.Ordinal) ?? -1;
        if (space < 1)
        {
            return Refused(CredentialProblem.Invalid);
        }

        var scheme = value.AsSpan(0, space);
        var text = value.AsSpan(space + 1);
        if (scheme.Equals(BearerScheme, StringComparison.OrdinalIgnoreCase))
        {
            return bearer.Read(text, how.Accepted, how.Cancellation, how.MayBeOver);
        }

        if (scheme.Equals(BasicScheme, StringComparison.OrdinalIgnoreCase) && (how.Accepted & CredentialKinds.Basic) != 0)
        {
            return how.Headers is null
                ? basic.ReadAgain(text, how.Cancellation)
                : basic.Read(text, Proxies.ClientOf(how.From, how.Headers), how.Cancellation);
        }

        return scheme.Equals(ApiKeyScheme, StringComparison.OrdinalIgnoreCase)
            ? ReadKey(text, how.Accepted)
            : Refused(CredentialProblem.Invalid);
    }

    private ValueTask<CredentialResult> ReadKey(ReadOnlySpan<char> key, CredentialKinds accepted) =>
        (accepted & CredentialKinds.ApiKey) != 0 && apiKeys.Read(key) is { } caller
            ? new(new CredentialResult(caller, CredentialProblem.None))
            : Refused(CredentialProblem.Invalid);

    private static ValueTask<CredentialResult> Refused(CredentialProblem problem) => new(new CredentialResult(null, problem));

    /// <summary>How Authorization is read; without headers it is read again.</summary>
    private readonly record struct Reading(
        CredentialKinds Accepted,
        IHeaderDictionary? Headers,
        IPAddress? From,
        CancellationToken Cancellation,
        bool MayBeOver = false
    );
}
