using System.Net;
using Broker.Credentials;
using Microsoft.AspNetCore.Http;

namespace Broker.Issuing;

/// <summary>What a login by password came to; the default is a refusal.</summary>
/// <param name="Caller">Who it is.</param>
/// <param name="IsKnown">False when nobody could look.</param>
/// <param name="Wait">How long this name waits at this address.</param>
internal readonly record struct PasswordLogin(Caller? Caller, bool IsKnown, TimeSpan Wait);

/// <summary>Checks names and passwords, and slows down who guesses.</summary>
internal static class PasswordLogins
{
    public static async Task<PasswordLogin> Check(Issuance issuance, HttpContext context, string name, string password)
    {
        var attempts = issuance.Ledgers.Attempts;
        var address = AddressOf(context.Connection.RemoteIpAddress);
        var turn = await attempts.Begin(name, address, context.RequestAborted);
        if (!turn.MayTry)
        {
            return new(null, turn.IsKnown, turn.Wait);
        }

        var result = await issuance.Credentials.ReadPassword(name, password, context.RequestAborted);
        if (result.Problem == CredentialProblem.Unknown)
        {
            await attempts.Withdraw(name, address, context.RequestAborted);
            return default;
        }

        if (result.Caller is not null)
        {
            await attempts.Succeeded(name, address, context.RequestAborted);
        }

        return new(result.Caller, true, TimeSpan.Zero);
    }

    // The connection's own address: what a header says of it is not believed. An IPv6 host has a whole /64 to come from.
    private static string AddressOf(IPAddress? address)
    {
        if (address is null)
        {
            return "";
        }

        var plain = address.IsIPv4MappedToIPv6 ? address.MapToIPv4() : address;
        var bytes = plain.GetAddressBytes();
        return Convert.ToHexString(bytes.Length == 16 ? bytes.AsSpan(0, 8) : bytes);
    }
}
