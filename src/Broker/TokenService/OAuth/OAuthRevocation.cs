using Broker.Credentials;
using Broker.Operations;
using Microsoft.AspNetCore.Http;

namespace Broker.TokenService;

/// <summary>Ends tokens before their time: one, or its session (RFC 7009); and, beyond that, all that came of a caller.</summary>
internal sealed class OAuthRevocation(Issuance issuance)
{
    public async Task<EndpointResult> Revoke(HttpContext context, EndpointLogEntry own)
    {
        var (request, refusal) = await OAuthRequest.Read(issuance, context, own);
        if (request is null)
        {
            return refusal!;
        }

        if (request["token"] is not { } text)
        {
            return OAuthErrors.Request("token is missing");
        }

        if (issuance.Credentials.Tokens!.Read(text) is not { } token)
        {
            return Done("nothing-to-end"); // RFC 7009, 2.2: nobody can use it anyway
        }

        if (!Concerns(token, request.Client))
        {
            return OAuthErrors.Make("unauthorized_client", "the token is not this client's");
        }

        // A refresh token stands for its session: what came of it goes with it.
        return token.Use == TokenUse.Refresh
            ? await EndSession(token, request.Client, context)
            : await End(token.Id, token.End, isItsOwn: IsOf(token, request.Client), request.Client, context);
    }

    /// <summary>
    /// Ends all that came of a caller so far, or the whole session of a token: of one's own, or of anybody with the action ManageUser.
    /// </summary>
    public async Task<EndpointResult> RevokeAll(HttpContext context, EndpointLogEntry own)
    {
        var (request, refusal) = await OAuthRequest.Read(issuance, context, own);
        if (request is null)
        {
            return refusal!;
        }

        var (identity, text) = (request["caller"], request["token"]);
        if (identity is null == text is null)
        {
            return OAuthErrors.Request("either caller (such as key:dashboard) or token says what is ended");
        }

        var token = text is null ? null : issuance.Credentials.Tokens!.Read(text);
        if (text is not null && token is null)
        {
            return Done("nothing-to-end");
        }

        if ((identity ?? token!.Subject) != request.Client.Identity && !request.Client.Permissions.Actions.Contains("ManageUser"))
        {
            return OAuthErrors.Make("unauthorized_client", "what is another's is ended with the action ManageUser");
        }

        return token is not null ? await EndSession(token, request.Client, context)
            : !issuance.CanBe(identity!) ? OAuthErrors.Request("there is no such caller: source and name are needed, such as key:dashboard")
            : await RevokeAllOf(identity!, request.Client, context);
    }

    /// <summary>Its own token, one that it made or got, or any token if it has ManageToken.</summary>
    public static bool Concerns(TokenClaims token, Caller client) =>
        token.Subject == client.Identity
        || token.Client == client.Name
        || token.Creators.Contains(client.Identity)
        || client.Permissions.Actions.Contains("ManageToken");

    /// <summary>Whether the end of all that came of the client is the token's end too.</summary>
    private static bool IsOf(TokenClaims token, Caller client) =>
        token.Subject == client.Identity || token.Creators.Contains(client.Identity);

    // In a session there may be tokens that did not come of the client: no other end would be the session's.
    private Task<EndpointResult> EndSession(TokenClaims token, Caller client, HttpContext context) =>
        End(token.Session, issuance.EndOfSession(token), isItsOwn: false, client, context);

    private async Task<EndpointResult> End(string id, DateTimeOffset until, bool isItsOwn, Caller client, HttpContext context)
    {
        var revocations = issuance.Ledgers.Revocations;
        var room = issuance.Ledgers.Shares.Take(client.Identity, id, until, isItsOwn);
        return room.IsThere ? Told(await revocations.Revoke(id, until, context.RequestAborted))
            : room.IsForAll ? Told(await revocations.RevokeAllOf(client.Identity, context.RequestAborted), "ended-all-of-the-client")
            : TooMany(room.Wait);
    }

    // Each adds an entry to the log in Redis, whether or not anything came of the caller since the last.
    private async Task<EndpointResult> RevokeAllOf(string identity, Caller client, HttpContext context)
    {
        var room = issuance.Ledgers.Shares.Take(
            client.Identity,
            $"all {identity} {TokenIssuer.NewId()}",
            issuance.Ledgers.AllOver,
            identity == client.Identity
        );
        return room.IsThere || room.IsForAll
            ? Told(await issuance.Ledgers.Revocations.RevokeAllOf(identity, context.RequestAborted))
            : TooMany(room.Wait);
    }

    private static EndpointResult TooMany(TimeSpan wait) =>
        OAuthErrors.Make(
            "temporarily_unavailable",
            "This client has revoked too many tokens that would still live: ask again later.",
            429
        ) with
        {
            RetryAfter = wait,
            Decision = "too-many-revoked",
        };

    // Here it holds already; not known to hold everywhere, it is to be asked for again.
    private static EndpointResult Told(bool everywhere, string decision = "ended") => everywhere ? Done(decision) : OAuthErrors.NotNow;

    private static EndpointResult Done(string decision) => new(200, null, decision) { IsTyped = true };
}
