using System.Collections.Concurrent;
using StackExchange.Redis;

namespace Broker.Redis;

/// <summary>
/// The one connection to Redis: one server, a primary with replicas, or a Cluster. Every call is bounded; what is not answered is null.
/// </summary>
/// <remarks>The client connects again by itself. When all is answered again, and by whom, is found out here: see the recovery loop in
/// RedisLink.Healing.</remarks>
internal sealed partial class RedisLink : IDisposable
{
    private const int MostSilent = 16;

    private readonly TimeProvider time;
    private readonly ILogger log;
    private readonly NoteLink notes;
    private readonly CancellationTokenSource stop = new();
    private readonly TaskCompletionSource<ConnectionMultiplexer> connected = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly ConcurrentDictionary<string, bool> silent = new(); // keys that were not answered; some, where there are many
    private ConnectionMultiplexer? client;
    private volatile RedisSettings settings;
    private int isHealing;
    private int isAway;
    private int isRefusing;
    private string fault = "not-connected";

    public RedisLink(RedisSettings settings, TimeProvider time, ILogger log)
    {
        (this.settings, this.time, this.log) = (settings, time, log);
        notes = new(() => this.settings, time);
    }

    /// <summary>Answers again after it did not.</summary>
    public event Action? Returned;

    /// <summary>Something was published on the channel.</summary>
    public event Action<string>? Heard;

    /// <summary>
    /// Whether a call was not answered, or was refused, and what it was for has not answered since; of a Cluster, at any node.
    /// </summary>
    public bool IsAway => Volatile.Read(ref isAway) == 1;

    /// <summary>
    /// Whether one that is no Cluster answers, but did not do what it was told and has written nothing since: read-only, out of memory, its
    /// disk full.
    /// </summary>
    public bool IsRefusing => Volatile.Read(ref isRefusing) == 1;

    /// <summary>Whether it is a Cluster: one node may be away, and the others answer.</summary>
    public bool IsCluster => Volatile.Read(ref client) is { } now && now.GetServers().Any(node => node.ServerType == ServerType.Cluster);

    /// <summary>Why the last call was not answered: a word, of which nothing is secret.</summary>
    public string Fault => diagnosis ?? Volatile.Read(ref fault);

    /// <summary>From the next connection on: a password that was changed, an authority that was added.</summary>
    public void Use(RedisSettings newer) => settings = newer;

    /// <summary>Connects in the background: a Redis that is away does not hold up the start.</summary>
    public void Start() => Heal();

    /// <summary>Runs a step where its first key lives; null when it was not answered in time.</summary>
    public Task<RedisResult?> Run(RedisScript script, RedisKey[] keys, RedisValue[] values) => Run(script, keys, values, keys[0]);

    private async Task<RedisResult?> Run(RedisScript script, RedisKey[] keys, RedisValue[] values, string? key)
    {
        Asking? asking = key is null ? null : new(script, keys); // a probe is about Redis, not about its keys
        if ((asking is { } step && IsPausing(step)) || await Client() is not { } now)
        {
            return null;
        }
        var from = time.GetTimestamp();
        var answer = await Bounded(() => script.Evaluate(now.GetDatabase(), keys, values, settings.CallTimeout, time), key, asking);
        RedisMetrics.Called(script.Name, answer is not null, time.GetElapsedTime(from));
        return answer;
    }

    /// <summary>Runs a step over the client for notes, and then waits there for one replica, if Redis has any.</summary>
    /// <param name="script">Its answer: whether it wrote, Redis's run id, and how many replicas there are.</param>
    /// <param name="keys">All of one slot.</param>
    /// <param name="values">What the script takes.</param>
    /// <returns>Null when nobody knows.</returns>
    public async Task<Replicated?> RunReplicated(RedisScript script, RedisKey[] keys, RedisValue[] values)
    {
        var asking = new Asking(script, keys);
        if (IsPausing(asking) || await Client() is null)
        {
            return null;
        }
        var from = time.GetTimestamp();
        var written = await Bounded(() => notes.Write(script, keys, values), keys[0], asking);
        RedisMetrics.Called(script.Name, written is not null, time.GetElapsedTime(from));
        return written;
    }

    public void Dispose()
    {
        stop.Cancel();
        notes.Dispose();
        Close(Interlocked.Exchange(ref client, null));
    }

    /// <summary>The client; at the start what comes first waits for it, once.</summary>
    private async Task<ConnectionMultiplexer?> Client()
    {
        if (Volatile.Read(ref client) is null && !IsAway)
        {
            await Bounded(() => connected.Task, key: null);
        }
        if (Volatile.Read(ref client) is { } now)
        {
            return now;
        }
        Unanswered("not-connected", key: null);
        return null;
    }

    /// <remarks>The client looks for commands that ran out of time once a beat, and for none that it still holds back: the bound of a call
    /// is exact here.</remarks>
    private async Task<T?> Bounded<T>(Func<Task<T>> call, string? key, Asking? asking = null)
        where T : class
    {
        try
        {
            var answer = await call().WaitAsync(settings.CallTimeout, time, stop.Token);
            if (asking is { } done)
            {
                StepDone(done);
            }
            return answer;
        }
        catch (RedisServerException fault)
        {
            // Redis answered, and did not do it: loading, read-only, out of memory, wrong password.
            Refused(CodeOf(fault.Message), key, asking);
        }
        catch (Exception fault)
        {
            Unanswered(fault.GetType().Name, key);
        }
        return null;
    }

    /// <param name="fault">A word about it.</param>
    /// <param name="key">What was asked for: Redis is back when the slot of it answers.</param>
    private void Unanswered(string fault, string? key)
    {
        if (key is not null && silent.Count < MostSilent)
        {
            silent[key] = true;
        }
        Volatile.Write(ref this.fault, fault);
        if (Interlocked.Exchange(ref isAway, 1) == 1)
        {
            // told already
        }
        else if (fault.StartsWith("refused-", StringComparison.Ordinal))
        {
            RedisLog.Refused(log, fault);
        }
        else
        {
            RedisLog.Away(log, fault);
        }
        Heal();
    }
}
