using System.Security.Cryptography;
using System.Text;
using Broker.Redis;
using Broker.Tokens.Store;

namespace Broker.ReplicaTests;

/// <summary>Which step of the protocol passes on a wire to Redis.</summary>
internal static class Commands
{
    private static readonly (string Step, byte[] Mark)[] Marks =
    [
        ("read", Mark(Scripts.Read)), ("take", Mark(Scripts.Take)), ("extend", Mark(Scripts.Extend)), ("commit", Mark(Scripts.Commit)),
        ("release", Mark(Scripts.Release)), ("settle", Mark(Scripts.Settle)), ("republish", Mark(Scripts.Republish)), ("permit", Mark(BudgetScript.Permit)),
        ("note", "connected_slaves"u8.ToArray()), // goes whole, over a socket of its own
    ];

    public static bool Holds(ReadOnlyMemory<byte> bytes, string step) => Marks.Any(mark => mark.Step == step && bytes.Span.IndexOf(mark.Mark) >= 0);

    /// <summary>The client sends a script once, and its SHA-1 from then on.</summary>
    private static byte[] Mark(RedisScript script) => Encoding.ASCII.GetBytes(Convert.ToHexStringLower(SHA1.HashData(Encoding.UTF8.GetBytes(script.Text))));
}
