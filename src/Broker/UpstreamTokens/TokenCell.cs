namespace Broker.UpstreamTokens;

/// <summary>One account's token in this process: empty, fresh, due, stale.</summary>
/// <remarks>
/// <code>
///   empty --> fresh --> due --> stale      fresh  handed out: no lock, no allocation
///               ^        |        |        due    handed out, renewed behind it
///               +--------+--------+        stale  waited for: a renewal belongs to the cell, a wait to its caller
///
///   a renewal that fails -> quiet: nobody asks; what still lives is handed out
/// </code>
/// Lock order: the cell's, then the vault's or the identity's. No lock is held while a source is called.
/// </remarks>
internal sealed partial class TokenCell
{
    private readonly Lock gate = new();
    private readonly TimeProvider time;
    private readonly Renewer? renewer;
    private readonly TokenCellRegistry? vault;
    private readonly Backoff quiet;
    private readonly Backoff rejections;
    private readonly double jitter;
    private readonly long useGrain;
    private volatile UpstreamToken? held;
    private TaskCompletionSource<TokenResult>? running;
    private ITimer? timer;
    private long used;
    private long nextTry;
    private bool isGone;

    /// <summary>A cell that renews its token.</summary>
    public TokenCell(TimeProvider time, Renewer renewer, TokenCellRegistry vault, OpaqueName name)
        : this(time)
    {
        (this.renewer, this.vault, Name) = (renewer, vault, name);
        jitter = (name.A >> 11) / (double)(1L << 53); // the name is random and always the cell's own: so is its jitter
    }

    private TokenCell(TimeProvider time)
    {
        this.time = time;
        (quiet, rejections) = (new(time), new(time));
        useGrain = time.TimestampFrequency;
        used = time.GetTimestamp();
    }

    public OpaqueName Name { get; }

    public Renewer? Renewer => renewer;

    /// <summary>Whether the vault let it go; it comes back by itself when it is used.</summary>
    public bool IsGone => Volatile.Read(ref isGone);

    /// <summary>When it was used last, to within a second.</summary>
    public long LastUsed => Volatile.Read(ref used);

    /// <summary>What it holds, for the gauge.</summary>
    public UpstreamToken? Held => held;

    /// <summary>A cell that is always fresh: the account is a fixed value.</summary>
    public static TokenCell Fixed(TimeProvider time, UpstreamToken token) => new(time) { held = token };

    /// <summary>The token when it may be handed out at once (fresh, or due and then renewed behind it): no lock, no allocation.</summary>
    public bool TryGet(out UpstreamToken token)
    {
        token = held!;
        if (token is null)
        {
            return false;
        }
        if (token.EndsAt == long.MaxValue)
        {
            return true;
        }
        var now = time.GetTimestamp();
        if (now >= token.EndsAt)
        {
            token = null!;
            return false;
        }
        if (now - Volatile.Read(ref used) > useGrain)
        {
            Volatile.Write(ref used, now);
        }
        if (now >= token.DueAt && now >= Volatile.Read(ref nextTry))
        {
            RenewBehind();
        }
        return true;
    }

    /// <summary>
    /// The token, after a renewal when there is none; the wait is the caller's own (its patience, its cancellation), the renewal is not.
    /// </summary>
    public ValueTask<TokenResult> Get(CancellationToken cancellation) =>
        TryGet(out var token) ? new(Answer(token)) : Wait(null, cancellation);

    /// <summary>
    /// Says that the upstream refused this token (401) on a request sent at <paramref name="sentAt"/>, and gets its successor.
    /// </summary>
    /// <param name="refused">The token that was refused.</param>
    /// <param name="sentAt">When the refused request was sent.</param>
    /// <param name="subject">Route and ids: one that got 401 with two successive tokens rejects none for ten minutes.</param>
    /// <param name="cancellation">The caller's own.</param>
    public ValueTask<TokenResult> Replace(UpstreamToken refused, long sentAt, string subject, CancellationToken cancellation)
    {
        if (renewer is null)
        {
            return new(Refused);
        }
        if (!ReferenceEquals(held, refused))
        {
            return Get(cancellation); // somebody was faster: its successor, at once
        }
        // A request sent later went through: the 401 was not about the token. A subject refused twice: nor was it.
        // Of a token whose end came on the way the 401 says nothing at all: it is renewed as for anyone who asks now.
        return !refused.IsOver && (refused.LastSuccess > sentAt || vault!.Subjects.Contains(this, subject))
            ? new(Refused)
            : Wait(refused, cancellation);
    }

    /// <summary>Says that the successor was refused as well on the same subject.</summary>
    /// <returns>What the caller is told.</returns>
    public TokenResult RefusedAgain(UpstreamToken refused, string subject)
    {
        refused.WasNoHelp();
        vault?.Subjects.Add(this, subject);
        return Refused;
    }

    /// <summary>The upstream refuses what it issues: nobody asks for another one until the pause is over.</summary>
    private TokenResult Refused
    {
        get
        {
            lock (gate)
            {
                return new(null, TokenProblem.TokenRefused, rejections.Said is var pause && pause > TimeSpan.Zero ? pause : null);
            }
        }
    }

    private static TokenResult Answer(UpstreamToken token) => new(token, TokenProblem.None, null);

    private static TimeSpan Min(TimeSpan a, TimeSpan b) => a < b ? a : b;

    private long After(long from, TimeSpan span) => from + (long)(span.TotalSeconds * time.TimestampFrequency);
}
