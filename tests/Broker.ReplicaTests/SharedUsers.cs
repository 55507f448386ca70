using System.Diagnostics;
using Broker.Redis;
using Broker.Tests.Redis;
using Microsoft.Extensions.Logging.Abstractions;
using Shouldly;

namespace Broker.ReplicaTests;

/// <summary>Four links of brokers to one Redis, each of which uses it in one way all the time.</summary>
internal sealed class SharedUsers : IDisposable
{
    public const string Key = "{account}:pair";
    public static readonly TimeSpan CallTimeout = TimeSpan.FromSeconds(1);

    private const string Channel = "broker:changed";

    private static readonly string[] Ways = ["steps, one after the other", "steps, fifty a second", "notes", "words"];
    private static readonly TimeSpan Between = TimeSpan.FromMilliseconds(20);
    private static readonly RedisScript Step = new("step", "return redis.call('SET', KEYS[1], ARGV[1])");
    private static readonly RedisScript Note = new(
        "note",
        """
        redis.call('SET', KEYS[1], ARGV[1])
        local run = string.match(redis.call('INFO', 'server'), 'run_id:(%w+)')
        return { 1, run, tonumber(string.match(redis.call('INFO', 'replication'), 'connected_slaves:(%d+)')) }
        """
    );

    private readonly CancellationTokenSource stop = new();
    private readonly IReadOnlyList<User> users;

    public SharedUsers(IEnumerable<string> endpoints)
    {
        var settings = new RedisSettings
        {
            Endpoints = [.. endpoints],
            CallTimeout = CallTimeout,
            Channel = Channel,
        };
        users = [.. Ways.Select(way => new User(way, settings))];
        _ = OneByOne(users[0], async () => await users[0].Link.Run(Step, [Key], ["a"]) is not null);
        _ = Often(users[1], async () => await users[1].Link.Run(Step, [Key], ["b"]) is not null);
        _ = OneByOne(users[2], async () => await users[2].Link.RunReplicated(Note, [Key], ["c"]) is { IsWritten: true });
        users[3].Link.Heard += _ => users[3].Worked();
    }

    /// <summary>With all of them at work.</summary>
    public static async Task<SharedUsers> Start(IEnumerable<string> endpoints)
    {
        var started = new SharedUsers(endpoints);
        await Eventually.Holds(
            () => started.users.Take(3).All(user => user.WorkedAt > 0) && started.users.All(user => !user.Link.IsAway),
            "all steps are answered"
        );
        return started;
    }

    public void Use(string password)
    {
        foreach (var user in users)
        {
            user.Link.Use(user.Settings with { Password = password });
        }
    }

    /// <summary>From now until each works and no link counts Redis as away.</summary>
    /// <param name="server">A server that answers; the words are published there.</param>
    public async Task<IReadOnlyList<(string What, TimeSpan After, bool IsIdle)>> WorkAgain(RedisServer server)
    {
        var from = Stopwatch.GetTimestamp();
        while (users.Any(user => user.WorkedAt < from || user.Link.IsAway))
        {
            Stopwatch
                .GetElapsedTime(from)
                .ShouldBeLessThan(
                    TimeSpan.FromSeconds(60),
                    string.Join(", ", users.Where(user => user.WorkedAt < from).Select(user => user.What))
                );
            await server.Ask("PUBLISH", Channel, "word");
            await Task.Delay(Between);
        }
        return
        [
            .. users.Select(user => (user.What, Stopwatch.GetElapsedTime(from, user.FirstSince(from)), user == users[^1])),
            ("no link says away", Stopwatch.GetElapsedTime(from), true),
        ];
    }

    public void Dispose()
    {
        stop.Cancel();
        foreach (var user in users)
        {
            user.Link.Dispose();
        }
    }

    private async Task OneByOne(User user, Func<Task<bool>> use)
    {
        for (; !stop.IsCancellationRequested; await Task.Delay(Between))
        {
            if (await use())
            {
                user.Worked();
            }
        }
    }

    private async Task Often(User user, Func<Task<bool>> use)
    {
        for (; !stop.IsCancellationRequested; await Task.Delay(Between))
        {
            _ = Once();
        }

        async Task Once()
        {
            if (await use())
            {
                user.Worked();
            }
        }
    }

    private sealed class User
    {
        private readonly Lock state = new();
        private readonly List<long> worked = [];

        public User(string what, RedisSettings settings)
        {
            (What, Settings, Link) = (what, settings, new(settings, TimeProvider.System, NullLogger.Instance));
            Link.Start();
        }

        public string What { get; }

        public RedisSettings Settings { get; }

        public RedisLink Link { get; }

        public long WorkedAt
        {
            get
            {
                lock (state)
                {
                    return worked.LastOrDefault();
                }
            }
        }

        public void Worked()
        {
            lock (state)
            {
                worked.Add(Stopwatch.GetTimestamp());
            }
        }

        public long FirstSince(long from)
        {
            lock (state)
            {
                return worked.First(at => at >= from);
            }
        }
    }
}
