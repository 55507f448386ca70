using Broker.Credentials;
using Broker.Operations;
using Microsoft.AspNetCore.Http;

namespace Broker.Issuing;

/// <summary>Ends tokens before their time: one, or its session (RFC 7009); and, beyond that, all that came of a caller.</summary>
internal sealed class OAuthRevocation(Issuance issuance)
{
    public async Task<OwnAnswer> Revoke(HttpContext context, OwnRequest own)
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
            ? await End(token.Session, issuance.EndOfSession(token), context)
            : await End(token.Id, token.End, context);
    }

    /// <summary>Ends all that came of a caller so far, or the whole session of a token: of one's own, or of anybody with the action ManageUser.</summary>
    public async Task<OwnAnswer> RevokeAll(HttpContext context, OwnRequest own)
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

        return token is not null ? await End(token.Session, issuance.EndOfSession(token), context)
            : !issuance.CanBe(identity!) ? OAuthErrors.Request("there is no such caller: source and name are needed, such as key:dashboard")
            : Told(await issuance.Ledgers.Revocations.EndAllOf(identity!, context.RequestAborted));
    }

    /// <summary>Its own, one made by it or got by it, or any for who manages tokens.</summary>
    public static bool Concerns(TokenClaims token, Caller client) =>
        token.Subject == client.Identity || token.Client == client.Name || token.Creators.Contains(client.Identity)
        || client.Permissions.Actions.Contains("ManageToken");

    private async Task<OwnAnswer> End(string id, DateTimeOffset until, HttpContext context) =>
        Told(await issuance.Ledgers.Revocations.End(id, until, context.RequestAborted));

    // Here it holds already; not known to hold everywhere, it is to be asked for again.
    private static OwnAnswer Told(bool everywhere) => everywhere ? Done("ended") : OAuthErrors.NotNow;

    private static OwnAnswer Done(string decision) => new(200, null, decision) { IsTyped = true };
}
