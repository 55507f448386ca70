using System.Security.Cryptography;
using System.Text;
using Broker.Redis;
using Broker.UpstreamTokens;

namespace Broker.ReplicaTests;

/// <summary>Which step of the protocol passes on a wire to Redis.</summary>
internal static class Commands
{
    private static readonly (string RenewalStep, byte[] Mark)[] Marks =
    [
        .. Of("read", Scripts.Read),
        .. Of("take", Scripts.Take),
        .. Of("extend", Scripts.Extend),
        .. Of("commit", Scripts.Commit),
        .. Of("release", Scripts.Release),
        .. Of("settle", Scripts.Settle),
        .. Of("republish", Scripts.Republish),
        .. Of("permit", BudgetScript.Permit),
        ("note", "connected_slaves"u8.ToArray()), // goes whole, over a socket of its own
    ];

    public static bool Holds(ReadOnlyMemory<byte> bytes, string step) =>
        Marks.Any(mark => mark.RenewalStep == step && bytes.Span.IndexOf(mark.Mark) >= 0);

    /// <summary>The client sends a script once over each connection, and its SHA-1 from then on.</summary>
    private static IEnumerable<(string RenewalStep, byte[] Mark)> Of(string step, RedisScript script)
    {
        var text = Encoding.UTF8.GetBytes(script.Text);
        return [(step, Encoding.ASCII.GetBytes(Convert.ToHexStringLower(SHA1.HashData(text)))), (step, text)];
    }
}
