using System.Net;
using System.Net.Sockets;
using System.Security.Authentication;

namespace Broker.Redis;

/// <summary>Why no connection comes about, in a word of ours: the client of 2017 does not say.</summary>
internal static class RedisDiagnosis
{
    /// <summary>Connects to one node after the other, as the client would, and tells a word of each; null where it lets us in.</summary>
    public static async Task<IReadOnlyList<(string Node, string? Word)>> Of(IEnumerable<string> nodes, RedisSettings settings, TimeProvider time, CancellationToken stop)
    {
        List<(string, string?)> words = [];
        foreach (var node in nodes)
        {
            using var deadline = new CancellationTokenSource(settings.CallTimeout, time);
            using var either = CancellationTokenSource.CreateLinkedTokenSource(deadline.Token, stop);
            words.Add((node, await At(node, settings, either.Token)));
        }
        return words;
    }

    private static async Task<string?> At(string endpoint, RedisSettings settings, CancellationToken cancellation)
    {
        try
        {
            using var connection = await RawConnection.Open(Node(endpoint), settings, cancellation);
            await connection.Ask(["PING"], cancellation);
            return null;
        }
        catch (AuthenticationException fault)
        {
            return fault.Message.StartsWith("certificate-", StringComparison.Ordinal) ? fault.Message : "no-answer-over-tls";
        }
        catch (RedisRefusal refused)
        {
            return refused.Code switch
            {
                "WRONGPASS" => "wrong-password",
                "NOAUTH" => "password-missing",
                "ERR" when settings.Password is not null => "password-refused",
                var code => "refused-" + new string([.. code.Where(char.IsAsciiLetterUpper)]).ToLowerInvariant(),
            };
        }
        catch (SocketException)
        {
            return "not-reached";
        }
        catch (Exception)
        {
            // Cut, or no answer: a node that speaks TLS hears no more than noise from who does not, and the other way round.
            return settings.Tls ? "no-answer-over-tls" : "no-answer";
        }
    }

    private static EndPoint Node(string endpoint)
    {
        var uri = new Uri("redis://" + endpoint);
        return IPAddress.TryParse(uri.DnsSafeHost, out var address) ? new IPEndPoint(address, uri.Port) : new DnsEndPoint(uri.DnsSafeHost, uri.Port);
    }
}
