using System.Text.Json;
using Broker.Credentials;
using Broker.Operations;
using Microsoft.AspNetCore.Http;
using Microsoft.Net.Http.Headers;

namespace Broker.TokenService;

/// <summary>What all of DeviceHive's endpoints ask of a request: a JSON body, and a creator with an action.</summary>
internal static class DeviceHiveBody
{
    private static readonly JsonElement Nothing = JsonElement.Parse("{}");

    /// <summary>A body without a type is JSON (ContentTypeFilter); no body is an empty object.</summary>
    public static async Task<(JsonElement Body, EndpointResult? Refusal)> Read(HttpContext context)
    {
        if (
            !string.IsNullOrEmpty(context.Request.ContentType)
            && (!MediaTypeHeaderValue.TryParse(context.Request.ContentType, out var type) || !type.MatchesMediaType("application/json"))
        )
        {
            return (default, DeviceHiveErrors.WrongMediaType);
        }

        if (await RequestBodyReader.Read(context.Request) is not { } bytes)
        {
            return (default, DeviceHiveErrors.TooLarge);
        }

        return bytes.Length == 0 ? (Nothing, null)
            : RequestBodyReader.Object(bytes) is { } body ? (body, null)
            : (default, DeviceHiveErrors.Malformed);
    }

    /// <summary>
    /// Who creates: with a token of ours or an API key. Passwords are tried at the login alone, where guesses are counted.
    /// </summary>
    public static async Task<(Caller? Creator, EndpointResult? Refusal)> Creator(
        Issuance issuance,
        HttpContext context,
        EndpointLogEntry request,
        string action
    )
    {
        var credential = await issuance.Credentials.Read(
            context.Request.Headers,
            CredentialKinds.Token | CredentialKinds.ApiKey,
            context.RequestAborted
        );
        if (credential.Caller is not { } caller || credential.Problem != CredentialProblem.None)
        {
            return (
                null,
                credential.Problem switch
                {
                    CredentialProblem.Expired => DeviceHiveErrors.Expired,
                    CredentialProblem.Ambiguous => DeviceHiveErrors.Make(
                        400,
                        "The request shows more than one credential: send exactly one.",
                        "ambiguous-credential"
                    ),
                    CredentialProblem.Unknown => DeviceHiveErrors.NotNow,
                    _ => DeviceHiveErrors.Unauthorized,
                }
            );
        }

        request.Caller = caller.Identity;
        return caller.Permissions.Actions.Contains(action) ? (caller, null) : (null, DeviceHiveErrors.Denied);
    }
}
