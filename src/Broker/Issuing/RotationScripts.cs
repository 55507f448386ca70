using Broker.Credentials.Ledgers;
using Broker.Redis;

namespace Broker.Issuing;

/// <summary>A line of rotating refresh tokens in Redis: the place that is used next, and the successor that was answered last, sealed.</summary>
/// <remarks>
/// <code>
/// n next place   b successor, sealed for that place   g end of the grace   e epoch in which it was written
/// </code>
/// </remarks>
internal static class RotationScripts
{
    // KEYS: head, line. ARGV: sealed nothing, life ms. Answers: 1
    public static readonly RedisScript Begin = new("line-begin", LedgerScripts.Start + """
        redis.call('HSET', KEYS[2], 'n', '0', 'b', ARGV[1], 'g', '0', 'e', text(since))
        redis.call('PEXPIRE', KEYS[2], ARGV[2])
        return 1
        """);

    // KEYS: head, line. ARGV: place, sealed successor, grace us, pause us, uses known. Answers: verdict, place that was next, what was sealed for it, uses.
    public static readonly RedisScript Use = new("line-use", LedgerScripts.Start + """
        compare(ARGV[5])
        -- A young epoch: a replica may know of a use that Redis has forgotten, and has not said so yet.
        if now - since < tonumber(ARGV[4]) then return { 'Unknown', '0', '', text(uses) } end
        local l = redis.call('HMGET', KEYS[2], 'n', 'b', 'g', 'e')
        if not l[1] or count(l[4]) < floor then return { 'Forgotten', '0', '', text(uses) } end
        local place, following = tonumber(ARGV[1]), count(l[1])
        local verdict = 'Reused'
        if place == following then
          verdict = 'First'
          uses = uses + 1
          redis.call('HSET', KEYS[1], 'u', text(uses))
          redis.call('HSET', KEYS[2], 'n', text(place + 1), 'b', ARGV[2], 'g', text(now + ARGV[3]), 'e', text(since))
        elseif place > following then
          verdict = 'Forgotten'
        elseif place == following - 1 and now < count(l[3]) then
          verdict = 'Again'
        end
        return { verdict, text(following), l[2] or '', text(uses) }
        """);
}
