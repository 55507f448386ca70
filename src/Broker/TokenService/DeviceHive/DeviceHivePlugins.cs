using System.Text.Json.Nodes;
using Broker.Credentials;
using Broker.Operations;
using Microsoft.AspNetCore.Http;
using Policies;

namespace Broker.TokenService;

/// <summary>DeviceHive's creation and authentication of plugin tokens; a plugin is a topic of the config. (JwtTokenResource)</summary>
internal sealed class DeviceHivePlugins(Issuance issuance)
{
    private const string NoTopic = "No permisions or invalid topic name"; // [sic]

    public async Task<EndpointResult> Create(HttpContext context, EndpointLogEntry request)
    {
        var (creator, refusal) = await DeviceHiveBody.Creator(issuance, context, request, "ManagePlugin");
        if (creator is null)
        {
            return refusal!;
        }

        var (body, refused) = await DeviceHiveBody.Read(context);
        if (refused is not null)
        {
            return refused;
        }

        if (issuance.NumberOf(creator) is not { } userId)
        {
            return DeviceHiveErrors.Make(409, "No user", "denied");
        }

        if (!body.TryText("tpc", out var topic, out var mistake))
        {
            return mistake!;
        }

        // Unlike the vendor's, no token is for every topic.
        if (topic is null || !issuance.Options.Plugins.TryGetValue(topic, out var plugin))
        {
            return DeviceHiveErrors.Make(403, NoTopic, "denied");
        }

        if (creator.Source != ConfigCaller.Source || plugin.Creator != creator.Name)
        {
            return DeviceHiveErrors.Make(403, $"User with id {userId} is not a plugin creator", "denied");
        }

        if (!body.TryActions("a", issuance.Actions, out var actions, out mistake) || !body.TryDate("e", out var end, out mistake))
        {
            return mistake!;
        }

        var wanted = actions ?? Selection.Of("ManagePlugin");
        if (!wanted.IsWithin(creator.Permissions.Actions))
        {
            return DeviceHiveErrors.Make(403, "Access is denied: a goes beyond what the creator holds", "wider-than-creator");
        }

        var origin = issuance.OriginOf(creator);
        return await issuance.PluginPair(origin, creator, wanted, topic, end ?? issuance.AccessEnd, end ?? origin.End) is not { } pair
            ? DeviceHiveErrors.NotNow
            : new(201, new JsonObject { ["accessToken"] = pair.Access, ["refreshToken"] = pair.Refresh }, "created");
    }

    /// <summary>What a plugin's token says, for the plugin proxy. The token stands in the query, as the vendor has it.</summary>
    public async Task<EndpointResult> Authenticate(HttpContext context, EndpointLogEntry request)
    {
        var text = context.Request.Query["token"];
        if (text.Count != 1 || string.IsNullOrEmpty(text[0]))
        {
            return DeviceHiveErrors.Make(401, "Token is empty", "credential-missing");
        }

        if (issuance.Credentials.Tokens!.Read(text[0]!) is not { Topic: { } topic } token)
        {
            return DeviceHiveErrors.Make(401, "Token is not valid", "credential-invalid");
        }

        if (token.Use != TokenUse.Access)
        {
            return DeviceHiveErrors.Make(401, "Invalid token type", "credential-invalid");
        }

        if (token.End <= issuance.Now)
        {
            return DeviceHiveErrors.Make(401, "Token has expired", "token-expired");
        }

        var standing = await issuance.StandingOf(token);
        request.Caller = token.Subject;
        return Refusal(issuance, token)
            ?? (
                standing == RevocationStatus.Unknown ? DeviceHiveErrors.NotNow
                : standing == RevocationStatus.Revoked ? DeviceHiveErrors.Make(401, "Token is not valid", "credential-invalid")
                : new(
                    200,
                    new JsonObject
                    {
                        // What its creator may do now: a right that was taken from the creator is not the plugin's either.
                        ["a"] = new JsonArray([
                            .. TokenIssuer
                                .Holding(issuance.Credentials.Tokens.Present(token)!.Permissions, issuance.Actions)
                                .Actions.Select(action => (JsonNode)action),
                        ]),
                        ["e"] = DeviceHiveFields.Write(token.End),
                        ["t"] = (int)token.Use,
                        ["tpc"] = topic,
                    },
                    "authenticated"
                )
            );
    }

    /// <summary>Null while the topic is there and still the creator's.</summary>
    public static EndpointResult? Refusal(Issuance issuance, TokenClaims token) =>
        !issuance.Options.Plugins.TryGetValue(token.Topic!, out var plugin)
            ? DeviceHiveErrors.Make(401, "Plugin is not found", "credential-invalid")
        : $"{ConfigCaller.Source}:{plugin.Creator}" != token.Subject ? DeviceHiveErrors.Make(401, NoTopic, "credential-invalid")
        : null;
}
