namespace Broker.Tokens;

/// <summary>Who we are at a token endpoint: what the upstream counts and locks, whatever scopes or config revision ask for it.</summary>
internal sealed class LoginIdentity(RecordName name) : IDisposable
{
    /// <summary>DeviceHive locks a user at ten wrong passwords; three leave room for a person's own mistakes.</summary>
    public const int MaxRefusals = 3;

    private readonly Lock gate = new();
    private readonly SemaphoreSlim turn = new(1, 1);
    private readonly Dictionary<RecordName, int> refusals = [];
    private TokenCell? current;
    private long version = long.MinValue;

    public RecordName Name { get; } = name;

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
                return Cells == 0 && refusals.Count == 0;
            }
        }
    }

    /// <summary>Where a login kills the identity's other tokens, only the cell of the newest config renews; the others serve what they have.</summary>
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

    /// <summary>One renewal at a time, for cells that share the identity's one refresh token. Dispose of the result to end the turn.</summary>
    public async Task<Turn> TakeTurn()
    {
        await turn.WaitAsync();
        return new Turn(turn);
    }

    public bool MayLogIn(RecordName fingerprint)
    {
        lock (gate)
        {
            return refusals.GetValueOrDefault(fingerprint) < MaxRefusals;
        }
    }

    /// <summary>Whether it was refused at all: once is enough where others cannot be asked how often they were.</summary>
    public bool IsRefused(RecordName fingerprint)
    {
        lock (gate)
        {
            return refusals.ContainsKey(fingerprint);
        }
    }

    public void Refused(RecordName fingerprint)
    {
        lock (gate)
        {
            refusals[fingerprint] = refusals.GetValueOrDefault(fingerprint) + 1;
        }
    }

    public void Accepted(RecordName fingerprint)
    {
        lock (gate)
        {
            refusals.Remove(fingerprint);
        }
    }

    public void Dispose() => turn.Dispose();

    /// <summary>The right to renew, until disposed of.</summary>
    internal readonly struct Turn(SemaphoreSlim? turn) : IDisposable
    {
        public void Dispose() => turn?.Release();
    }
}
