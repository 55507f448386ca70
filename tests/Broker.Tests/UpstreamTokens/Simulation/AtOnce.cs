using Broker.UpstreamTokens;

namespace Broker.Tests.UpstreamTokens.Simulation;

/// <summary>The simulated Redis without a network: each step is answered when it is asked.</summary>
internal class AtOnce(SimulatedRedis redis) : ISharedTokens
{
    public event Action? Returned;

    public event Action? Answered
    {
        add { }
        remove { }
    }

    public virtual bool IsSpread => false;

    /// <summary>Redis is reached again.</summary>
    public void Return() => Returned?.Invoke();

    public virtual Task<StoredState> Read(RecordKey name) => Task.FromResult(redis.Read(name));

    public virtual Task<StoredState> Take(RecordKey name, Attempt attempt, TimeSpan lease) =>
        Task.FromResult(redis.Take(name, attempt, lease));

    public Task<StoreOutcome> Note(RecordKey name, Attempt attempt, OpaqueName spends, TimeSpan deadline, TimeSpan lease) =>
        Task.FromResult(redis.Note(name, attempt, spends, deadline, lease));

    public Task<StoreOutcome> Extend(RecordKey name, Attempt attempt, TimeSpan lease) =>
        Task.FromResult(redis.Extend(name, attempt, lease));

    public Task<StoreOutcome> Commit(RecordKey name, Attempt attempt, SharedPair pair, TimeSpan? lives) =>
        Task.FromResult(redis.Commit(name, attempt, pair, lives));

    public Task<StoreOutcome> Release(RecordKey name, Attempt attempt) => Task.FromResult(redis.Release(name, attempt));

    public Task<StoreOutcome> Settle(RecordKey name, Attempt attempt, Settlement settlement) =>
        Task.FromResult(redis.Settle(name, attempt, settlement));

    public virtual Task<StoreOutcome> Republish(
        RecordKey name,
        SharedPair? pair,
        TimeSpan? lives,
        SpendIntent? note,
        long? damaged = null
    ) => Task.FromResult(redis.Republish(name, pair, lives, note));

    public virtual Task<Permission> Permit(BudgetAsk ask) => Task.FromResult(redis.Permit(ask));

    public virtual Task<Seating?> Sit(Attempt who, int? had, int seats, TimeSpan lives) =>
        Task.FromResult<Seating?>(redis.Sit(who, had, seats, lives));

    public virtual Task Changed(RecordKey name, TimeSpan atMost)
    {
        var changed = new TaskCompletionSource();
        redis.Told += told => changed.TrySetResult();
        return changed.Task;
    }
}
