using System.Collections.Concurrent;
using System.Net;
using System.Net.Security;
using System.Security.Cryptography.X509Certificates;
using StackExchange.Redis;

namespace Broker.Redis;

/// <content>Single nodes: which of them keep us out, and why, and what is theirs.</content>
internal sealed partial class RedisLink
{
    private const int MostKeys = 200_000; // of 16384 slots one has to be met

    private readonly ConcurrentDictionary<EndPoint, string> closed = new(); // a word of ours for each node that let us in not the last time
    private volatile string? diagnosis;

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
        Volatile.Write(ref isRefusing, IsCluster ? 0 : 1);
        Unanswered("refused-" + word.ToLowerInvariant(), key);
    }

    private void Attempted(object? sender, ConnectionAttemptCompletedEventArgs attempt)
    {
        if (attempt.IsSuccess)
        {
            closed.TryRemove(attempt.EndPoint!, out _);
        }
        else
        {
            closed[attempt.EndPoint!] = WordOf(attempt);
        }
    }

    /// <summary>Says once what keeps us out, and once more when it is something else.</summary>
    private void Diagnose()
    {
        // Who answers says more than who does not.
        var word = closed.Values.OrderBy(word => word == "not-reached").FirstOrDefault();
        if (word is null || word == diagnosis || !IsAway || Fault.StartsWith("refused-", StringComparison.Ordinal))
        {
            return;
        }
        diagnosis = word;
        RedisLog.NotConnected(log, string.Join(", ", closed.Where(node => node.Value == word).Select(node => Text(node.Key))), word);
    }

    private string WordOf(ConnectionAttemptCompletedEventArgs attempt)
    {
        if (attempt.Stage < ConnectionAttemptStage.Tls)
        {
            return "not-reached";
        }
        if (attempt.ServerCertificateAccepted == false)
        {
            return attempt.ServerCertificatePolicyErrors is not { } errors || errors.HasFlag(SslPolicyErrors.RemoteCertificateNotAvailable)
                    ? "certificate-missing"
                : errors.HasFlag(SslPolicyErrors.RemoteCertificateNameMismatch) ? "certificate-of-another-name"
                : attempt.ServerCertificateChainStatus?.HasFlag(X509ChainStatusFlags.NotTimeValid) == true ? "certificate-expired"
                : "certificate-not-trusted";
        }
        if (attempt.FailureType == ConnectionFailureType.AuthenticationFailure && attempt.Stage >= ConnectionAttemptStage.Handshake)
        {
            // A user or password that is refused leaves the connection as one without: the client is told NOAUTH in the end.
            return settings.Password is null ? "password-missing" : "wrong-password";
        }
        // Cut, or no answer: a node that speaks TLS hears only noise from a client that does not, and the other way round.
        return attempt.Exception?.Message.Contains("NOPERM", StringComparison.Ordinal) == true ? "refused-noperm"
            : settings.Tls ? "no-answer-over-tls"
            : "no-answer";
    }

    private static string Text(EndPoint node) => node is DnsEndPoint name ? $"{name.Host}:{name.Port}" : node.ToString()!;

    private void Failed(ConnectionMultiplexer which, EndPoint node)
    {
        var isCluster = IsCluster;
        if (!stop.IsCancellationRequested && (!isCluster || KeyAt(which, node) is not null))
        {
            Unanswered("connection-failed", isCluster ? KeyAt(which, node) : null);
        }
    }

    /// <summary>Some key that a node of a Cluster serves; null where it serves none, as a replica does not.</summary>
    private string? KeyAt(ConnectionMultiplexer which, EndPoint node)
    {
        var known = which.GetServers().Select(each => each.ClusterConfiguration).FirstOrDefault(known => known is not null);
        if (known?[node] is not { } one)
        {
            return settings.Channel;
        }
        return Enumerable
            .Range(0, one.IsReplica || one.Slots.Count == 0 ? 0 : MostKeys)
            .Select(i => $"{settings.Channel}:{i}")
            .FirstOrDefault(key => which.HashSlot(key) is var slot && one.Slots.Any(range => range.From <= slot && slot <= range.To));
    }
}
