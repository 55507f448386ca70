using System.Net;
using StackExchange.Redis;

namespace Broker.Redis;

/// <content>Single nodes: which of them keep us out, and why, and what is theirs.</content>
internal sealed partial class RedisLink
{
    private const int MostKeys = 200_000; // of 16384 slots one has to be met

    /// <summary>The first word of Redis's own errors is a code; the rest may hold what was sent.</summary>
    private void Refused(string word, string? key, Asking? asking)
    {
        if (asking is { } step && IsOfOneStep(word))
        {
            StepRefused(step, word);
            return;
        }
        if (!word.All(char.IsAsciiLetterUpper))
        {
            Unanswered("node-not-reached", key); // the client's own words
            return;
        }
        // Of a Cluster one node refuses, or one slot is on its way: the others are as good as before.
        Volatile.Write(ref isRefusing, isCluster ? 0 : 1);
        Unanswered("refused-" + word.ToLowerInvariant(), key);
    }

    /// <summary>Says once what keeps us out, and once more when it is something else.</summary>
    /// <param name="reached">Null when no node lets us in; else it is told of those that do not.</param>
    private async Task Diagnose(ConnectionMultiplexer? reached)
    {
        if ((reached is not null && Fault.StartsWith("refused-", StringComparison.Ordinal)) || Interlocked.Exchange(ref isDiagnosing, 1) == 1)
        {
            return;
        }
        try
        {
            var nodes = reached is null ? settings.Endpoints : reached.GetEndPoints().Where(node => !reached.GetServer(node).IsConnected).Select(Text);
            var words = await RedisDiagnosis.Of(nodes, settings, time, stop.Token);
            // Who answers says more than who does not.
            var word = words.OrderBy(node => node.Word is null or "not-reached").Select(node => node.Word).FirstOrDefault();
            var isOver = reached is null && words.Any(node => node.Word is null);
            if (word is not null && !isOver && word != diagnosis && IsAway && !stop.IsCancellationRequested)
            {
                diagnosis = word;
                RedisLog.NotConnected(log, string.Join(", ", words.Where(node => node.Word == word).Select(node => node.Node)), word);
            }
        }
        finally
        {
            Volatile.Write(ref isDiagnosing, 0);
        }
    }

    private static string Text(EndPoint node) => node is DnsEndPoint name ? $"{name.Host}:{name.Port}" : node.ToString()!;

    private void Failed(ConnectionMultiplexer which, EndPoint node)
    {
        if (ReferenceEquals(Volatile.Read(ref client), which) && (!isCluster || KeyAt(which, node) is not null))
        {
            Unanswered("connection-failed", isCluster ? KeyAt(which, node) : null);
        }
    }

    /// <summary>Some key that a node of a Cluster serves; null where it serves none, as a replica does not.</summary>
    private string? KeyAt(ConnectionMultiplexer which, EndPoint node)
    {
        var known = which.GetEndPoints().Select(each => which.GetServer(each).ClusterConfiguration).FirstOrDefault(known => known is not null);
        if (known?[node] is not { } one)
        {
            return settings.Channel;
        }
        return Enumerable.Range(0, one.IsSlave || one.Slots.Count == 0 ? 0 : MostKeys).Select(i => $"{settings.Channel}:{i}").FirstOrDefault(
            key => which.HashSlot(key) is var slot && one.Slots.Any(range => range.From <= slot && slot <= range.To));
    }
}
