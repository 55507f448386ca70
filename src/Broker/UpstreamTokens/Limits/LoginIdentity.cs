namespace Broker.UpstreamTokens;

/// <summary>Who we are at a token endpoint: what the upstream counts and locks, whatever scopes or config revision ask for it.</summary>
internal sealed class LoginIdentity(OpaqueName name, TimeProvider time) : IDisposable
{
    /// <summary>DeviceHive locks a user at ten wrong passwords; three leave room for a person's own mistakes.</summary>
    public const int MaxRefusals = 3;

    /// <summary>So many refreshes in a row whose end nobody knows lead to a login, where there is one.</summary>
    public const int MaxUnknowns = 3;

    private readonly Lock gate = new();
    private readonly SemaphoreSlim turn = new(1, 1);
    private readonly Dictionary<OpaqueName, Refusals> refusals = [];
    private readonly Backoff quiet = new(time);
    private TokenCell? current;
    private long version = long.MinValue;

    public OpaqueName Name { get; } = name;

    /// <summary>Cells that log in as this identity; the vault counts them.</summary>
    public int Cells { get; set; }

    /// <summary>Whose renewal was the last; read and set in one's turn only.</summary>
    public Renewer? LastToRenew { get; set; }

    /// <summary>Whether nothing is lost when it is forgotten.</summary>
    public bool IsForgettable
    {
        get
        {
            lock (gate)
            {
                return Cells == 0
                    && quiet.Left == TimeSpan.Zero
                    && refusals.Values.All(known => known.Count == 0 && known.Quiet.Left == TimeSpan.Zero);
            }
        }
    }

    /// <summary>
    /// Where a login kills the identity's other tokens, only the cell of the newest config renews; the others serve what they have.
    /// </summary>
    public void Claim(TokenCell cell, long snapshot)
    {
        lock (gate)
        {
            if (snapshot >= version)
            {
                (current, version) = (cell, snapshot);
            }
        }
    }

    public bool IsCurrent(TokenCell cell)
    {
        lock (gate)
        {
            return current is null || ReferenceEquals(current, cell);
        }
    }

    /// <summary>
    /// One renewal at a time, for cells that share the identity's one refresh token. Dispose of the result to end the turn.
    /// </summary>
    public async Task<Turn> TakeTurn()
    {
        await turn.WaitAsync();
        return new Turn(turn);
    }

    public bool MayLogIn(OpaqueName fingerprint)
    {
        lock (gate)
        {
            return (refusals.GetValueOrDefault(fingerprint)?.Count ?? 0) < MaxRefusals;
        }
    }

    /// <summary>How long these credentials are not shown, and why; zero when they may be.</summary>
    /// <remarks>What was answered to other credentials is no reason: a password that was put right is tried at once.</remarks>
    public (TimeSpan Left, TokenProblem Problem) Wait(OpaqueName fingerprint)
    {
        lock (gate)
        {
            var own = refusals.GetValueOrDefault(fingerprint)?.Quiet;
            return own is not null && own.Left > quiet.Left ? (own.Left, own.Problem) : (quiet.Left, quiet.Problem);
        }
    }

    /// <summary>No token came of a call, in a process that shares nothing: how long nobody asks again.</summary>
    public TimeSpan Fails(OpaqueName fingerprint, TokenProblem problem, in TokenAnswer answer, bool isLogin, CellTimes times)
    {
        lock (gate)
        {
            return (answer.Kind == TokenAnswerKind.Refused ? Of(fingerprint).Quiet : quiet).Grow(problem, answer, isLogin, times);
        }
    }

    /// <summary>
    /// These credentials were refused, and nobody shows them for so long: what this process knows, whatever becomes of Redis's word.
    /// </summary>
    public void BackOff(OpaqueName fingerprint, TokenProblem problem, TimeSpan pause)
    {
        lock (gate)
        {
            Of(fingerprint).Quiet.Start(problem, pause);
        }
    }

    /// <summary>Whether it was refused at all: once is enough where others cannot be asked how often they were.</summary>
    public bool IsRefused(OpaqueName fingerprint)
    {
        lock (gate)
        {
            return refusals.GetValueOrDefault(fingerprint) is { Count: > 0 };
        }
    }

    public void Refused(OpaqueName fingerprint)
    {
        lock (gate)
        {
            Of(fingerprint).Count++;
        }
    }

    public void Accepted(OpaqueName fingerprint)
    {
        lock (gate)
        {
            refusals.Remove(fingerprint);
            quiet.End();
        }
    }

    public void Dispose() => turn.Dispose();

    private Refusals Of(OpaqueName fingerprint) =>
        refusals.TryGetValue(fingerprint, out var known) ? known : refusals[fingerprint] = new() { Quiet = new(time) };

    private sealed class Refusals
    {
        /// <summary>How often they were refused by a word that means it.</summary>
        public int Count { get; set; }

        public required Backoff Quiet { get; init; }
    }

    /// <summary>The right to renew, until disposed of.</summary>
    internal readonly struct Turn(SemaphoreSlim? turn) : IDisposable
    {
        public void Dispose() => turn?.Release();
    }
}
