using System.Security.Cryptography;
using System.Text;

namespace Broker.Credentials;

/// <summary>Failed logins that one process saw: a bounded number of pairs, each a digest, none for longer than a day.</summary>
internal sealed class AttemptMemory(TimeProvider time, int capacity = 100_000) : IFailedAttempts
{
    /// <summary>Failures in a row that cost nothing.</summary>
    public const int Free = 10;

    public static readonly TimeSpan Longest = TimeSpan.FromMinutes(15);
    public static readonly TimeSpan Forgotten = TimeSpan.FromDays(1);


    private readonly Lock turn = new();
    private readonly Dictionary<string, Row> rows = new(StringComparer.Ordinal);

    /// <summary>The wait after the last free failure.</summary>
    public TimeSpan First { get; set; } = TimeSpan.FromSeconds(1);

    public int Count
    {
        get
        {
            lock (turn)
            {
                return rows.Count;
            }
        }
    }

    public ValueTask<AttemptTurn> Look(string name, string address, CancellationToken cancellation)
    {
        lock (turn)
        {
            return new(rows.Count == 0 ? AttemptTurn.Go : new(true, rows.GetValueOrDefault(KeyOf(name, address)).Next - time.GetUtcNow()));
        }
    }

    public ValueTask<AttemptTurn> Begin(string name, string address, CancellationToken cancellation)
    {
        var key = KeyOf(name, address);
        lock (turn)
        {
            var now = time.GetUtcNow();
            var row = rows.GetValueOrDefault(key);
            if (row.Failures > 0 && row.Last + Forgotten <= now)
            {
                row = default;
            }

            if (row.Next > now)
            {
                return new(new AttemptTurn(true, row.Next - now));
            }

            var failures = row.Failures + 1;
            rows[key] = new(failures, now, failures < Free ? default : now + WaitAfter(failures));
            MakeRoom();
            return new(AttemptTurn.Go);
        }
    }

    public ValueTask Succeeded(string name, string address, CancellationToken cancellation)
    {
        Forget(name, address);
        return default;
    }

    /// <summary>Whether there was a row to break.</summary>
    public bool Forget(string name, string address)
    {
        lock (turn)
        {
            return rows.Count > 0 && rows.Remove(KeyOf(name, address));
        }
    }

    /// <summary>Takes over what all replicas together counted.</summary>
    public void Follow(string name, string address, int failures, TimeSpan wait)
    {
        lock (turn)
        {
            var now = time.GetUtcNow();
            rows[KeyOf(name, address)] = new(failures, now, wait > TimeSpan.Zero ? now + wait : default);
            MakeRoom();
        }
    }

    public ValueTask Withdraw(string name, string address, CancellationToken cancellation)
    {
        var key = KeyOf(name, address);
        lock (turn)
        {
            if (rows.TryGetValue(key, out var row))
            {
                rows[key] = row with { Failures = row.Failures - 1, Next = default };
            }
        }

        return default;
    }

    private TimeSpan WaitAfter(int failures)
    {
        var wait = First * Math.Pow(2, Math.Min(failures - Free, 20));
        return wait < Longest ? wait : Longest;
    }

    // When there are too many, those that failed longest ago go, a tenth at once so that this is seldom.
    private void MakeRoom()
    {
        if (rows.Count <= capacity)
        {
            return;
        }

        // Those who wait already go last: a flood of new names must not set a guesser free.
        var oldest = rows.OrderBy(pair => pair.Value.Failures >= Free).ThenBy(pair => pair.Value.Last).Select(pair => pair.Key);
        foreach (var key in oldest.Take(Math.Max(1, capacity / 10)).ToList())
        {
            rows.Remove(key);
        }
    }

    private static string KeyOf(string name, string address) =>
        Convert.ToBase64String(SHA256.HashData(Encoding.UTF8.GetBytes($"{address}\n{name}")));

    private readonly record struct Row(int Failures, DateTimeOffset Last, DateTimeOffset Next);
}
