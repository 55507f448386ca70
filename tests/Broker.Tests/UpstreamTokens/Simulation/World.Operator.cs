using Broker.UpstreamTokens;

namespace Broker.Tests.UpstreamTokens.Simulation;

/// <content>An operator takes a token away, as 'broker upstream-tokens forget' does: by the lease, behind notes, with a number of its own.</content>
internal sealed partial class World
{
    /// <summary>Draws of its own: what else befalls a world is the same with an operator and without.</summary>
    private readonly Random operators;

    private ulong attempts;

    private TimeSpan Later(int most) => TimeSpan.FromMilliseconds(operators.Next(most));

    private void PlanForgetting()
    {
        if (operators.Next(4) > 0)
        {
            return;
        }
        for (var i = 0; i < 3; i++)
        {
            var account = Accounts[operators.Next(Accounts.Count)];
            if (account.CanLogin) // of another kind the command says no
            {
                Pump.After(Later(40_000), () => TakeAway(account));
            }
        }
    }

    private void TakeAway(SimulatedAccount account)
    {
        if (!IsFaulty)
        {
            return;
        }
        var attempt = new Attempt(ulong.MaxValue, ++attempts);
        if (Redis.IsDown || Redis.Take(account.Record, attempt, Times.Lease) is not { Number: > 0 } taken)
        {
            Pump.After(Times.Poll, () => TakeAway(account));
            return;
        }
        Hold();
        // The commit comes a while after the lease, or never: then the lease ends by itself.
        Pump.After(Later(200), () =>
        {
            var isLate = taken.Note is { Left: var left } && left > TimeSpan.Zero;
            if (Redis.IsDown || isLate)
            {
                Pump.After(Times.Poll, () => TakeAway(account));
            }
            else if (Defect != Defect.ForgettingWithoutANumber)
            {
                var outcome = Redis.Commit(account.Record, attempt, Nothing(account, taken), Times.RefreshTokenTtl);
                Trace(null, "an operator takes away", $"{account.Name}, number {taken.Number}: {outcome}");
                account.Promises.TakenAway(taken.Number, outcome);
            }
            else
            {
                Redis.Remove(account.Record);
                Trace(null, "an operator deletes", account.Name);
                account.Promises.TakenAway(taken.Number, StoreOutcome.Done);
            }
            Hold();
            if (!Redis.IsDown)
            {
                Redis.Release(account.Record, attempt);
            }
        });
    }

    private SharedPair Nothing(SimulatedAccount account, StoredState taken) =>
        new()
        {
            FencingToken = taken.Number,
            RunId = taken.Run,
            Record = account.CellName(Revision),
            Access = "",
            Refresh = null,
            Life = Times.RefreshTokenTtl,
            EndsAt = taken.Now + (long)Times.RefreshTokenTtl.TotalMicroseconds,
            EndsAtUtc = DateTimeOffset.MaxValue,
            By = "operator",
        };
}
