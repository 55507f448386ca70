using Broker.Credentials;
using Broker.Redis;

namespace Broker.TokenService;

/// <summary>
/// A line of rotating refresh tokens in Redis: the place that is used next, and the successor that was answered last, sealed.
/// </summary>
/// <remarks>
/// <code>
/// n next place   b successor, sealed for that place   g end of the grace   e epoch in which it was written
/// </code>
/// </remarks>
internal static class RotationScripts
{
    // KEYS: head, line. ARGV: sealed nothing, life ms. Answers: 1
    public static readonly RedisScript Begin = new(
        "line-begin",
        RevocationLogScripts.Start
            + """
            redis.call('HSET', KEYS[2], 'n', '0', 'b', ARGV[1], 'g', '0', 'e', text(since))
            redis.call('PEXPIRE', KEYS[2], ARGV[2])
            return 1
            """
    );

    /// <summary>The place is the next one; whether one of ours wrote what stands there is to be looked at, and then to be said.</summary>
    public const string Next = "Next";

    /// <summary>What stands there is no line of the brokers.</summary>
    public const string Foreign = "Foreign";

    // KEYS: head, line. What is not there is forgotten.
    public static readonly RedisScript Drop = new("line-drop", "redis.call('DEL', KEYS[2]) return 1");

    // KEYS: head, line. ARGV: place, sealed successor, grace us, pause us, uses known, what was looked at or ''.
    // Answers: verdict, place that was next, what was sealed for it, uses.
    // The script cannot look into the seal. It writes only over what the asker has looked at: else a line that somebody set back would be
    // sealed anew.
    public static readonly RedisScript Use = new(
        "line-use",
        RevocationLogScripts.Start
            + """
            compare(ARGV[5])
            -- A young epoch: a replica may know of a use that Redis has forgotten, and has not said so yet.
            if now - since < tonumber(ARGV[4]) then return { 'Unknown', '0', '', text(uses) } end
            local kind = redis.call('TYPE', KEYS[2]).ok
            if kind ~= 'none' and kind ~= 'hash' then return { 'Foreign', '0', '', text(uses) } end
            for name, most in pairs({ n = 32, b = 1048576, g = 32, e = 32 }) do
              if redis.call('HSTRLEN', KEYS[2], name) > most then return { 'Foreign', '0', '', text(uses) } end
            end
            local l = redis.call('HMGET', KEYS[2], 'n', 'b', 'g', 'e')
            if not l[1] or count(l[4]) < floor then return { 'UnknownFamily', '0', '', text(uses) } end
            local place, following = tonumber(ARGV[1]), count(l[1])
            local verdict = 'Reused'
            if place == following and (ARGV[6] == '' or ARGV[6] ~= l[2]) then
              verdict = 'Next'
            elseif place == following then
              verdict = 'First'
              uses = uses + 1
              redis.call('HSET', KEYS[1], 'u', text(uses))
              redis.call('HSET', KEYS[2], 'n', text(place + 1), 'b', ARGV[2], 'g', text(now + ARGV[3]), 'e', text(since))
            elseif place > following then
              verdict = 'UnknownFamily'
            elseif place == following - 1 and now < count(l[3]) then
              verdict = 'WithinGrace'
            end
            return { verdict, text(following), l[2] or '', text(uses) }
            """
    );
}
