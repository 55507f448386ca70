namespace Broker.Credentials;

/// <summary>The state of a replica that <see cref="RevocationReplicator"/> keeps the same as the revocation log in Redis.</summary>
internal interface IReplicatedState
{
    /// <summary>All events that this replica knows, to be written again where Redis lost them.</summary>
    IEnumerable<RevocationEvent> Known();

    /// <summary>Takes an event that was read from the log.</summary>
    void Hear(RevocationEvent heard);

    /// <summary>Whether records in Redis beside the log are not known to be as they are here.</summary>
    bool IsBehind { get; }

    /// <summary>Brings those records and this replica together; false when Redis did not answer.</summary>
    Task<bool> Agree();

    /// <summary>The whole log was read. Nothing counts as known before this ran.</summary>
    void Settle();
}

/// <summary>
/// How often the log is read where no word comes, and how long an epoch lasts before who starts in it believes to know all.
/// </summary>
internal sealed record ReplicationTimes(TimeSpan Poll, TimeSpan RecoveryDelay);

/// <summary>When all was known, by both clocks.</summary>
internal sealed record Contact(long Stamp, DateTimeOffset Utc);
