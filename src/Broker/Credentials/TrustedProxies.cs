using System.Net;
using Broker.Configuration;
using Microsoft.AspNetCore.Http;

namespace Broker.Credentials;

/// <summary>
/// Who may say in <c>X-Forwarded-For</c> where a request comes from. Failed logins are counted by that and the upstream is told of it;
/// nothing is granted for it.
/// </summary>
internal sealed class TrustedProxies(IReadOnlyList<IPNetwork> networks)
{
    private const string Header = "X-Forwarded-For";
    private const string Path = "Broker:TrustedProxies";
    private const int MostHops = 32;

    public static TrustedProxies None { get; } = new([]);

    public static TrustedProxies Compile(IReadOnlyList<string> texts, ConfigErrors mistakes)
    {
        var networks = new List<IPNetwork>();
        for (var i = 0; i < texts.Count; i++)
        {
            if (IPAddress.TryParse(texts[i], out var single))
            {
                networks.Add(new(single, single.GetAddressBytes().Length * 8));
            }
            else if (!IPNetwork.TryParse(texts[i], out var network))
            {
                mistakes.Error($"{Path}:{i}", "is an address or a network such as 10.0.0.0/8");
            }
            else if (network.PrefixLength == 0)
            {
                mistakes.Error(
                    $"{Path}:{i}",
                    "is every address: then each caller says itself where it comes from, and guesses passwords without end"
                );
            }
            else
            {
                networks.Add(network);
            }
        }

        return new(networks);
    }

    /// <summary>
    /// The address that is the client's as far as those can be believed whom the config trusts: the last that is none of theirs.
    /// </summary>
    public IPAddress? ClientOf(IPAddress? peer, IHeaderDictionary headers)
    {
        if (networks.Count == 0 || peer is null || !IsTrusted(peer))
        {
            return peer;
        }

        // From the right: each proxy adds whom it saw, and what stands left of that its caller wrote.
        var hops = string.Join(',', headers[Header].ToArray()).Split(',', StringSplitOptions.TrimEntries);
        var client = peer;
        for (var i = hops.Length - 1; i >= 0 && IsTrusted(client) && TryRead(hops[i], out var hop); i--)
        {
            client = hop;
        }

        return client;
    }

    /// <summary>Whether the config trusts what this peer says of its own callers.</summary>
    public bool IsProxy(IPAddress? peer) => networks.Count > 0 && peer is not null && IsTrusted(peer);

    /// <summary>
    /// The addresses in <c>X-Forwarded-For</c>, from the right as far as they can be read: left of that anything may stand.
    /// </summary>
    public static IReadOnlyList<string> HopsOf(IHeaderDictionary headers)
    {
        var hops = string.Join(',', headers[Header].ToArray()).Split(',', StringSplitOptions.TrimEntries);
        var readable = hops.Reverse().TakeWhile(hop => TryRead(hop, out _)).Take(MostHops).Reverse();
        return [.. readable];
    }

    private bool IsTrusted(IPAddress address)
    {
        var plain = address.IsIPv4MappedToIPv6 ? address.MapToIPv4() : address;
        return networks.Any(network => network.Contains(plain));
    }

    // Some proxies write the port as well: 192.0.2.1:4711, [2001:db8::1]:4711. A number alone is no address, whatever .NET makes of it.
    private static bool TryRead(string text, out IPAddress address)
    {
        address = IPAddress.None;
        if (!IPEndPoint.TryParse(text, out var read) || !text.AsSpan().ContainsAny('.', ':'))
        {
            return false;
        }

        address = read.Address;
        return true;
    }
}
