using System.Security.Cryptography;
using System.Text;
using Broker.Redis;
using Broker.UpstreamTokens;

namespace Broker.ReplicaTests;

/// <summary>Which step of the protocol passes on a wire to Redis.</summary>
internal static class Commands
{
    private static readonly (string Step, byte[] Mark)[] Marks =
    [
        .. Of("read", SharedTokenScripts.Read),
        .. Of("take", SharedTokenScripts.Take),
        .. Of("extend", SharedTokenScripts.Extend),
        .. Of("commit", SharedTokenScripts.Commit),
        .. Of("release", SharedTokenScripts.Release),
        .. Of("settle", SharedTokenScripts.Settle),
        .. Of("republish", SharedTokenScripts.Republish),
        .. Of("permit", BudgetScript.Permit),
        ("note", "connected_slaves"u8.ToArray()), // goes whole, over a socket of its own
    ];

    public static bool Holds(ReadOnlyMemory<byte> bytes, string step) =>
        Marks.Any(mark => mark.Step == step && bytes.Span.IndexOf(mark.Mark) >= 0);

    /// <summary>The client sends a script once over each connection, and its SHA-1 from then on.</summary>
    private static IEnumerable<(string Step, byte[] Mark)> Of(string step, RedisScript script)
    {
        var text = Encoding.UTF8.GetBytes(script.Text);
        return [(step, Encoding.ASCII.GetBytes(Convert.ToHexStringLower(SHA1.HashData(text)))), (step, text)];
    }
}
