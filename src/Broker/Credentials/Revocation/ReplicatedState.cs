namespace Broker.Credentials;

/// <summary>What a replica knows, that the watch keeps the same as what stands in Redis.</summary>
/// <param name="Known">All that this replica would say again.</param>
/// <param name="Told">Takes what was read.</param>
/// <param name="IsBehind">Whether something that stands in Redis beside the log is not known to be as it is here.</param>
/// <param name="Agree">Makes it so; false when Redis did not answer.</param>
/// <param name="Settle">All was read: nothing counts as known before this ran.</param>
internal sealed record ReplicatedState(
    Func<IEnumerable<RevocationEvent>> Known,
    Action<RevocationEvent> Told,
    Func<bool> IsBehind,
    Func<Task<bool>> Agree,
    Action Settle
);

/// <summary>
/// How often the log is read where no word comes, and how long an epoch lasts before who starts in it believes to know all.
/// </summary>
internal sealed record ReplicationTimes(TimeSpan Poll, TimeSpan RecoveryDelay);

/// <summary>When all was known, by both clocks.</summary>
internal sealed record Contact(long Stamp, DateTimeOffset Utc);
