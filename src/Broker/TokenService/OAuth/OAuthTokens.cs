using System.Text.Json.Nodes;
using Broker.Credentials;
using Broker.Operations;
using Microsoft.AspNetCore.Http;
using Policies;

namespace Broker.TokenService;

/// <summary>OAuth2's token endpoint. (RFC 6749, 4.3, 4.4 and 6; RFC 8693)</summary>
internal sealed class OAuthTokens(Issuance issuance)
{
    public const string Exchange = "urn:ietf:params:oauth:grant-type:token-exchange";
    private const string AccessTokenType = "urn:ietf:params:oauth:token-type:access_token";
    private const string JwtType = "urn:ietf:params:oauth:token-type:jwt";

    public async Task<EndpointResult> Token(HttpContext context, EndpointLogEntry own)
    {
        var (request, refusal) = await OAuthRequest.Read(issuance, context, own);
        if (request is null)
        {
            return refusal!;
        }

        if (Scope.Read(request.Scope, issuance.Actions, out var unknown) is not { } wish)
        {
            return OAuthErrors.Scope($"there is no scope {unknown}");
        }

        return request["grant_type"] switch
        {
            "client_credentials" => ForClient(request, wish),
            "refresh_token" => await Renew(request, wish, context.RequestAborted),
            "password" when issuance.Options.PasswordGrant => await ForUser(request, wish, context),
            Exchange => await ExchangeFor(request, wish, context.RequestAborted),
            null => OAuthErrors.Request("grant_type is missing"),
            _ => OAuthErrors.Make("unsupported_grant_type", "this grant type is not offered here"),
        };
    }

    private EndpointResult ForClient(OAuthRequest request, in Wish wish)
    {
        var client = request.Client;
        if (Narrowed(client.Permissions, wish, out var held) is { } refused)
        {
            return refused;
        }

        var access = issuance.Access(issuance.OriginOf(client), client, held, issuance.AccessEnd, client.Name, Scope.Claim(request.Scope));
        return Answer(access, issuance.AccessEnd, request.Scope, held, null);
    }

    private async Task<EndpointResult> ForUser(OAuthRequest request, Wish wish, HttpContext context)
    {
        if (request["username"] is not { } name || request["password"] is not { } password)
        {
            return OAuthErrors.Request("username and password are needed");
        }

        var login = await PasswordLogin.OfUser(issuance, context, name, password);
        if (login.Caller is not { } user)
        {
            return login.Wait > TimeSpan.Zero ? OAuthErrors.Wait(login.Wait)
                : login.IsKnown ? OAuthErrors.InvalidGrant
                : OAuthErrors.NotNow;
        }

        // The client gets no more through a user than it may do itself.
        var origin = issuance.OriginOf(user).With(request.Client, issuance.Ledgers.Revocations);
        if (Narrowed(user.Permissions.Intersect(request.Client.Permissions), wish, out var held) is { } refused)
        {
            return refused;
        }

        var pair = await issuance.Pair(origin, user, held, issuance.AccessEnd, origin.End, request.Client.Name, Scope.Claim(request.Scope));
        return pair is null ? OAuthErrors.NotNow : Answer(pair.Access, issuance.AccessEnd, request.Scope, held, pair.Refresh);
    }

    private async Task<EndpointResult> Renew(OAuthRequest request, Wish wish, CancellationToken cancellation)
    {
        if (
            issuance.Credentials.Tokens!.Read(request["refresh_token"] ?? "") is not { Use: TokenUse.Refresh, Topic: null } token
            || token.Client != request.Client.Name
        )
        {
            return OAuthErrors.InvalidGrant;
        }

        var standing = await issuance.StandingOf(token);
        if (standing != RevocationStatus.Good || issuance.Credentials.Tokens.Present(token) is not { } present)
        {
            return standing == RevocationStatus.Unknown ? OAuthErrors.NotNow : OAuthErrors.InvalidGrant;
        }

        // The scope is looked at first: a token is not spent on a request that is refused.
        if (Narrowed(present.Permissions, wish, out var held) is { } refused)
        {
            return refused;
        }

        // Without a scope the client asks for what it was given first (RFC 6749, 6). Where it may do less by now, the answer says what is
        // left.
        var scope = request.Scope ?? (token.Permissions(issuance.Actions).IsWithin(held) ? token.Scope : null);
        var renewal = await RefreshUses.Use(issuance, token, request.Client.Identity, held, Scope.Claim(scope), cancellation);
        return renewal.RevocationStatus switch
        {
            // A refresh token that stays as it is is sent again: some clients forget it where an answer has none.
            RevocationStatus.Good => Answer(renewal.Access!, renewal.End, scope, held, renewal.Refresh ?? request["refresh_token"]),
            RevocationStatus.Revoked => OAuthErrors.InvalidGrant,
            _ => OAuthErrors.NotNow,
        };
    }

    private async Task<EndpointResult> ExchangeFor(OAuthRequest request, Wish wish, CancellationToken cancellation)
    {
        if (
            request["subject_token_type"] is not (AccessTokenType or JwtType)
            || request["requested_token_type"] is not (null or AccessTokenType or JwtType)
            || request["actor_token"] is not null
            || request["subject_token"] is not { } subject
        )
        {
            return OAuthErrors.Request(
                "an access token is exchanged for an access token, without an actor: subject_token and its type are needed"
            );
        }

        if (request["resource"] is not null || (request["audience"] is { } audience && audience != issuance.Keys.Audience))
        {
            return OAuthErrors.Make("invalid_target", "tokens are issued for this broker alone");
        }

        // Exactly what a request with this token would be asked: no ID, refresh or plugin token, and nothing that was ended, gets through.
        var credential = await issuance.Credentials.ReadBearer(subject, CredentialKinds.Token | CredentialKinds.Issuer, cancellation);
        if (credential.Caller is not { } caller || credential.Problem != CredentialProblem.None)
        {
            return credential.Problem == CredentialProblem.Unknown
                ? OAuthErrors.NotNow
                : OAuthErrors.Request("the subject token is not valid here");
        }

        var origin = issuance.OriginOf(caller).With(request.Client, issuance.Ledgers.Revocations);
        if (Narrowed(caller.Permissions.Intersect(request.Client.Permissions), wish, out var held) is { } refused)
        {
            return refused;
        }

        // It ends no later than the token that it was got for, and nothing renews it.
        var end = caller.Token?.End ?? caller.TokenEnd ?? issuance.Now;
        end = end < issuance.AccessEnd ? end : issuance.AccessEnd;
        var access = issuance.Access(origin, caller, held, end, request.Client.Name, Scope.Claim(request.Scope));
        var answer = Answer(access, end, request.Scope, held, null);
        answer.Body!["issued_token_type"] = AccessTokenType;
        return answer;
    }

    private static EndpointResult? Narrowed(in Permissions mine, in Wish wish, out Permissions held)
    {
        var decision = new Grant(mine, 0).Narrow(wish, out var grant);
        held = grant.Permissions;
        return decision switch
        {
            Decision.Granted => null,
            Decision.ActionNotGranted => OAuthErrors.Scope("an action goes beyond what is held"),
            Decision.NetworkNotGranted => OAuthErrors.Scope("a network goes beyond what is held"),
            Decision.DeviceTypeNotGranted => OAuthErrors.Scope("a devicetype goes beyond what is held"),
            _ => OAuthErrors.Scope("a device goes beyond what is held"),
        };
    }

    // A scope that was asked for was given whole, or refused: the answer says it word for word, since clients compare ("Scope has
    // changed").
    // Who asked for none is told what there is.
    private EndpointResult Answer(string access, DateTimeOffset end, string? scope, in Permissions held, string? refresh)
    {
        var body = new JsonObject
        {
            ["access_token"] = access,
            ["token_type"] = "Bearer",
            ["expires_in"] = Math.Max(0, (long)(end - issuance.Now).TotalSeconds),
            ["scope"] = scope ?? Scope.Write(held),
        };
        if (refresh is not null)
        {
            body["refresh_token"] = refresh;
        }

        return new(200, body, "issued");
    }
}
