using Broker.Configuration;
using Broker.UpstreamTokens;

namespace Broker.Tests.UpstreamTokens.Simulation;

/// <summary>
/// No more logins than the budget, over all replicas, whether Redis is there, away or back; what the protocol does not promise is named
/// here.
/// </summary>
/// <remarks>
/// Not counted: a login of a replica that alone is cut off, while Redis is or was there for others (its share comes on top); one that its
/// process did not live to tell; and while something known to one replica is not told yet, a permit of a replica that never saw Redis away,
/// or after the epoch's pause.
/// </remarks>
internal sealed class Budgets(World world)
{
    private readonly Dictionary<OpaqueName, List<Login>> logins = [];
    private readonly Dictionary<(Attempt Attempt, OpaqueName Budget), (TimeSpan At, bool IsExcused)> permits = [];
    private readonly Dictionary<OpaqueName, long> forgotten = [];

    private TimeSpan Now => world.Pump.Time;

    /// <summary>Redis answers an ask.</summary>
    public void Permitted(Process process, BudgetAsk ask, Permission permission, TimeSpan sent)
    {
        foreach (var login in Of(ask.Budget).Where(login => login.Process == process && login.At <= sent))
        {
            login.IsTold = true;
        }
        if (forgotten.TryGetValue(ask.Budget, out var left) && ask.Known > left && ask.KnownFrom != world.Redis.Run)
        {
            forgotten.Remove(ask.Budget); // closed for one Per from now on; what this Redis said itself tells it nothing of what it lost
        }
        if (!ask.IsReminder && permission.Outcome == StoreOutcome.Done)
        {
            var untold = Of(ask.Budget).FindAll(login => !login.IsTold && login.Process != process);
            var isForgotten = forgotten.ContainsKey(ask.Budget);
            permits[(ask.Attempt, ask.Budget)] = (
                Now,
                (isForgotten || untold.Count > 0)
                    && (
                        process.Born >= world.RedisWentAt
                        || process.Tokens.FirstAnswer >= world.RedisWentAt
                        || Now >= world.RedisBackAt + World.Times.RecoveryDelay
                        || (!isForgotten && untold.TrueForAll(HadTimeToTell))
                    )
            );
        }
    }

    /// <summary>A login begins.</summary>
    public void LogsIn(Process process, SimulatedAccount account, Conduct conduct)
    {
        if (conduct.IsAlone && world.Windows.FirstOrDefault(window => process.Tokens.LastAnswer > Now - window.Per) is { } closed)
        {
            world.Fail($"{process.Name} logs in alone, and Redis answered it at {process.Tokens.LastAnswer}, less than {closed.Per} ago");
        }
        foreach (var scope in world.Windows.GroupBy(window => window.Scope))
        {
            var budget = scope.Key == LoginScope.Endpoint ? SimulatedAccount.Endpoint : account.Identity;
            var isAlone = conduct.IsAlone;
            if (isAlone && !(world.Redis.IsDown && scope.All(window => Now - world.RedisWentAt >= window.Per)))
            {
                continue;
            }
            var (at, isExcused) = isAlone ? (Now, false) : permits.GetValueOrDefault((conduct.Attempt, budget), (TimeSpan.Zero, false));
            if (at == TimeSpan.Zero)
            {
                world.Fail($"{process.Name} logs in without a permit");
            }
            if (!isExcused)
            {
                Of(budget).Add(new(process, at, isAlone) { IsTold = !isAlone });
                Check(Of(budget), scope);
            }
        }
    }

    public void Crashed(Process process)
    {
        foreach (var log in logins.Values)
        {
            log.RemoveAll(login => login.Process == process && !login.IsTold);
        }
    }

    /// <summary>Redis has restarted with what it remembers.</summary>
    public void Restarted(SimulatedRedis redis, Func<OpaqueName, long> countBefore, bool isClockWrong)
    {
        foreach (var (budget, log) in logins)
        {
            var left = redis.CountOf(budget);
            if (isClockWrong)
            {
                log.Clear(); // it counts by its own clock, and has no other
            }
            if (left >= countBefore(budget))
            {
                continue;
            }
            forgotten.Remove(budget);
            if (world.Processes.Any(process => process.Tokens.CountOf(budget) > left))
            {
                forgotten[budget] = left;
            }
            else
            {
                log.RemoveAll(login => login.IsTold); // nobody who lives knows better
            }
        }
    }

    /// <summary>Redis was there for as long as a login waits for others to tell, and away again since.</summary>
    private bool HadTimeToTell(Login login) =>
        world.RedisWasThere is var (from, to) && to - (login.At > from ? login.At : from) >= World.Times.RecoveryDelay;

    private List<Login> Of(OpaqueName budget) => logins.TryGetValue(budget, out var log) ? log : logins[budget] = [];

    private void Check(List<Login> log, IEnumerable<LoginWindowOptions> windows)
    {
        log.Sort((one, other) => one.At.CompareTo(other.At));
        foreach (var window in windows)
        {
            for (var i = 0; i + window.Permit < log.Count; i++)
            {
                if (log[i + window.Permit].At - log[i].At < window.Per - TimeSpan.FromMicroseconds(5))
                {
                    var within = log.GetRange(i, window.Permit + 1)
                        .Select(login => $"{login.Process.Name}{(login.IsAlone ? " alone" : "")} {login.At}");
                    world.Fail(
                        $"{window.Permit + 1} logins within {window.Per}, the budget is {window.Permit}: {string.Join(", ", within)}"
                    );
                }
            }
        }
    }

    private sealed record Login(Process Process, TimeSpan At, bool IsAlone)
    {
        /// <summary>Whether Redis knows of it.</summary>
        public bool IsTold { get; set; }
    }
}
