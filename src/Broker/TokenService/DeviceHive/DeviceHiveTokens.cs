using System.Text.Json;
using System.Text.Json.Nodes;
using Broker.Configuration;
using Broker.Credentials;
using Broker.Operations;
using Microsoft.AspNetCore.Http;
using Policies;

namespace Broker.TokenService;

/// <summary>DeviceHive's login, creation and refresh of user tokens. (JwtTokenResource)</summary>
internal sealed class DeviceHiveTokens(Issuance issuance)
{
    public async Task<EndpointResult> LogIn(HttpContext context, EndpointLogEntry request)
    {
        var (body, refused) = await DeviceHiveBody.Read(context);
        if (refused is not null)
        {
            return refused;
        }

        if (!body.TryText("login", out var login, out var mistake) || !body.TryText("password", out var password, out mistake))
        {
            return mistake!;
        }

        if (string.IsNullOrWhiteSpace(login) || string.IsNullOrWhiteSpace(password))
        {
            return DeviceHiveErrors.Make(400, "Invalid or empty authorization request parameters", "bad-request");
        }

        var checkedLogin = await PasswordLogin.OfUser(issuance, context, login, password);
        if (checkedLogin.Wait > TimeSpan.Zero)
        {
            return DeviceHiveErrors.Make(429, "Too many failed logins: wait before the next one.", "login-waits") with
            {
                RetryAfter = checkedLogin.Wait,
            };
        }

        if (!checkedLogin.IsKnown)
        {
            return DeviceHiveErrors.NotNow;
        }

        if (checkedLogin.Caller is not { } user || issuance.NumberOf(user) is null)
        {
            return DeviceHiveErrors.Make(401, WhyNot(login), "login-refused");
        }

        request.Caller = user.Identity;
        var origin = issuance.OriginOf(user);
        return Answer(await issuance.Pair(origin, user, user.Permissions, issuance.AccessEnd, origin.End), "logged-in");
    }

    public async Task<EndpointResult> Create(HttpContext context, EndpointLogEntry request)
    {
        var (creator, refusal) = await DeviceHiveBody.Creator(issuance, context, request, "ManageToken");
        if (creator is null)
        {
            return refusal!;
        }

        var (body, refused) = await DeviceHiveBody.Read(context);
        if (refused is not null)
        {
            return refused;
        }

        if (!body.TryNumber("userId", out var id, out var mistake))
        {
            return mistake!;
        }

        // Numbers of an upstream's users and of the config's callers are two lists: a creator's own list is meant, its own number first.
        if (id is not null && id != issuance.NumberOf(creator) && creator.Source == UpstreamUser.Source)
        {
            var (other, noOther) = await OtherUsers.Find(issuance, creator, id.Value, context.RequestAborted);
            return other is null ? noOther! : await Created(creator, other, body);
        }

        var user =
            id is null ? null
            : issuance.NumberOf(creator) == id ? issuance.Credentials.Tokens!.Find(creator.Identity)
            : issuance.Credentials.CallerNumbered(id.Value);
        if (user is null)
        {
            return DeviceHiveErrors.Make(
                404,
                $"User with id = {id?.ToString(System.Globalization.CultureInfo.InvariantCulture) ?? "null"} not found",
                "not-found"
            );
        }

        if (user.Caller.Identity != creator.Identity && !creator.Permissions.Actions.Contains("ManageUser"))
        {
            return OtherUsers.NeedsManageUser;
        }

        return user.IsDisabled ? DeviceHiveErrors.UserInactive : await Created(creator, user.Caller, body);
    }

    public async Task<EndpointResult> Refresh(HttpContext context, EndpointLogEntry request)
    {
        var (body, refused) = await DeviceHiveBody.Read(context);
        if (refused is not null)
        {
            return refused;
        }

        if (!body.TryText("refreshToken", out var text, out var mistake))
        {
            return mistake!;
        }

        if (issuance.Credentials.Tokens!.Read(text ?? "") is not { } token)
        {
            return DeviceHiveErrors.Silent;
        }

        if (token.Use != TokenUse.Refresh)
        {
            return DeviceHiveErrors.Make(401, "Invalid token type", "credential-invalid");
        }

        if (token.End <= issuance.Now)
        {
            return DeviceHiveErrors.Make(401, "Token has expired", "token-expired");
        }

        if (token.Topic is not null && DeviceHivePlugins.Refusal(issuance, token) is { } noPlugin)
        {
            return noPlugin;
        }

        // An OAuth2 client's refresh token is that client's, who has to show who it is.
        var renewal = token.Client is not null
            ? RefreshResult.Refused
            : await RefreshUses.Use(issuance, token, token.Subject, null, null, context.RequestAborted);
        if (renewal.RevocationStatus != RevocationStatus.Good)
        {
            return renewal.RevocationStatus == RevocationStatus.Unknown ? DeviceHiveErrors.NotNow : DeviceHiveErrors.Silent;
        }

        request.Caller = token.Subject;
        var answer = new JsonObject { ["accessToken"] = renewal.Access };
        if (renewal.Refresh is not null)
        {
            answer["refreshToken"] = renewal.Refresh;
        }

        return new(201, answer, "renewed");
    }

    private async Task<EndpointResult> Created(Caller creator, Caller user, JsonElement body)
    {
        if (
            !body.TryActions("actions", issuance.Actions, out var actions, out var mistake)
            || !body.TryIds("networkIds", out var networks, out mistake)
            || !body.TryIds("deviceTypeIds", out var types, out mistake)
            || !body.TryIds("deviceIds", out var devices, out mistake)
            || !body.TryDate("expiration", out var expiration, out mistake)
            || !body.TryDate("refreshExpiration", out var refreshExpiration, out mistake)
        )
        {
            return mistake!;
        }

        // Within the creator's rights and the user's, both as they are now: an admin's action in a user's token needs a user who is one.
        var origin = issuance.OriginOf(creator);
        var all = new Grant(creator.Permissions.Intersect(user.Permissions), origin.End.ToUnixTimeMilliseconds());
        var decision = all.Narrow(new(actions, networks, types, devices, null), out var grant);
        if (decision != Decision.Granted)
        {
            return Wider(decision, actions, networks, types, devices, all.Permissions);
        }

        // As the vendor does: 'expiration' is of both tokens unless the refresh token has its own.
        var accessEnd = expiration ?? issuance.AccessEnd;
        return Answer(
            await issuance.Pair(origin, user, grant.Permissions, accessEnd, refreshExpiration ?? expiration ?? origin.End),
            "created"
        );
    }

    private static EndpointResult Wider(
        Decision decision,
        Selection? actions,
        Selection? networks,
        Selection? types,
        Selection? devices,
        in Permissions all
    )
    {
        var (part, asked, held) = decision switch
        {
            Decision.ActionNotGranted => ("actions", actions, all.Actions),
            Decision.NetworkNotGranted => ("networkIds", networks, all.Networks),
            Decision.DeviceTypeNotGranted => ("deviceTypeIds", types, all.DeviceTypes),
            _ => ("deviceIds", devices, all.Devices),
        };
        var beyond =
            asked is not { } selection || selection.IsEverything
                ? "*"
                : string.Join(", ", selection.Names.Where(name => !held.Contains(name)));
        return DeviceHiveErrors.Make(
            403,
            $"Access is denied: {part} {beyond} is beyond what the creator and the user hold",
            "wider-than-creator"
        );
    }

    private string WhyNot(string login) =>
        issuance.Options.Messages == LoginMessages.Uniform ? "Invalid credentials"
        : issuance.Credentials.IsDisabled(login) ? "User is locked or disabled"
        : issuance.Credentials.HasPassword(login) ? "Invalid credentials"
        : $"User with login = {login} not found or bad password";

    private static EndpointResult Answer(IssuedTokenPair? pair, string decision) =>
        pair is null
            ? DeviceHiveErrors.NotNow
            : new(201, new JsonObject { ["accessToken"] = pair.Access, ["refreshToken"] = pair.Refresh }, decision);
}
