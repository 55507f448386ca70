namespace Broker.UpstreamTokens;

/// <summary>The tokens that all replicas share, a step of the protocol each: Redis, or in the simulation a simulated one.</summary>
/// <remarks>
/// Each step is atomic where the record lives. None throws: what was not answered in time is <see cref="StoreOutcome.Unknown"/>, and may
/// have been done.
/// <code>
///   Read --------------------------------------------> use what is fresh
///   Take --> look again --> Note --> (refresh) --> Commit --> Release
///                  |                    |  not now, unknown: Settle
///                  +--> Permit --> Extend --> (login) --> Commit
/// </code>
/// </remarks>
internal interface ISharedTokens
{
    /// <summary>Redis is reached again after it was not: who holds a pair republishes it.</summary>
    event Action? Returned;

    /// <summary>A step was answered, whose ever: Redis is there, before anybody says that it is back.</summary>
    event Action? Answered;

    /// <summary>Whether records and budgets are at several nodes: of these one may be away, and the others answer.</summary>
    bool IsSpread => false;

    /// <summary>What is stored; changes nothing.</summary>
    Task<StoredState> Read(RecordKey name);

    /// <summary>
    /// 1. The lease, if no live one is there, with a number above all that were given or stored; and what is stored, whoever has the lease.
    /// </summary>
    Task<StoredState> Take(RecordKey name, Attempt attempt, TimeSpan lease);

    /// <summary>
    /// 4. Says what is about to be spent, while the lease is still ours, and extends the lease; where Redis has replicas, one of them has
    /// it too.
    /// </summary>
    /// <param name="name">The record.</param>
    /// <param name="attempt">Who holds the lease.</param>
    /// <param name="spends">The digest of the refresh token.</param>
    /// <param name="deadline">How long the call may run.</param>
    /// <param name="lease">How long the lease lives from now.</param>
    Task<StoreOutcome> Note(RecordKey name, Attempt attempt, OpaqueName spends, TimeSpan deadline, TimeSpan lease);

    /// <summary>5, 6. Extends the lease, and a note of ours with it (never shortens that), while the lease is still ours.</summary>
    Task<StoreOutcome> Extend(RecordKey name, Attempt attempt, TimeSpan lease);

    /// <summary>
    /// 7. Stores the pair if its generation is above the stored one, or equal and the attempt is the same; drops note and quiet time; wakes
    /// who waits.
    /// </summary>
    /// <returns><see cref="StoreOutcome.Lost"/>: the pair is void, and what is stored counts.</returns>
    Task<StoreOutcome> Commit(RecordKey name, Attempt attempt, SharedPair pair, TimeSpan? lives);

    /// <summary>8. Ends the lease if it is this attempt's, and wakes who waits.</summary>
    Task<StoreOutcome> Release(RecordKey name, Attempt attempt);

    /// <summary>
    /// What a call that brought no token leaves: the note withdrawn or kept, a quiet time, a refused fingerprint. The lease need not be
    /// ours any more.
    /// </summary>
    Task<StoreOutcome> Settle(RecordKey name, Attempt attempt, Settlement settlement);

    /// <summary>
    /// After an epoch: the pair, if it is above the stored one and neither was committed under the present run id (one without an end may
    /// be); the note, if no higher one is there.
    /// </summary>
    /// <param name="name">The record.</param>
    /// <param name="pair">What this process holds.</param>
    /// <param name="lives">How long it is kept from now on; null for no end.</param>
    /// <param name="note">Its own, running or of a call whose end nobody knows.</param>
    /// <param name="damaged">The generation of what is stored and does not verify: absent, as long as it still stands there.</param>
    Task<StoreOutcome> Republish(RecordKey name, SharedPair? pair, TimeSpan? lives, SpendIntent? note, long? damaged = null);

    /// <summary>6. A permit of every window of one budget, or of none and how long until there is one. Never given back.</summary>
    Task<Permission> Permit(BudgetAsk ask);

    /// <summary>
    /// A seat among so many for a replica that says that it is there: the one it has, or a free one; null when Redis does not answer.
    /// </summary>
    Task<Seating?> Sit(Attempt who, int? had, int seats, TimeSpan lives);

    /// <summary>Ends when something of the record changed, when the wake-up was lost at the latest after so long. May end early.</summary>
    Task Changed(RecordKey name, TimeSpan atMost);
}

/// <summary>What became of a step.</summary>
internal enum StoreOutcome
{
    /// <summary>Not answered in time: done or not, nobody knows.</summary>
    Unknown,

    Done,

    /// <summary>The lease is another's or over, or the number is not the highest: nothing was changed.</summary>
    Lost,

    /// <summary>Of a note: no replica of Redis confirmed it in time; it was withdrawn.</summary>
    NotReplicated,
}
