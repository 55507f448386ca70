using Broker.UpstreamTokens;

namespace Broker.Tests.UpstreamTokens.Simulation;

/// <summary>A Redis in memory with the semantics of the scripts; restarts, loses its memory, goes back to an older one.</summary>
internal sealed partial class SimulatedRedis(Pump pump, Defect defect = Defect.None)
{
    private const long Base = 1_900_000_000_000_000;

    private readonly List<Memory> snapshots = [];
    private Memory memory = Memory.Empty;
    private int confirmed;
    private int runs = 1;
    private TimeSpan ahead;

    /// <summary>A message to who waits.</summary>
    public event Action<RecordKey>? Told;

    public string Run => $"run{runs}";

    public bool IsDown { get; set; }

    /// <summary>When it last restarted.</summary>
    public TimeSpan RestartedAt { get; private set; } = TimeSpan.MinValue;

    /// <summary>By how much its clock jumped at the last restart, and before.</summary>
    public TimeSpan Wrong { get; private set; }

    /// <summary>Whether it jumped at all.</summary>
    public bool IsClockWrong { get; private set; }

    /// <summary>
    /// Whether it lost its memory while its clock was behind what it had been: the numbers of epochs before that are in no order.
    /// </summary>
    public bool IsOrderLost { get; private set; }

    /// <summary>In microseconds.</summary>
    public long Now => Base + (pump.Now / 10) + Micro(Wrong);

    /// <summary>The permits that are counted there.</summary>
    public long CountOf(OpaqueName budget) => memory.Budgets.GetValueOrDefault(budget)?.Count ?? 0;

    public Entry this[RecordKey name]
    {
        get
        {
            var entry = memory.Entries.GetValueOrDefault(name) ?? Entry.Empty;
            return entry.Pair?.Ends <= Now ? entry with { Pair = null } : entry;
        }
    }

    /// <summary>A pair deleted, with nothing in its place.</summary>
    public void Remove(RecordKey name) => Put(name, this[name] with { Pair = null });

    public LiveLease? Lease(RecordKey name) => this[name].Lease is { } lease && lease.Until > Now ? lease : null;

    /// <summary>Another machine is Redis now.</summary>
    public void JumpClock(TimeSpan jump) => (Wrong, IsClockWrong, ahead) = (Wrong + jump, true, Wrong > ahead ? Wrong : ahead);

    /// <summary>Another run id, and what is remembered: all, nothing, or what was so many snapshots ago.</summary>
    public void Restart(bool isEmpty, int back)
    {
        runs++;
        RestartedAt = pump.Time;
        IsOrderLost |= (isEmpty || back > 0) && Wrong < ahead;
        memory =
            isEmpty ? Memory.Empty
            : back == 0 || snapshots.Count == 0 ? memory
            : snapshots[Math.Max(confirmed, snapshots.Count - back)];
        snapshots.Clear();
        confirmed = 0;
    }

    /// <summary>What is remembered now is what a restart may go back to; with replicas not behind a note that was confirmed.</summary>
    public void Snapshot(bool isConfirmed = false)
    {
        snapshots.Add(memory);
        if (isConfirmed)
        {
            confirmed = snapshots.Count - 1;
        }
    }

    public StoredState Read(RecordKey name) => Look(name, 0);

    public StoredState Take(RecordKey name, Attempt attempt, TimeSpan lease, long? drawn = null)
    {
        if (Lease(name) is { } other && other.Attempt != attempt)
        {
            return Look(name, 0);
        }
        var number = drawn ?? Draw(name);
        var counter = this[name].Counter;
        Put(
            name,
            this[name] with
            {
                Lease = new(attempt, number, Now + Micro(lease)),
                Counter = counter.Run == Run ? counter with { Number = number } : new(number, Run, Now, counter.Committed),
            }
        );
        return Look(name, number);
    }

    /// <summary>The number that a lease would get.</summary>
    public long Draw(RecordKey name)
    {
        var entry = this[name];
        var clock = defect == Defect.CountingFromZeroAfterAnEmptyRedis ? 0 : Now;
        return Math.Max(clock, Math.Max(Math.Max(entry.Counter.Number, entry.Counter.Committed), entry.Pair?.Value.FencingToken ?? 0) + 1);
    }

    public StoreOutcome Note(RecordKey name, Attempt attempt, OpaqueName spends, TimeSpan deadline, TimeSpan lease)
    {
        if (Mine(name, attempt) is not { } mine)
        {
            return StoreOutcome.Lost;
        }
        var note = defect == Defect.NoNote ? this[name].Note : new StoredNote(mine.Number, spends, attempt, Now + Micro(deadline));
        Put(name, this[name] with { Lease = mine with { Until = Now + Micro(lease) }, Note = note });
        return StoreOutcome.Done;
    }

    public StoreOutcome Extend(RecordKey name, Attempt attempt, TimeSpan lease)
    {
        if (Mine(name, attempt) is not { } mine)
        {
            return StoreOutcome.Lost;
        }
        var to = Now + Micro(lease);
        var note = this[name].Note;
        Put(
            name,
            this[name] with
            {
                Lease = mine with { Until = to },
                Note = note?.Attempt == attempt && note.Until < to ? note with { Until = to } : note,
            }
        );
        return StoreOutcome.Done;
    }

    public StoreOutcome Commit(RecordKey name, Attempt attempt, SharedPair pair, TimeSpan? lives)
    {
        var (entry, number) = (this[name], pair.FencingToken);
        var stored = entry.Pair?.Value.FencingToken ?? 0;
        var isOlder =
            defect == Defect.OrderByExpiry && entry.Pair is { } now
                ? pair.EndsAt < now.Value.EndsAt
                : number < stored
                    || number < entry.Counter.Committed
                    || (number == stored && entry.Pair?.By != attempt)
                    || (entry.Pair?.Value.RunId == Run && pair.RunId.Length > 0 && pair.RunId != Run && Mine(name, attempt) is null);
        if (isOlder)
        {
            return StoreOutcome.Lost;
        }
        Put(
            name,
            entry with
            {
                Pair = new(
                    pair.RunId.Length > 0 ? pair : pair with { RunId = Run },
                    attempt,
                    lives is { } known ? Now + Micro(known) : null
                ),
                Counter = entry.Counter with { Number = Math.Max(entry.Counter.Number, number), Committed = number },
                Note = (entry.Note?.Number ?? 0) <= number ? null : entry.Note,
            }
        );
        memory = memory with { Quiets = memory.Quiets.Remove(name.Identity) };
        Told?.Invoke(name);
        return StoreOutcome.Done;
    }

    public StoreOutcome Release(RecordKey name, Attempt attempt)
    {
        if (Mine(name, attempt) is not null)
        {
            Put(name, this[name] with { Lease = null });
            Told?.Invoke(name);
        }
        return StoreOutcome.Done;
    }

    public StoreOutcome Settle(RecordKey name, Attempt attempt, Settlement settlement)
    {
        var entry = this[name];
        if (entry.Note is { } note && note.Attempt == attempt && settlement.Note != SpendIntentFate.Leave)
        {
            Put(
                name,
                entry with
                {
                    Note = settlement.Note == SpendIntentFate.Withdraw ? null : note with { Until = Now + Micro(settlement.NoteLeft) },
                }
            );
        }
        var quiet = QuietOf(name.Identity);
        var ends = quiet.Ends;
        if (settlement.Quiet is { } pause)
        {
            var to = Now + Micro(pause);
            var isAnothers = quiet.Whose != default && quiet.Whose != settlement.Whose;
            quiet =
                to > quiet.Until || isAnothers ? quiet with { Until = to, Problem = settlement.Problem, Whose = settlement.Whose } : quiet;
            quiet = quiet with { Failures = quiet.Failures + 1, Unknowns = quiet.Unknowns + (settlement.IsUnknownRefresh ? 1 : 0) };
            ends = Math.Max(ends, Now + Micro(pause + settlement.Remembered));
        }
        if (settlement.Refused is { } refused)
        {
            quiet = quiet with { Refused = refused, Refusals = quiet.Refused == refused ? quiet.Refusals + 1 : 1 };
            ends = long.MaxValue;
        }
        memory = memory with { Quiets = memory.Quiets.SetItem(name.Identity, quiet with { Ends = ends }) };
        return StoreOutcome.Done;
    }

    public StoreOutcome Republish(RecordKey name, SharedPair? pair, TimeSpan? lives, SpendIntent? note)
    {
        var (entry, outcome) = (this[name], StoreOutcome.Done);
        var stored = entry.Pair?.Value.FencingToken ?? 0;
        if (
            pair is not null
            && (pair.FencingToken > stored || (defect == Defect.OldPairRepublishedOverANewerOne && pair.FencingToken < stored))
        )
        {
            if (
                (entry.Pair?.Value.RunId == Run || (pair.RunId == Run && lives is not null) || pair.FencingToken < entry.Counter.Committed)
                && defect != Defect.OldPairRepublishedOverANewerOne
            )
            {
                outcome = StoreOutcome.Lost;
            }
            else
            {
                entry = entry with
                {
                    Pair = new(pair, default, lives is { } known ? Now + Micro(known) : null),
                    Counter = entry.Counter with
                    {
                        Number = Math.Max(entry.Counter.Number, pair.FencingToken),
                        Committed = pair.FencingToken,
                    },
                };
                stored = pair.FencingToken;
            }
        }
        if (note is { } told && told.Number > stored && told.Number > (entry.Note?.Number ?? 0))
        {
            entry = entry with { Note = new(told.Number, told.Spends, told.Attempt, Now + Micro(told.Left)) };
        }
        var isTold = entry.Pair != this[name].Pair;
        Put(name, entry);
        if (isTold)
        {
            Told?.Invoke(name);
        }
        return outcome;
    }

    public Seating Sit(Attempt who, int? had, int seats, TimeSpan lives)
    {
        var known = memory.Seats.Run == Run ? memory.Seats : memory.Seats with { Run = Run, Since = Now };
        bool IsFree(int seat) => !known.Taken.TryGetValue(seat, out var taken) || taken.Who == who || taken.Until <= Now;
        var given =
            had is { } mine && IsFree(mine) ? mine
            : Now - known.Since < Micro(lives) ? -1
            : Enumerable.Range(0, seats).Where(IsFree).Append(-1).First();
        given = defect == Defect.OneSeatForAll ? 0 : given;
        memory = memory with { Seats = given < 0 ? known : known with { Taken = known.Taken.SetItem(given, (who, Now + Micro(lives))) } };
        return new(given < 0 ? null : given, TimeSpan.FromMicroseconds(Now));
    }

    public Permission Permit(BudgetAsk ask)
    {
        var budget = memory.Budgets.GetValueOrDefault(ask.Budget) ?? SpentLogins.None;
        var isOther = ask.KnownFrom.Length > 0 && ask.KnownFrom != Run;
        budget = budget.Run == Run ? budget : budget with { Run = Run, Base = Math.Max(0, budget.Count) };
        budget = budget with
        {
            Since = ask.Known > (isOther ? budget.Base : budget.Count) && ask.Known > 0 ? Now : budget.Since,
            Base = isOther ? Math.Max(budget.Base, ask.Known) : budget.Base,
            Count = Math.Max(budget.Count, ask.Known),
        };
        foreach (var login in ask.Alone ?? [])
        {
            budget = budget.Enter(new(login.Attempt, Now - Micro(login.Age), login.IsRejection));
        }
        var isKnown = ask.IsReminder || budget.Log.Any(login => login.Attempt == ask.Attempt);
        var wait = isKnown ? 0 : ask.Windows.Select(window => budget.Wait(window, ask.IsRejection, Now)).Append(0).Max();
        if (!isKnown && wait <= 0)
        {
            budget = budget.Enter(new(ask.Attempt, Now, ask.IsRejection));
        }
        memory = memory with { Budgets = memory.Budgets.SetItem(ask.Budget, budget) };
        return new(wait > 0 ? StoreOutcome.Lost : StoreOutcome.Done, TimeSpan.FromMicroseconds(wait), budget.Count, Run);
    }

    private static long Micro(TimeSpan time) => time.Ticks / 10;

    private static TimeSpan Left(long until, long now) => until > now ? TimeSpan.FromMicroseconds(until - now) : TimeSpan.Zero;

    private LiveLease? Mine(RecordKey name, Attempt attempt) => Lease(name) is { } lease && lease.Attempt == attempt ? lease : null;

    private StoredQuiet QuietOf(OpaqueName identity) =>
        memory.Quiets.GetValueOrDefault(identity) is { } quiet && quiet.Ends > Now ? quiet : StoredQuiet.None;

    private void Put(RecordKey name, Entry entry) => memory = memory with { Entries = memory.Entries.SetItem(name, entry) };

    private StoredState Look(RecordKey name, long number)
    {
        var (entry, quiet) = (this[name], QuietOf(name.Identity));
        var pair = entry.Pair;
        return new()
        {
            Outcome = StoreOutcome.Done,
            Run = Run,
            Now = Now,
            Number = number,
            LeaseLeft = number == 0 && Lease(name) is { } lease ? Left(lease.Until, Now) : TimeSpan.Zero,
            PairLeft = pair?.Ends is { } ends ? Left(ends, Now) : null,
            EpochAge = entry.Counter.Run == Run ? TimeSpan.FromMicroseconds(Now - entry.Counter.Since) : TimeSpan.Zero,
            Pair = pair?.Value,
            Note = entry.Note is { } note ? new(note.Number, note.Spends, note.Attempt, Left(note.Until, Now)) : null,
            Quiet = new(Left(quiet.Until, Now), quiet.Problem, quiet.Failures, quiet.Refused, quiet.Refusals)
            {
                Whose = quiet.Whose,
                Unknowns = quiet.Unknowns,
            },
        };
    }
}
