using System.Net;

namespace Broker.Credentials;

/// <summary>Where a login comes from, as failed ones are counted.</summary>
internal static class CallerAddress
{
    /// <summary>
    /// The connection's own address: what a header says of it is not believed. An IPv6 host has a whole /64 to come from.
    /// </summary>
    public static string Of(IPAddress? address)
    {
        if (address is null)
        {
            return "";
        }

        var bytes = (address.IsIPv4MappedToIPv6 ? address.MapToIPv4() : address).GetAddressBytes();
        return Convert.ToHexString(bytes.Length == 16 ? bytes.AsSpan(0, 8) : bytes);
    }
}
