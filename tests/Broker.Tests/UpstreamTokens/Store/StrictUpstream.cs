using System.Collections.Concurrent;
using Broker.UpstreamTokens;

namespace Broker.Tests.UpstreamTokens;

/// <summary>
/// An upstream with one user that rotates strictly: an old refresh token revokes everything, a login kills the other tokens. Counts.
/// </summary>
internal sealed class StrictUpstream
{
    private readonly Lock gate = new();
    private readonly HashSet<string> dead = [];
    private readonly ConcurrentQueue<TaskCompletionSource> holds = new();
    private readonly ConcurrentQueue<string> sent = new();
    private int issued;
    private string? liveAccess;
    private string? liveRefresh;

    public TimeSpan Life { get; set; } = TimeSpan.FromMinutes(30);

    public bool HasRefresh { get; init; } = true;

    /// <summary>What every login is answered instead of a token.</summary>
    public TokenAnswer? LoginAnswer { get; set; }

    /// <summary>What the next refresh is answered: it is done all the same.</summary>
    public ConcurrentQueue<TokenAnswer> RefreshAnswers { get; } = new();

    public int Logins { get; private set; }

    public int Refreshes { get; private set; }

    /// <summary>How often a refresh token was sent that was spent already.</summary>
    public int Reused { get; private set; }

    /// <summary>Every refresh token that was sent.</summary>
    public IReadOnlyCollection<string> Sent => sent;

    public int Calls => Logins + Refreshes;

    public bool IsLive(string access)
    {
        lock (gate)
        {
            return access == liveAccess;
        }
    }

    /// <summary>The next call waits, before the upstream does anything.</summary>
    public TaskCompletionSource Hold()
    {
        var hold = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        holds.Enqueue(hold);
        return hold;
    }

    /// <summary>Whether every call that was to wait has come.</summary>
    public bool HasTakenHolds => holds.IsEmpty;

    public ITokenSource Source(bool canLogin = true, string? first = null) => new OneSource(this, canLogin, first);

    /// <summary>Issues a first refresh token out of band, for an account that can only refresh.</summary>
    public string Provision()
    {
        lock (gate)
        {
            return liveRefresh = $"refresh-{++issued}-secret";
        }
    }

    private TokenAnswer Issue()
    {
        if (liveRefresh is not null)
        {
            dead.Add(liveRefresh);
        }
        (liveAccess, liveRefresh) = ($"access-{++issued}-secret", HasRefresh ? $"refresh-{issued}-secret" : null);
        return TokenAnswer.Token(liveAccess, liveRefresh, Life);
    }

    private async Task<TokenAnswer> Login(CancellationToken cancellation)
    {
        await Held(cancellation);
        lock (gate)
        {
            Logins++;
            return LoginAnswer ?? Issue();
        }
    }

    private async Task<TokenAnswer> Refresh(string refresh, CancellationToken cancellation)
    {
        await Held(cancellation);
        lock (gate)
        {
            Refreshes++;
            sent.Enqueue(refresh);
            if (refresh != liveRefresh)
            {
                Reused += dead.Contains(refresh) ? 1 : 0;
                (liveAccess, liveRefresh) = (null, null);
                return TokenAnswer.Refused("invalid-grant");
            }
            var answer = Issue();
            return RefreshAnswers.TryDequeue(out var other) ? other : answer;
        }
    }

    private Task Held(CancellationToken cancellation) =>
        holds.TryDequeue(out var hold) ? hold.Task.WaitAsync(cancellation) : Task.CompletedTask;

    private sealed class OneSource(StrictUpstream upstream, bool canLogin, string? first) : ITokenSource
    {
        public bool CanLogin => canLogin;

        public bool Rotates => true;

        public string? FirstRefreshToken => first;

        public Task<TokenAnswer> Login(CancellationToken cancellation) => upstream.Login(cancellation);

        public Task<TokenAnswer> Refresh(TokenPair pair, CancellationToken cancellation) => upstream.Refresh(pair.Refresh!, cancellation);
    }
}
