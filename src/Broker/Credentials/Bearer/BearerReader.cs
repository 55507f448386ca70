using System.Buffers;
using System.Security.Cryptography;
using System.Text;

namespace Broker.Credentials;

/// <summary>
/// Reads bearer tokens: remembered ones by one hash and one look-up, others through the verifier that their issuer picks.
/// </summary>
/// <remarks>
/// <code>
/// token -- SHA-256 --> memory --hit, same keys and options--> caller in this snapshot --> still before its end? --> who asks
///                        |  miss
///                        +--> parse --iss--> one verifier, its keys only --> remembered --> the same way
/// </code>
/// </remarks>
internal sealed class BearerReader
{
    // RFC 7235, token68.
    private static readonly SearchValues<char> Token68 = SearchValues.Create(
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~+/="
    );

    // What the log says where no issuer of the config is known yet.
    private const string NoIssuer = "(unknown)";

    private static readonly TokenRefusal NotAccepted = new(
        "credentials",
        "a kind of credential that the route accepts",
        "a bearer token of this issuer"
    );

    private readonly TokenReader? ours;
    private readonly SigningKeys? keys;
    private readonly IReadOnlyList<IssuerReader> issuers;
    private readonly VerifiedCredentialCache memory;
    private readonly IRevocations revocations;
    private readonly RefusalLog refusals;
    private readonly TimeProvider time;

    public BearerReader(
        SigningKeys? keys,
        TokenReader? ours,
        IReadOnlyList<IssuerReader> issuers,
        VerifiedCredentialCache memory,
        IRevocations revocations,
        RefusalLog refusals,
        TimeProvider time
    )
    {
        (this.ours, this.keys, this.issuers, this.memory) = (ours, keys, issuers, memory);
        (this.revocations, this.refusals, this.time) = (revocations, refusals, time);
    }

    /// <summary>Reads what stands after <c>Bearer </c>.</summary>
    /// <param name="text">The token.</param>
    /// <param name="accepted">What the route takes.</param>
    /// <param name="cancellation">For who gives up.</param>
    /// <param name="mayBeOver">Whether a token past its end still counts: for an exchange that may finish; for nothing that begins.</param>
    public ValueTask<CredentialResult> Read(
        ReadOnlySpan<char> text,
        CredentialKinds accepted,
        CancellationToken cancellation,
        bool mayBeOver = false
    )
    {
        // How long it may be is the limit on headers, or on the body that it stands in.
        if (text.IsEmpty || text.ContainsAnyExcept(Token68))
        {
            return new(Refused(NoIssuer, new("form", "a signed JWT in compact form", "no token, or characters that none has")));
        }

        var digest = Digest.OfAscii(text);
        // Who is not known here may be known to another replica: that is asked as for a token that was never seen.
        return memory.Find(digest) is VerifiedToken known && Present(known) is { Caller: not null } resolution
            ? new(Answer(known, resolution, accepted, mayBeOver))
            : ReadNew(text.ToString(), digest, accepted, mayBeOver, cancellation);
    }

    /// <summary>Whether an answer may have become another since these marks were taken; takes the present ones.</summary>
    public bool HaveChanged(CredentialChanges since) => since.Take(revocations.Version, ours?.Version ?? 0, issuers);

    /// <summary>Whether a token of ours, its session or one of its callers was ended before its time.</summary>
    public bool IsEnded(TokenClaims claims) => revocations.Of(claims) == RevocationStatus.Revoked;

    /// <summary>
    /// Revokes everything issued to an upstream's user whom the upstream refuses, unless the user has logged in again meanwhile.
    /// </summary>
    public async Task EndUser(Caller user)
    {
        if (ours is not null && await ours.Drop(user))
        {
            await revocations.RevokeAllOf(user.Identity, CancellationToken.None);
        }
    }

    private CredentialResult Refused(string issuer, TokenRefusal refusal, CredentialProblem problem = CredentialProblem.Invalid)
    {
        refusals.Refused(issuer, refusal);
        return new(null, problem);
    }

    private async ValueTask<CredentialResult> ReadNew(
        string text,
        Digest digest,
        CredentialKinds accepted,
        bool mayBeOver,
        CancellationToken cancellation
    )
    {
        if (JwtText.Parse(text, out var malformed) is not { } token)
        {
            return Refused(NoIssuer, malformed!);
        }

        // 'iss' is not believed, it only picks who verifies; a verifier checks it again.
        if (VerifierOf(token.Issuer) is not { } verifier)
        {
            var known = issuers.Select(issuer => issuer.IssuerName).Prepend(keys?.Issuer).OfType<string>();
            return Refused(NoIssuer, new("iss", string.Join(", ", known), token.Issuer));
        }

        if ((accepted & verifier.Kind) == 0)
        {
            return Refused(verifier.Name, NotAccepted);
        }

        var verification = await verifier.Verify(token, digest, cancellation);
        if (verification.Token is not { } verified)
        {
            var problem = verification.Problem == CredentialProblem.None ? CredentialProblem.Invalid : verification.Problem;
            return verification.Refusal is { } refusal ? Refused(verifier.Name, refusal, problem) : new(null, problem);
        }

        var version = verifier.Version; // read first: what changes meanwhile is seen next time
        var resolution = new Resolution(this, verifier, version, verifier.Resolve(verified));
        verified.Resolution = resolution;
        var answer = Answer(verified, resolution, accepted, mayBeOver);
        if (answer.Caller is not null)
        {
            memory.Keep(verified, time.GetUtcNow());
        }

        return answer;
    }

    // Asked on every request, remembered or not: kind, end, a caller who is still there, and whether it was ended before its time.
    private CredentialResult Answer(VerifiedToken token, Resolution resolution, CredentialKinds accepted, bool mayBeOver)
    {
        var issuer = resolution.Verifier.Name;
        if ((accepted & resolution.Verifier.Kind) == 0)
        {
            return Refused(issuer, NotAccepted);
        }

        if (!mayBeOver && time.GetUtcNow().UtcTicks >= token.EndTicks)
        {
            var (now, end) = (time.GetUtcNow().ToUnixTimeSeconds(), new DateTimeOffset(token.EndTicks, TimeSpan.Zero).ToUnixTimeSeconds());
            return Refused(issuer, new("exp", $"an end after {now}", $"{end}, clock skew included"), CredentialProblem.Expired);
        }

        if (resolution.Caller is not { } caller)
        {
            return Refused(issuer, new("caller", "a caller who is in the config", "none, or one who is disabled"));
        }

        return token.Claims is null
            ? new(caller, CredentialProblem.None)
            : revocations.Of(token.Claims) switch
            {
                RevocationStatus.Good => new(caller, CredentialProblem.None),
                RevocationStatus.Revoked => Refused(issuer, new("revoked", "a token that was not ended", "an ended one")),
                _ => new(null, CredentialProblem.Unknown),
            };
    }

    // Null when the keys or options that the verification rested on are not in force any more: verify again.
    private Resolution? Present(VerifiedToken token)
    {
        if (token.Resolution is { } kept && ReferenceEquals(kept.Owner, this) && kept.Version == kept.Verifier.Version)
        {
            return ReferenceEquals(kept.Verifier.Stamp, token.Stamp) ? kept : null;
        }

        if (VerifierOf(token.Issuer) is not { } verifier || !ReferenceEquals(verifier.Stamp, token.Stamp))
        {
            return null;
        }

        var version = verifier.Version;
        var resolution = new Resolution(this, verifier, version, verifier.Resolve(token));
        token.Resolution = resolution;
        return resolution;
    }

    private IBearerVerifier? VerifierOf(string issuer)
    {
        if (ours is not null && keys!.IsIssuer(issuer))
        {
            return ours;
        }

        foreach (var candidate in issuers)
        {
            if (candidate.Answers(issuer))
            {
                return candidate;
            }
        }

        return null;
    }
}
