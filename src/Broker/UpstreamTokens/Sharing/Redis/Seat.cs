using Broker.Configuration;
using Broker.Redis;

namespace Broker.UpstreamTokens;

/// <summary>
/// This replica's place among all: it says when it may log in alone, while Redis is away, where a window permits fewer logins than there
/// are replicas.
/// </summary>
/// <remarks>
/// <code>
///   | seat 0: open, shut | seat 1: open, shut | ... | seat MaxReplicas - 1 |   again
///   a turn: (Per + what clocks differ) / (Permit - 1/2)
/// </code>
/// Turns are as long as it takes that one login more than a window permits never falls within it, and by Redis's clock, as it was told with
/// the seat and is counted on: nobody can be asked, and replicas' own clocks may say anything. A seat that is not said again is free after
/// <see cref="SharedTimes.SeatLives"/>. New ones are given once a Redis has been the same for so long: who had one has said so.
/// </remarks>
internal sealed class Seat(ISharedTokens tokens, SharedTimes times, Chance chance, TimeProvider time) : IDisposable
{
    /// <summary>A clock that nobody sets is wrong by less than one part in so many.</summary>
    private const int Drift = 10_000;

    private readonly CancellationTokenSource over = new();
    private int isWanted;
    private volatile Place? place;

    /// <summary>Whether so few logins are permitted that not every replica has one of its own.</summary>
    public bool IsNeeded(LoginWindowOptions window) => window.Permit < times.MaxReplicas;

    /// <summary>Has one from now on, as soon as Redis gives it.</summary>
    public void Want()
    {
        if (Interlocked.Exchange(ref isWanted, 1) == 0)
        {
            _ = Keep(new(chance(), chance()));
        }
    }

    /// <summary>How long until it is this replica's turn; zero when it is. Without a seat there is none.</summary>
    /// <param name="window">Of the login budget.</param>
    /// <param name="awayFor">How long Redis is away: the seat must have been this replica's then.</param>
    public TimeSpan TurnIn(LoginWindowOptions window, TimeSpan awayFor)
    {
        if (place is not { } mine || time.GetElapsedTime(mine.SentAt) - awayFor > times.SeatLives)
        {
            return window.Per;
        }
        var elapsed = time.GetElapsedTime(mine.SentAt);
        var turn = ((window.Per + (times.ClocksDiffer * 2)) / (window.Permit - 0.5)).Ticks;
        // No more than that: clocks that are set keep together, and a turn that closed for good would never let anybody in.
        var drift = Math.Min(elapsed.Ticks / Drift, turn / 8);
        var (now, begin) = ((mine.Redis + elapsed).Ticks % (turn * times.MaxReplicas), (turn * mine.Number) + drift);
        if (now >= begin && now < begin + (turn / 2) - (drift * 2))
        {
            return TimeSpan.Zero;
        }
        var left = begin > now ? begin - now : begin - now + (turn * times.MaxReplicas);
        return TimeSpan.FromTicks(left + (left * 2 / Drift) + 1); // the drift grows meanwhile
    }

    public void Dispose() => over.Cancel();

    private async Task Keep(Attempt mine)
    {
        while (!over.IsCancellationRequested)
        {
            var sent = time.GetTimestamp();
            if (await tokens.Sit(mine, place?.Number, times.MaxReplicas, times.SeatLives) is { } seating)
            {
                var took = time.GetElapsedTime(sent);
                // Of an answer that was long on its way nobody knows when its time was the right one.
                place =
                    seating.Number is not { } given ? null
                    : took > times.ClocksDiffer ? place
                    : new(given, sent, seating.Now - (took / 2));
            }
            await Task.Delay(times.SeatLives / 3, time, over.Token)
                .ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing | ConfigureAwaitOptions.ContinueOnCapturedContext);
        }
    }

    /// <param name="Number">Of the seat.</param>
    /// <param name="SentAt">When it was asked for.</param>
    /// <param name="Redis">Redis's clock then.</param>
    private sealed record Place(int Number, long SentAt, TimeSpan Redis);
}

/// <summary>The seats as Redis keeps them: one hash, a field each, and since when it has been the same Redis.</summary>
internal static class SeatScript
{
    // ARGV: who, the seat it has or -1, how many there are, a seat's life us. Answers its seat, or -1, Redis's time, and whether another's
    // key stood there.
    public static readonly RedisScript Sit = new(
        "seat",
        SharedTokenScripts.Run
            + RedisScript.Numbers
            + """
            local seats, lives = tonumber(ARGV[3]), tonumber(ARGV[4])
            local is = redis.call('TYPE', KEYS[1]).ok
            local isForeign = is ~= 'none' and is ~= 'hash'
            if isForeign then redis.call('DEL', KEYS[1]) end
            local h = redis.call('HMGET', KEYS[1], 'r', 's')
            local since = #(h[2] or '') <= 32 and tonumber(h[2] or '')
            if h[1] ~= run or not since or since > now then
              since = now
              redis.call('HSET', KEYS[1], 'r', run, 's', text(since))
            end
            redis.call('PEXPIRE', KEYS[1], text(lives / 100))
            local function isFree(i)
              local seat = redis.call('HGET', KEYS[1], text(i)) or ''
              local owner, to = string.match(#seat <= 64 and seat or '', '^(%x+)|(%d+)$')
              return not owner or owner == ARGV[1] or tonumber(to) <= now or tonumber(to) > now + lives * 10 -- nobody of ours wrote that
            end
            local function give(i)
              redis.call('HSET', KEYS[1], text(i), ARGV[1] .. '|' .. text(now + lives))
              return i
            end
            local had = tonumber(ARGV[2])
            if had >= 0 and had < seats and isFree(had) then return { give(had), text(now), isForeign and '1' or '0' } end
            if now - since >= lives then
              for i = 0, seats - 1 do
                if isFree(i) then return { give(i), text(now), isForeign and '1' or '0' } end
              end
            end
            return { -1, text(now), isForeign and '1' or '0' }
            """
    );
}

/// <summary>A seat, or that all are taken.</summary>
/// <param name="Number">From zero; null when there is none.</param>
/// <param name="Now">Redis's clock: what all turns go by.</param>
internal readonly record struct Seating(int? Number, TimeSpan Now);
