using System.Buffers;
using System.Security.Cryptography;
using System.Text;

namespace Broker.Credentials;

/// <summary>Reads bearer tokens: remembered ones by one hash and one look-up, others through the verifier that their issuer picks.</summary>
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
    private static readonly SearchValues<char> Token68 =
        SearchValues.Create("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~+/=");

    private readonly TokenReader? ours;
    private readonly string? ourIssuer;
    private readonly IReadOnlyList<IssuerReader> issuers;
    private readonly VerifiedMemory memory;
    private readonly IRevocations revocations;
    private readonly TimeProvider time;

    public BearerReader(SigningKeys? keys, TokenReader? ours, IReadOnlyList<IssuerReader> issuers, VerifiedMemory memory, IRevocations revocations, TimeProvider time)
    {
        (this.ours, ourIssuer, this.issuers, this.memory, this.revocations, this.time) = (ours, keys?.Issuer, issuers, memory, revocations, time);
    }

    /// <summary>Reads what stands after <c>Bearer </c>.</summary>
    /// <param name="text">The token.</param>
    /// <param name="accepted">What the route takes.</param>
    /// <param name="cancellation">For who gives up.</param>
    /// <param name="mayBeOver">Whether a token past its end still counts: for an exchange that may finish; for nothing that begins.</param>
    public ValueTask<CredentialResult> Read(
        ReadOnlySpan<char> text, CredentialKinds accepted, CancellationToken cancellation, bool mayBeOver = false)
    {
        if (text.IsEmpty || text.Length > JwtText.MaxLength || text.ContainsAnyExcept(Token68))
        {
            return new(new CredentialResult(null, CredentialProblem.Invalid));
        }

        Span<byte> bytes = stackalloc byte[text.Length];
        Span<byte> hash = stackalloc byte[SHA256.HashSizeInBytes];
        Encoding.ASCII.GetBytes(text, bytes);
        SHA256.HashData(bytes, hash);
        var digest = new Digest(hash);
        // Who is not known here may be known to another replica: that is asked as for a token that was never seen.
        return memory.Find(digest) is VerifiedToken known && Present(known) is { Caller: not null } resolution
            ? new(Answer(known, resolution, accepted, mayBeOver))
            : ReadNew(text.ToString(), digest, accepted, mayBeOver, cancellation);
    }

    /// <summary>Whether an answer may have become another since these marks were taken; takes the present ones.</summary>
    public bool HaveChanged(CredentialChanges since) => since.Take(revocations.Version, ours?.Version ?? 0, issuers);

    /// <summary>Whether a token of ours, its session or one of its callers was ended before its time.</summary>
    public bool IsEnded(TokenClaims claims) => revocations.Of(claims) == Standing.Ended;

    /// <summary>Ends all that came of an upstream's user whom it refuses; not when he has logged in there anew meanwhile.</summary>
    public async Task EndUser(Caller user)
    {
        if (ours is not null && await ours.Drop(user))
        {
            await revocations.EndAllOf(user.Identity, CancellationToken.None);
        }
    }

    private async ValueTask<CredentialResult> ReadNew(
        string text, Digest digest, CredentialKinds accepted, bool mayBeOver, CancellationToken cancellation)
    {
        // 'iss' is not believed, it only picks who verifies; a verifier checks it again.
        if (JwtText.Parse(text) is not { } token || VerifierOf(token.Issuer) is not { } verifier || (accepted & verifier.Kind) == 0)
        {
            return new(null, CredentialProblem.Invalid);
        }

        var verification = await verifier.Verify(token, digest, cancellation);
        if (verification.Token is not { } verified)
        {
            return new(null, verification.Problem == CredentialProblem.None ? CredentialProblem.Invalid : verification.Problem);
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
        if ((accepted & resolution.Verifier.Kind) == 0)
        {
            return new(null, CredentialProblem.Invalid);
        }

        if (!mayBeOver && time.GetUtcNow().UtcTicks >= token.EndTicks)
        {
            return new(null, CredentialProblem.Expired);
        }

        if (resolution.Caller is not { } caller)
        {
            return new(null, CredentialProblem.Invalid);
        }

        return token.Claims is null ? new(caller, CredentialProblem.None) : revocations.Of(token.Claims) switch
        {
            Standing.Good => new(caller, CredentialProblem.None),
            Standing.Ended => new(null, CredentialProblem.Invalid),
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
        if (ours is not null && issuer == ourIssuer)
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
