using System.Collections.Concurrent;
using Broker.Credentials;

namespace Broker.TokenService;

/// <summary>How many entries each client has among what is revoked, and what becomes of a revocation when it has too many.</summary>
/// <remarks>
/// A client that makes tokens and revokes them could fill the memory of each replica and the ledger in Redis. So a client has room for so
/// many entries at a time, each until the revoked token is over anyway. Beyond that, all that came of the client so far ends at once, which
/// is one entry: that is wider than what was asked for, and touches no token but those of this client. What is another's, or a whole
/// session, still ends one by one. Either slows down while there is no room: whoever comes too early is told when to ask again. Nothing
/// that was ended is ever taken back. Where replicas share a Redis, each entry of its ledger says whose it is: so a replica counts what
/// others took for the client, before it started too.
/// </remarks>
internal sealed class RevocationShares(TimeProvider time)
{
    /// <summary>Room for a client's own tokens.</summary>
    public const int MostOfItsOwn = 1_000;

    /// <summary>Room for sessions, and for whoever revokes the tokens of others, with the action ManageToken.</summary>
    public const int MostOfOthers = 10_000;

    private static readonly TimeSpan FirstPause = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan LongestPause = TimeSpan.FromMinutes(10);
    private static readonly TimeSpan LongestPauseOfOthers = TimeSpan.FromMinutes(1);

    private readonly Lock state = new();
    private readonly Dictionary<string, Share> shares = new(StringComparer.Ordinal);
    private readonly ConcurrentDictionary<string, string> owners = new(StringComparer.Ordinal);

    /// <summary>Whose entry it is, of what was revoked; null where nobody's.</summary>
    public string? OwnerOf(string id) => owners.GetValueOrDefault(id);

    /// <summary>Another replica gave this client room for an entry, or this one before it started.</summary>
    public void Saw(string client, string id, DateTimeOffset until)
    {
        lock (state)
        {
            var share = Of(client);
            if (share.Entries.Count >= MostOfOthers)
            {
                Forget(share);
            }

            if (share.Entries.Count < MostOfOthers)
            {
                Put(client, share, id, until);
            }
        }
    }

    /// <summary>Takes room for one entry.</summary>
    /// <param name="client">Who asks.</param>
    /// <param name="id">What is to be revoked. The same thing again takes no more room.</param>
    /// <param name="until">Until when the entry stands.</param>
    /// <param name="isItsOwn">Whether the client's own end would end it as well.</param>
    public RevocationRoom Take(string client, string id, DateTimeOffset until, bool isItsOwn)
    {
        lock (state)
        {
            var now = time.GetUtcNow();
            var share = Of(client);
            if (share.Entries.ContainsKey(id))
            {
                return RevocationRoom.There;
            }

            var most = isItsOwn ? MostOfItsOwn : MostOfOthers;
            if (share.Entries.Count >= most)
            {
                Forget(share);
            }

            if (share.Entries.Count < most)
            {
                Put(client, share, id, until);
                return RevocationRoom.There;
            }

            return share.PaceOf(isItsOwn).Next(now, isItsOwn ? LongestPause : LongestPauseOfOthers) is { } wait ? RevocationRoom.After(wait)
                : isItsOwn ? RevocationRoom.ForAll
                : RevocationRoom.There;
        }
    }

    private Share Of(string client)
    {
        if (!shares.TryGetValue(client, out var share))
        {
            shares[client] = share = new();
        }

        return share;
    }

    private void Put(string client, Share share, string id, DateTimeOffset until)
    {
        share.Entries[id] = until;
        owners[id] = client;
    }

    /// <summary>What is over takes no room.</summary>
    private void Forget(Share share)
    {
        var over = time.GetUtcNow() - TokenReader.Skew;
        foreach (var (id, until) in share.Entries.ToList())
        {
            if (until <= over)
            {
                share.Entries.Remove(id);
                owners.TryRemove(id, out _);
            }
        }
    }

    private sealed class Share
    {
        private readonly Pace own = new();
        private readonly Pace others = new();

        public Dictionary<string, DateTimeOffset> Entries { get; } = new(StringComparer.Ordinal);

        public Pace PaceOf(bool isItsOwn) => isItsOwn ? own : others;
    }

    private sealed class Pace
    {
        private DateTimeOffset next;
        private TimeSpan pause = FirstPause;

        /// <summary>How long to wait; null when there is no need, and then the next caller has to.</summary>
        public TimeSpan? Next(DateTimeOffset now, TimeSpan longest)
        {
            if (next > now && next - now <= longest) // else the clock was set back
            {
                return next - now;
            }

            pause = now - next > longest ? FirstPause : pause; // it was quiet for so long
            next = now + pause;
            pause = pause * 2 < longest ? pause * 2 : longest;
            return null;
        }
    }
}

/// <summary>Whether there is room for one more revocation.</summary>
/// <param name="IsThere">It may stand alone.</param>
/// <param name="IsForAll">All that came of the client is to end instead.</param>
/// <param name="Wait">After how long to ask again where there is neither.</param>
internal readonly record struct RevocationRoom(bool IsThere, bool IsForAll, TimeSpan Wait)
{
    public static RevocationRoom There => new(true, false, default);

    public static RevocationRoom ForAll => new(false, true, default);

    public static RevocationRoom After(TimeSpan wait) => new(false, false, wait > TimeSpan.FromSeconds(1) ? wait : TimeSpan.FromSeconds(1));
}
