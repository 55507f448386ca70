using System.Globalization;
using System.Net;
using StackExchange.Redis;

namespace Broker.Redis;

/// <summary>A node answered with an error. Its first word is a code; the rest may hold what was sent.</summary>
/// <param name="code">A word in capitals.</param>
/// <param name="elsewhere">The node to ask instead.</param>
internal sealed class RedisRefusal(string code, string? elsewhere) : InvalidOperationException(code)
{
    public string Code => Message;

    /// <summary>A slot of a Cluster is at another node, or on its way there. Nothing was run, and who asks again, or there, is answered.</summary>
    public bool IsPassing => IsPassingCode(Message);

    /// <summary>Whether the other node does not know yet that the slot is to be its own.</summary>
    public bool MustAsk => Message == "ASK";

    public static RedisRefusal Of(string error)
    {
        var words = error.Split(' ');
        return new(words[0], words is ["MOVED" or "ASK", _, var node] ? node : null);
    }

    /// <summary>The client follows once; its error is what it met there.</summary>
    public static bool IsOne(RedisServerException fault) => IsPassingCode(fault.Message.Split(' ')[0]);

    /// <summary>Where to ask instead; at the same node where it does not say.</summary>
    public EndPoint Elsewhere(EndPoint asked)
    {
        if (elsewhere is null)
        {
            return asked;
        }
        var colon = elsewhere.LastIndexOf(':');
        var (host, port) = (elsewhere[..colon], int.Parse(elsewhere.AsSpan(colon + 1), CultureInfo.InvariantCulture));
        return IPAddress.TryParse(host, out var address) ? new IPEndPoint(address, port)
            : host is not ("" or "?") ? new DnsEndPoint(host, port)
            : asked is DnsEndPoint name ? new DnsEndPoint(name.Host, port) // a node that knows no name of its peer: it is at the same host
            : new IPEndPoint(((IPEndPoint)asked).Address, port);
    }

    private static bool IsPassingCode(string code) => code is "TRYAGAIN" or "MOVED" or "ASK";
}
