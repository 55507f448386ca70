using Broker.Credentials;
using Microsoft.AspNetCore.Http;

namespace Broker.Issuing;

/// <summary>What a login by password came to; the default is a refusal.</summary>
/// <param name="Caller">Who it is.</param>
/// <param name="IsKnown">False when nobody could look.</param>
/// <param name="Wait">How long this name waits at this address.</param>
internal readonly record struct PasswordLogin(Caller? Caller, bool IsKnown, TimeSpan Wait)
{
    public static async Task<PasswordLogin> Check(Issuance issuance, HttpContext context, string name, string password)
    {
        var result = await issuance.Credentials.ReadPassword(name, password, context.Connection.RemoteIpAddress, context.RequestAborted);
        return new(result.Caller, result.Problem != CredentialProblem.Unknown, result.Wait);
    }
}
