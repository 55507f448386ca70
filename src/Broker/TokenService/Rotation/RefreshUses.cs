using Broker.Credentials;
using Policies;

namespace Broker.TokenService;

/// <summary>What the use of a refresh token came to; the default is a refusal.</summary>
/// <param name="Standing">Whether it counts; unknown where nobody could look.</param>
/// <param name="Access">The new access token.</param>
/// <param name="Refresh">Its successor, where it rotates.</param>
/// <param name="End">The end of the access token.</param>
internal readonly record struct RefreshResult(RevocationStatus RevocationStatus, string? Access, string? Refresh, DateTimeOffset End)
{
    public static RefreshResult Refused => new(RevocationStatus.Revoked, null, null, default);
}

/// <summary>Uses refresh tokens, which stay as they are or change at each use.</summary>
internal static class RefreshUses
{
    /// <summary>Renews with claims whose kind, end and client were looked at.</summary>
    /// <param name="issuance">The token service.</param>
    /// <param name="refresh">The token that is used.</param>
    /// <param name="client">The identity of the client that uses it, if known; else of the caller that it is about.</param>
    /// <param name="held">What the client may do now; null where only the token says.</param>
    /// <param name="scope">The scope that is asked for.</param>
    /// <param name="cancellation">Nobody waits any more.</param>
    public static async Task<RefreshResult> Use(
        Issuance issuance,
        TokenClaims refresh,
        string client,
        Permissions? held,
        string? scope,
        CancellationToken cancellation
    )
    {
        var standing = await issuance.StandingOf(refresh);
        if (standing != RevocationStatus.Good)
        {
            return new(standing, null, null, default);
        }

        string? successor = null;
        if (refresh.Line is not null || issuance.Options.RefreshTokens == Configuration.RefreshTokens.Rotating)
        {
            // One that was issued while they were static has no line: nobody could tell its second use from its first.
            var next = refresh with { Id = TokenIssuer.NewId(), IssuedAt = issuance.Now, Place = refresh.Place + 1 };
            var answer = refresh.Line is null
                ? new(RotationVerdict.UnknownFamily, null)
                : await issuance.Ledgers.Rotation.Use(
                    new(refresh.Line, refresh.Place, TokenIssuer.Sign(next, issuance.Keys), issuance.Options.RotationGrace, refresh.End),
                    cancellation
                );
            switch (answer.Verdict)
            {
                case RotationVerdict.First or RotationVerdict.WithinGrace:
                    successor = answer.Successor;
                    break;
                case RotationVerdict.Reused:
                    await EndReused(issuance, refresh, client);
                    return RefreshResult.Refused;
                case RotationVerdict.UnknownFamily:
                    return RefreshResult.Refused;
                default:
                    return default;
            }
        }

        return new(RevocationStatus.Good, issuance.Renewed(refresh, held, scope, out var end), successor, end);
    }

    /// <summary>The token is in two hands, and nobody can say which one is right: the session ends for both (RFC 9700, 4.14.2).</summary>
    /// <remarks>
    /// It counts among the revocations of the client. Where that has no room left, all that came of the client ends, or at least this line
    /// of tokens.
    /// </remarks>
    private static async Task EndReused(Issuance issuance, TokenClaims refresh, string client)
    {
        var (ledgers, until) = (issuance.Ledgers, issuance.EndOfSession(refresh));
        var isItsOwn = refresh.Subject == client || refresh.Creators.Contains(client);
        var room = ledgers.Shares.Take(client, refresh.Session, until, isItsOwn);
        if (room.IsThere)
        {
            await ledgers.Revocations.Revoke(refresh.Session, until, CancellationToken.None);
        }
        else if (room.IsForAll)
        {
            await ledgers.Revocations.RevokeAllOf(client, CancellationToken.None);
        }
        else
        {
            await ledgers.Rotation.Drop(refresh.Line!, refresh.End, CancellationToken.None);
        }
    }
}
