using System.Collections.Immutable;
using Broker.UpstreamTokens;

namespace Broker.Tests.UpstreamTokens.Simulation;

/// <content>What it remembers: immutable, so that an older one can come back.</content>
internal sealed partial class SimulatedRedis
{
    internal sealed record LiveLease(Attempt Attempt, long Number, long Until);

    internal sealed record StoredPair(SharedPair Value, Attempt By, long? Ends);

    internal sealed record StoredNote(long Number, OpaqueName Spends, Attempt Attempt, long Until);

    internal sealed record Counter(long Number, string Run, long Since, long Committed = 0);

    internal sealed record Entry(StoredPair? Pair, LiveLease? Lease, StoredNote? Note, Counter Counter)
    {
        public static readonly Entry Empty = new(null, null, null, new(0, "", 0));
    }

    private sealed record StoredQuiet(long Until, TokenProblem Problem, int Failures, OpaqueName Refused, int Refusals, long Ends)
    {
        public OpaqueName Whose { get; init; }

        public int Unknowns { get; init; }

        public static readonly StoredQuiet None = new(0, TokenProblem.None, 0, default, 0, 0);
    }

    private readonly record struct Login(Attempt Attempt, long At, bool IsRejection);

    private sealed record SpentLogins(long Count, long Since, string Run, long Base, ImmutableList<Login> Log)
    {
        public static readonly SpentLogins None = new(-1, 0, "", 0, []);

        /// <summary>In the order of time; once.</summary>
        public SpentLogins Enter(Login login) =>
            Log.Any(known => known.Attempt == login.Attempt)
                ? this
                : this with
                {
                    Count = Math.Max(0, Count) + 1,
                    Log = Log.Insert(Log.Count(known => known.At <= login.At), login),
                };

        public long Wait(BudgetWindow window, bool isRejection, long now)
        {
            var per = Micro(window.Per);
            return new[]
            {
                Since > 0 ? per - (now - Since) : 0,
                Room(window.Permit, per, now, false),
                isRejection ? Room(window.Permit / 2, per, now, true) : 0,
            }.Max();
        }

        private long Room(int permit, long per, long now, bool onlyRejections)
        {
            var log = Log.Where(login => !onlyRejections || login.IsRejection).ToList();
            return permit < 1 ? per
                : log.Count < permit ? 0
                : Math.Max(0, per - (now - log[^permit].At));
        }
    }

    private sealed record TakenSeats(string Run, long Since, ImmutableDictionary<int, (Attempt Who, long Until)> Taken);

    private sealed record Memory(
        ImmutableDictionary<RecordKey, Entry> Entries,
        ImmutableDictionary<OpaqueName, StoredQuiet> Quiets,
        ImmutableDictionary<OpaqueName, SpentLogins> Budgets,
        TakenSeats Seats
    )
    {
        public static readonly Memory Empty = new(
            ImmutableDictionary<RecordKey, Entry>.Empty,
            ImmutableDictionary<OpaqueName, StoredQuiet>.Empty,
            ImmutableDictionary<OpaqueName, SpentLogins>.Empty,
            new("", 0, ImmutableDictionary<int, (Attempt Who, long Until)>.Empty)
        );
    }
}
