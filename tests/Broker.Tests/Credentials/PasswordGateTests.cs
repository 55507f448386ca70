using Broker.Credentials;
using Microsoft.Extensions.Time.Testing;
using Shouldly;
using Xunit;

namespace Broker.Tests.Credentials;

/// <summary>Whose password is hashed next, by count of hashes and without a clock.</summary>
public sealed class PasswordGateTests
{
    [Fact]
    public async Task Whatever_one_address_does_a_login_from_another_waits_for_one_hash()
    {
        for (var seed = 0; seed < 400; seed++)
        {
            var run = new Run(seed, strangers: 1);
            await run.Storm();
            (await run.HashesUntilServed()).ShouldBeLessThanOrEqualTo(1, $"seed {seed}");
        }
    }

    [Fact]
    public async Task With_more_addresses_a_login_waits_for_one_hash_of_each_at_most()
    {
        for (var seed = 0; seed < 400; seed++)
        {
            var run = new Run(seed, strangers: 2 + (seed % 12));
            await run.Storm();
            (await run.HashesUntilServed()).ShouldBeLessThanOrEqualTo(run.Strangers + 1, $"seed {seed}");
        }
    }

    [Fact]
    public async Task All_turns_come_back_and_nothing_is_remembered_of_who_left()
    {
        for (var seed = 0; seed < 100; seed++)
        {
            var run = new Run(seed, strangers: 5);
            await run.Storm();
            await run.Drain();
            for (var i = 0; i < run.Gate.Limit; i++)
            {
                (await run.Gate.Enter($"new {i}", CancellationToken.None)).ShouldNotBeNull().Line.Running.ShouldBe(1);
            }
        }
    }

    [Fact]
    public async Task Hashes_that_take_long_are_waited_for()
    {
        var clock = new FakeTimeProvider();
        var gate = new PasswordHashLimiter(1, clock);
        var first = (await gate.Enter("a", CancellationToken.None))!;
        clock.Advance(TimeSpan.FromSeconds(3));
        gate.Leave(first);
        var second = (await gate.Enter("a", CancellationToken.None))!;
        var other = gate.Enter("b", CancellationToken.None);
        clock.Advance(TimeSpan.FromSeconds(3));
        other.IsCompleted.ShouldBeFalse();
        gate.Leave(second);
        (await other).ShouldNotBeNull();
    }

    /// <summary>
    /// Strangers who come, give up and are served in an order that a seed gives; then one login from an address of its own.
    /// </summary>
    private sealed class Run(int seed, int strangers)
    {
        private readonly Random random = new(seed);
        private readonly List<(Task<PasswordTurn?> Turn, CancellationTokenSource QueueTimeout)> entered = [];
        private Task<PasswordTurn?> login = Task.FromResult<PasswordTurn?>(null);

        public int Strangers => strangers;

        public PasswordHashLimiter Gate { get; } = new(1 + (seed % 4), new FakeTimeProvider()); // no wait runs out

        public async Task Storm()
        {
            for (var step = random.Next(1, 300); step > 0; step--)
            {
                await Step();
            }
        }

        /// <summary>How many hashes end before the login has its turn, while the strangers go on.</summary>
        public async Task<int> HashesUntilServed()
        {
            login = Gate.Enter("the other", CancellationToken.None).AsTask();
            var hashes = 0;
            while (!login.IsCompleted)
            {
                hashes += await Step() ? 1 : 0;
            }

            (await login).ShouldNotBeNull($"seed {seed}");
            return hashes;
        }

        public async Task Drain()
        {
            while (await Leave())
            {
                // one turn after the other is given back
            }
        }

        private async Task<bool> Step()
        {
            switch (random.Next(8))
            {
                case < 6:
                    var patience = new CancellationTokenSource();
                    entered.Add((Gate.Enter($"stranger {random.Next(strangers)}", patience.Token).AsTask(), patience));
                    return false;
                case 6:
                    return await Leave();
                default:
                    await GiveUp();
                    return false;
            }
        }

        private async Task<bool> Leave()
        {
            entered.RemoveAll(one => one.Turn is { IsCompletedSuccessfully: true, Result: null }); // refused
            var served = entered.Where(one => one.Turn is { IsCompletedSuccessfully: true, Result: not null }).ToList();
            if (served.Count == 0)
            {
                return false;
            }

            var one = served[random.Next(served.Count)];
            entered.Remove(one);
            Gate.Leave((await one.Turn)!);
            await Settled();
            return true;
        }

        private async Task GiveUp()
        {
            if (entered.Find(one => !one.Turn.IsCompleted) is { QueueTimeout: { } patience } one)
            {
                await patience.CancelAsync();
                await one.Turn.ContinueWith(_ => { }, TaskScheduler.Default); // it was given up, or refused before
                entered.Remove(one);
            }
        }

        /// <summary>Continuations run elsewhere: each wait that has its answer ends before the next step.</summary>
        private async Task Settled()
        {
            var turns = entered.Select(one => one.Turn).Append(login).ToList();
            while (turns.Count(turn => turn is { IsCompletedSuccessfully: true, Result: not null }) < Gate.Running)
            {
                await Task.Yield();
            }
        }
    }
}
