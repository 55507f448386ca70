using Broker.UpstreamTokens;

namespace Broker.Tests.UpstreamTokens.Simulation;

/// <summary>
/// A strict token endpoint, one user of it: what is issued kills what was there; a dead refresh token revokes all. Slow, and answers get
/// lost.
/// </summary>
internal sealed class SimulatedUpstream
{
    private static readonly TimeSpan BreaksAt = TimeSpan.FromSeconds(20);

    private readonly World world;
    private readonly SimulatedAccount account;
    private readonly Dictionary<string, (TimeSpan End, int Age)> tokens = [];
    private int issued;
    private int refusals;
    private string? liveAccess;
    private string? liveRefresh;

    public SimulatedUpstream(World world, SimulatedAccount account)
    {
        (this.world, this.account) = (world, account);
        liveRefresh = account.CanLogin ? null : First(0);
    }

    /// <summary>From some moment on it answers every refresh with this, work or no work; who can log in is not lost by it.</summary>
    private TokenAnswer? Broken =>
        !account.CanLogin || Pump.Time < BreaksAt
            ? null
            : (world.Seed % 6) switch
            {
                1 => TokenAnswer.Unknown("http-500"),
                2 => TokenAnswer.WithoutToken("not-json"),
                4 => TokenAnswer.Refused("http-403", isDefinite: false),
                _ => null,
            };

    /// <summary>For a while a gateway before it answers everything, and knows no word that says why.</summary>
    private bool IsBarred => world.Seed % 6 == 5 && Pump.Time > BreaksAt && Pump.Time < BreaksAt + TimeSpan.FromSeconds(12);

    /// <summary>No refresh token lives.</summary>
    public bool IsRevoked => liveRefresh is null;

    private int Secret => account.SecretOf(world.Revision);

    private Pump Pump => world.Pump;

    public bool IsLive(string access) => access == liveAccess && tokens[access].End > Pump.Time;

    /// <summary>Whether it was issued to this account at all.</summary>
    public bool Issued(string access) => tokens.ContainsKey(access);

    /// <summary>When the token really ends.</summary>
    public TimeSpan EndOf(string access) => tokens[access].End;

    /// <summary>What was issued later has a higher one.</summary>
    public int Age(string access) => tokens[access].Age;

    /// <summary>The newest config for which a token was issued.</summary>
    public int NewestRevision { get; private set; } = -1;

    /// <summary>Somebody ends the sessions there; where there is no way back in, the access token alone.</summary>
    public void Forget()
    {
        world.Trace(null, "the upstream forgets", account.Name);
        (liveAccess, liveRefresh) = (null, account.Kind == AccountKind.Rotating && Pump.Chance(0.5) ? null : liveRefresh);
    }

    /// <summary>The config changes; where a refresh token is the secret, another chain of them begins.</summary>
    public void Revise()
    {
        if (!account.CanLogin && Secret > 0)
        {
            (liveAccess, liveRefresh) = (null, First(Secret));
        }
    }

    private string First(int secret) => $"{account.Name}-chain-{secret}-refresh-0";

    private bool IsOfThisChain(string refresh) => refresh.StartsWith($"{account.Name}-chain-{Secret}-", StringComparison.Ordinal);

    private TokenAnswer Issue(int revision)
    {
        issued++;
        var life = Pump.Between(6_000, 30_000);
        var next =
            account.Kind == AccountKind.LoginOnly ? null
            : !account.Rotates && liveRefresh is not null ? liveRefresh
            : $"{account.Name}-chain-{(account.CanLogin ? 0 : Secret)}-refresh-{issued}";
        (liveAccess, liveRefresh) = ($"{account.Name}-access-{issued}", next);
        tokens[liveAccess] = (Pump.Time + life, issued);
        NewestRevision = Math.Max(NewestRevision, revision);
        return TokenAnswer.Token(liveAccess, liveRefresh, life);
    }

    private TokenAnswer Work(Process process, string? refresh, int revision)
    {
        if (refresh is null ? account.SecretOf(revision) != Secret : refresh != liveRefresh)
        {
            if (refresh is not null && (account.CanLogin || IsOfThisChain(refresh)))
            {
                (liveAccess, liveRefresh) = (null, null);
            }
            return TokenAnswer.Refused(refresh is null ? "http-401" : "invalid-grant");
        }
        liveRefresh = refresh;
        var answer = Issue(revision);
        account.Promises.Issued(process, answer.Pair!.Access!);
        return answer;
    }

    private async Task<TokenAnswer> Call(Process process, string? refresh, int revision, CancellationToken cancellation)
    {
        world.Trace(process, refresh is null ? $"logs in as {account.Name}" : "sends", refresh ?? "");
        account.Promises.CallBegins(process, revision, refresh);
        var answer = new TaskCompletionSource<TokenAnswer>();
        var (there, back) = world.Endpoint();
        var fate = world.IsFaulty ? Pump.Random.NextDouble() : 1;
        Pump.After(there, () =>
        {
            var said =
                fate < 0.05 ? TokenAnswer.NotNow("http-429")
                : fate < 0.07 ? TokenAnswer.Unknown("http-500")
                : fate < 0.08 || IsBarred ? TokenAnswer.Refused("http-403", isDefinite: false)
                : fate < 0.1 && refresh is null && refusals++ < 2 ? TokenAnswer.Refused("http-401")
                : refresh is not null && Broken is { } broken ? broken
                : Work(process, refresh, revision);
            world.Trace(
                process,
                "upstream:",
                $"{said.Kind} {said.Pair?.Access} {said.Life}",
                fate is > 0.1 and < 0.16 ? "(answer lost)" : ""
            );
            said =
                fate is > 0.1 and < 0.115 ? TokenAnswer.WithoutToken("not-json")
                : fate is > 0.1 and < 0.13 ? TokenAnswer.Unknown("http-502")
                : said;
            if (fate is not (> 0.13 and < 0.16))
            {
                Pump.After(back, () => process.Post(_ => answer.TrySetResult(said), null));
            }
        });
        var ended = TokenAnswerKind.Unknown;
        try
        {
            using var cancelled = cancellation.Register(() => answer.TrySetCanceled(cancellation));
            var said = await answer.Task;
            ended = said.Kind;
            return Falsified(said, isRefresh: refresh is not null);
        }
        finally
        {
            world.Trace(process, "is answered", $"{ended}");
            account.Promises.CallEnds(process, ended);
        }
    }

    private TokenAnswer Falsified(TokenAnswer answer, bool isRefresh) =>
        world.Defect switch
        {
            Defect.LoginAfterNotNow when answer.Kind == TokenAnswerKind.NotNow => TokenAnswer.Refused("falsified"),
            Defect.LoginAfterUnknown when answer.Kind == TokenAnswerKind.Unknown => TokenAnswer.Refused("falsified"),
            Defect.AnyRefusalIsForGood when answer.Kind == TokenAnswerKind.Refused => TokenAnswer.Refused("falsified"),
            Defect.UnknownsNeverLeadToALogin when isRefresh && answer.Kind == TokenAnswerKind.Unknown => TokenAnswer.NotNow("falsified"),
            _ => answer,
        };

    /// <summary>A process's way there, with what its config says.</summary>
    internal sealed class Source(SimulatedUpstream upstream, Process process, int revision) : ITokenSource
    {
        public bool CanLogin => upstream.account.CanLogin;

        public bool Rotates => upstream.account.Rotates;

        public string? FirstRefreshToken => CanLogin ? null : upstream.First(upstream.account.SecretOf(revision));

        public Task<TokenAnswer> Login(CancellationToken cancellation) => upstream.Call(process, null, revision, cancellation);

        public Task<TokenAnswer> Refresh(TokenPair pair, CancellationToken cancellation) =>
            upstream.Call(process, pair.Refresh!, revision, cancellation);
    }
}
