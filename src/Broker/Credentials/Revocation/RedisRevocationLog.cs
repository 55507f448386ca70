using System.Globalization;
using Broker.Redis;
using StackExchange.Redis;

namespace Broker.Credentials;

/// <summary>How far a replica has read the log.</summary>
internal sealed class RevocationLogCursor
{
    /// <summary>In which epoch; another one is read from its begin.</summary>
    public string Epoch { get; set; } = "";

    /// <summary>The highest number of a part that was begun.</summary>
    public long Highest { get; set; }

    /// <summary>Parts that may grow, and how many of their entries were read.</summary>
    public Dictionary<long, int> Open { get; } = [];
}

/// <summary>What one step of reading brought.</summary>
/// <param name="Epoch">Of what is read.</param>
/// <param name="EpochAge">How long it lasts.</param>
/// <param name="Facts">What is new.</param>
/// <param name="HasMore">Whether to ask again at once.</param>
/// <param name="Doubtful">Entries that nobody of ours wrote.</param>
internal sealed record RevocationLogPage(string Epoch, TimeSpan EpochAge, IReadOnlyList<RevocationEvent> Facts, bool HasMore, int Doubtful);

/// <summary>A number that only grows.</summary>
internal sealed class HighWaterMark(long value = 0)
{
    private long value = value;

    public long Value => Volatile.Read(ref value);

    public void Saw(long told)
    {
        var known = Value;
        while (told > known)
        {
            known = Interlocked.CompareExchange(ref value, told, known);
        }
    }
}

/// <summary>The log of facts in Redis.</summary>
/// <param name="life">The longest that any config of these brokers lets a token live, in milliseconds.</param>
internal sealed class RedisRevocationLog(RedisLink link, RevocationLogKeys names, HighWaterMark life, TimeProvider time)
{
    private const int PartSize = 128;
    private const int PageSize = 512;

    private readonly HighWaterMark uses = new();

    public RevocationLogKeys Names => names;

    public RedisLink Link => link;

    /// <summary>The most uses of refresh tokens that Redis told of; less than that, and it has forgotten some.</summary>
    public long Uses => uses.Value;

    /// <summary>
    /// What came since the cursor, which moves on; null when Redis did not answer, or did not take out what the brokers did not write.
    /// </summary>
    public async Task<RevocationLogPage?> Since(RevocationLogCursor cursor)
    {
        List<RedisValue> values = [names.Part, cursor.Epoch, Uses, cursor.Highest, PageSize, life.Value];
        foreach (var (part, read) in cursor.Open)
        {
            values.AddRange([part, read]);
        }

        if (await link.Run(RevocationLogScripts.Since, names.Keys, [.. values]) is not { } answer)
        {
            return null;
        }

        var all = (RedisResult[])answer!;
        var epoch = (string)all[0]!;
        Saw(Number((RedisValue)all[2]));
        life.Saw(Math.Min(Number((RedisValue)all[5]), (long)RevocationList.LongestOfAll.TotalMilliseconds));
        if (epoch != cursor.Epoch)
        {
            cursor.Open.Clear();
        }

        var facts = new List<RevocationEvent>();
        var doubtful = new List<(long Part, int Place, RedisValue Entry)>();
        foreach (var part in (RedisResult[])all[6]!)
        {
            Read(cursor, (RedisValue[])part!, facts, doubtful);
        }

        (cursor.Epoch, cursor.Highest) = (epoch, Number((RedisValue)all[3]));
        foreach (var (part, place, entry) in doubtful)
        {
            if (
                await link.Run(
                    RevocationLogScripts.Doubt,
                    [names.Keys[0], names.Part + part.ToString(CultureInfo.InvariantCulture)],
                    [place, entry]
                )
                is null
            )
            {
                cursor.Epoch = ""; // nobody was told that something is missing there: not to be passed over
                return null;
            }
        }

        return new(
            epoch,
            TimeSpan.FromMicroseconds(Number((RedisValue)all[1])),
            facts,
            Number((RedisValue)all[4]) == 1,
            doubtful.Count + (int)Number((RedisValue)all[7])
        );
    }

    /// <summary>Whether Redis has them.</summary>
    public async Task<bool> Add(IReadOnlyList<RevocationEvent> facts) =>
        await link.Run(RevocationLogScripts.Add, names.Keys, [.. Head(), .. facts.SelectMany(Entry)]) is not null;

    /// <summary>What a script that says something takes first.</summary>
    public RedisValue[] Head() => [names.Part, PartSize, names.Channel, names.Message];

    /// <summary>A fact as such a script takes it: class, life, entry.</summary>
    public RedisValue[] Entry(RevocationEvent fact)
    {
        var left = Math.Max(1, (long)(fact.Until + TokenReader.Skew - time.GetUtcNow()).TotalMilliseconds);
        return [ClassOf(left), left, names.Seal.Close(fact.Write(), names.Entry, 0)];
    }

    /// <summary>Remembers how many uses of refresh tokens Redis told of.</summary>
    public void Saw(long told) => uses.Saw(told);

    /// <summary>Entries of one part end within four times of each other's life, and no later than its last.</summary>
    private static int ClassOf(long lifeMilliseconds) => (int)Math.Ceiling(Math.Log(Math.Max(1, lifeMilliseconds / 900_000.0), 4));

    private void Read(RevocationLogCursor cursor, RedisValue[] part, List<RevocationEvent> facts, List<(long, int, RedisValue)> doubtful)
    {
        var (number, read) = (Number(part[0]), (int)Number(part[1]));
        for (var i = 2; i < part.Length; i++)
        {
            var entry = (byte[])part[i]!;
            if (entry.Length == 0)
            {
                continue; // one that was doubted
            }

            if (names.Seal.Open(entry, names.Entry, 0, out _) is not { } text)
            {
                doubtful.Add((number, read - (part.Length - i), part[i]));
            }
            else if (RevocationEvent.Read(text) is { } fact)
            {
                facts.Add(fact);
            }
        }

        if (read is < 0 or >= PartSize)
        {
            cursor.Open.Remove(number);
        }
        else
        {
            cursor.Open[number] = read;
        }
    }

    private static long Number(RedisValue value) =>
        long.TryParse((string?)value, CultureInfo.InvariantCulture, out var number) ? number : 0;
}
