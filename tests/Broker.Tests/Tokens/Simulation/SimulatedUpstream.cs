using Broker.Tokens.Sources;

namespace Broker.Tests.Tokens.Simulation;

/// <summary>A strict token endpoint with one user: what is issued kills what was there; a dead refresh token revokes all. Slow, and answers get lost.</summary>
internal sealed class SimulatedUpstream(World world)
{
    private readonly Dictionary<string, TimeSpan> ends = [];
    private int issued;
    private int refusals;
    private string? liveAccess;
    private string? liveRefresh;

    private Pump Pump => world.Pump;

    public bool IsLive(string access) => access == liveAccess && ends[access] > Pump.Time;

    /// <summary>When the token really ends.</summary>
    public TimeSpan EndOf(string access) => ends[access];

    /// <summary>What was issued later has a higher one.</summary>
    public static int Age(string access) => int.Parse(access.AsSpan(access.IndexOf('-', StringComparison.Ordinal) + 1), System.Globalization.CultureInfo.InvariantCulture);

    private TokenAnswer Issue()
    {
        issued++;
        var life = Pump.Between(6_000, 30_000);
        (liveAccess, liveRefresh) = ($"access-{issued}", world.Kind == AccountKind.LoginOnly ? null
            : world.Kind == AccountKind.Refreshing && liveRefresh is not null ? liveRefresh : $"refresh-{issued}");
        ends[liveAccess] = Pump.Time + life;
        return TokenAnswer.Token(liveAccess, liveRefresh, life);
    }

    private TokenAnswer Work(string? refresh)
    {
        if (refresh is null || refresh == liveRefresh)
        {
            if (refresh is null)
            {
                liveRefresh = null;
            }
            return Issue();
        }
        (liveAccess, liveRefresh) = (null, null);
        return TokenAnswer.Refused("invalid-grant");
    }

    private async Task<TokenAnswer> Call(Process process, string? refresh, CancellationToken cancellation)
    {
        world.Trace(process, refresh is null ? "logs in" : "sends", refresh ?? "");
        world.Promises.CallBegins(process, refresh);
        var answer = new TaskCompletionSource<TokenAnswer>();
        var (there, back) = world.Endpoint();
        var fate = world.IsFaulty ? Pump.Random.NextDouble() : 1;
        Pump.After(there, () =>
        {
            var said = fate < 0.05 ? TokenAnswer.NotNow("http-429")
                : fate < 0.08 ? TokenAnswer.Unknown("http-500")
                : fate < 0.1 && refresh is null && refusals++ < 2 ? TokenAnswer.Refused("http-401")
                : Work(refresh);
            world.Trace(process, "upstream:", $"{said.Kind} {said.Pair?.Access} {said.Life}", fate is > 0.1 and < 0.16 ? "(answer lost)" : "");
            said = fate is > 0.1 and < 0.13 ? TokenAnswer.Unknown("http-502") : said;
            if (fate is not (> 0.13 and < 0.16))
            {
                Pump.After(back, () => process.Post(_ => answer.TrySetResult(said), null));
            }
        });
        var ended = AnswerKind.Unknown;
        try
        {
            using var cancelled = cancellation.Register(() => answer.TrySetCanceled(cancellation));
            var said = await answer.Task;
            ended = said.Kind;
            return Falsified(said);
        }
        finally
        {
            world.Trace(process, "is answered", $"{ended}");
            world.Promises.CallEnds(process, ended);
        }
    }

    private TokenAnswer Falsified(TokenAnswer answer) =>
        (world.Defect == Defect.LoginAfterNotNow && answer.Kind == AnswerKind.NotNow)
        || (world.Defect == Defect.LoginAfterUnknown && answer.Kind == AnswerKind.Unknown) ? TokenAnswer.Refused("falsified") : answer;

    /// <summary>A process's way there.</summary>
    internal sealed class Source(SimulatedUpstream upstream, Process process) : ITokenSource
    {
        public bool CanLogin => true;

        public bool Rotates => upstream.world.Kind == AccountKind.Rotating;

        public string? FirstRefreshToken => null;

        public Task<TokenAnswer> Login(CancellationToken cancellation) => upstream.Call(process, null, cancellation);

        public Task<TokenAnswer> Refresh(TokenPair pair, CancellationToken cancellation) => upstream.Call(process, pair.Refresh!, cancellation);
    }

    private readonly World world = world;
}
