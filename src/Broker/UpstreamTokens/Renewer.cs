using Microsoft.Extensions.Logging;

namespace Broker.UpstreamTokens;

/// <summary>What one renewal brought: an access token, or why there is none.</summary>
internal readonly record struct RenewalResult(string? Access, long AskedAt, TimeSpan Life, TokenProblem Problem, TimeSpan? RetryAfter)
{
    /// <summary>
    /// When to look whether another replica has a token meanwhile, whatever the wait that callers are told; null where there is no other.
    /// </summary>
    public TimeSpan? RecheckAfter { get; init; }

    public static RenewalResult Failed(TokenProblem problem, TimeSpan? retryAfter = null) => new(null, 0, default, problem, retryAfter);

    public override string ToString() => $"{Problem}";
}

/// <summary>Decides which of refresh and login is called, and what each of the four answers leads to.</summary>
/// <remarks>
/// <code>
///   refresh --token--> keep      --refused--> login --token--> keep
///      |  not now: quiet, the refresh token is unspent  |  refused by the kind's word: quiet; the third time for good
///      |  unknown: quiet; spent, if it rotates          |  refused otherwise: quiet, twice as long each time, up to an hour
///      +- unknown for the third time: login             +- not now, unknown: quiet
/// </code>
/// An account that can only refresh tries a token that may be spent again after each quiet time, not once: an outage of the token endpoint
/// answers "unknown" many times and spends nothing, and to give up after the second would lose the account for good. It risks no more than
/// the first repetition did (where reuse revokes, that one has revoked), and ends with the third refusal.
/// One call of <see cref="Run"/> at a time: the cell sees to that.
/// </remarks>
internal sealed class Renewer(CellPlan plan, LoginIdentity identity, TokenCellRegistry vault, ILogger log)
{
    private readonly TimeProvider time = vault.Time;
    private readonly TokenCalls calls = new(vault.Time, log);
    private volatile CellPlan plan = plan;
    private volatile LoginIdentity identity = identity;
    private TokenPair? pair;
    private bool maybeSpent;
    private int unknowns;
    private SharedRenewal? shared;

    public CellPlan Plan => plan;

    /// <summary>What it shares with other replicas; null where tokens live in this process only, and before the first renewal.</summary>
    public SharedRenewal? Shared => Volatile.Read(ref shared);

    /// <summary>Who logs in; the vault says it anew when the cell comes back.</summary>
    public LoginIdentity Identity
    {
        get => identity;
        set => identity = value;
    }

    /// <summary>
    /// Takes the times and the form of the newest config; what decides the token is the same, or it would be another cell.
    /// </summary>
    public void Adopt(CellPlan newer)
    {
        if (newer.Version > plan.Version)
        {
            plan = newer;
        }
    }

    /// <summary>Whether a renewal would not kill the token of a newer cell of the same identity.</summary>
    public bool MayRenew(TokenCell cell) => !plan.IsOnlyOne || identity.IsCurrent(cell);

    public NamingKey Names => vault.Names;

    /// <summary>Where its token stands: lease, note and pair are the identity's where its logins kill each other's tokens.</summary>
    public RecordKey NameOf(TokenCell cell) => new(plan.Identity, plan.IsOnlyOne ? plan.Identity : cell.Name);

    /// <summary>One renewal. Never throws.</summary>
    public async Task<RenewalResult> Run(TokenCell cell, bool isRejection)
    {
        var now = plan;
        using var activity = TokenMetrics.StartRenewal(now);
        try
        {
            using var turn = now.IsOnlyOne ? await identity.TakeTurn() : default;
            if (!MayRenew(cell))
            {
                return RenewalResult.Failed(TokenProblem.Unavailable);
            }
            if (vault.Shared is { } store)
            {
                Volatile.Write(ref shared, shared ?? new SharedRenewal(NameOf(cell), vault, store, calls, log));
                return await shared.Run(new(now, cell, identity, isRejection));
            }
            if (now.IsOnlyOne && !ReferenceEquals(identity.LastToRenew, this))
            {
                // Another cell of the identity renewed since: what this one holds is dead, and a second use could kill what lives.
                pair = null;
                identity.LastToRenew = this;
            }
            return await Renew(now, isRejection);
        }
        catch (Exception fault)
        {
            // A fault of ours must not end the cell: it counts as an answer that nobody knows.
            TokenLog.Faulted(log, now.Upstream, now.Account, fault.GetType().Name);
            return RenewalResult.Failed(TokenProblem.Unavailable);
        }
    }

    private async Task<RenewalResult> Renew(CellPlan now, bool isRejection)
    {
        var (left, problem) = identity.Wait(now.Fingerprint);
        if (left > TimeSpan.Zero)
        {
            return RenewalResult.Failed(problem, left);
        }
        var held = Spendable(now);
        if (held is not null && !(maybeSpent && now.Source.CanLogin))
        {
            var asked = time.GetTimestamp();
            var answer = await calls.Ask(now, "refresh", cancellation => now.Source.Refresh(held, cancellation));
            switch (answer.Kind)
            {
                case TokenAnswerKind.Token:
                    return Commit(now, held, answer, asked);
                case TokenAnswerKind.NotNow:
                    return Fail(now, answer, isLogin: false);
                case TokenAnswerKind.Unknown when !now.Source.CanLogin || ++unknowns < LoginIdentity.MaxUnknowns:
                    // A rotating one may be spent: sent twice it can take the account's tokens with it. Next time a login, where there is
                    // one.
                    maybeSpent |= now.Source.Rotates;
                    return Fail(now, answer, isLogin: false);
                case TokenAnswerKind.Refused when !now.Source.CanLogin:
                    return Fail(now, answer, isLogin: false);
            }
            pair = answer.Kind == TokenAnswerKind.Refused ? null : pair;
        }
        return now.Source.CanLogin
            ? await LogIn(now, isRejection)
            : RenewalResult.Failed(TokenProblem.LoginRefused, now.Times.MaxRetryDelay);
    }

    /// <summary>What a refresh would spend; null when there is nothing, or it was refused as often as one may try.</summary>
    private TokenPair? Spendable(CellPlan now)
    {
        if (pair?.Refresh is not null)
        {
            return now.Source.CanLogin || identity.MayLogIn(now.Fingerprint) ? pair : null;
        }
        if (now.Source.FirstRefreshToken is not { } first || !identity.MayLogIn(now.Fingerprint))
        {
            return null;
        }
        return pair = new TokenPair(
            null,
            now.RefreshTokenFile is null ? first : vault.Keeps.Read(now.RefreshTokenFile, first, log) ?? first
        );
    }

    private async Task<RenewalResult> LogIn(CellPlan now, bool isRejection)
    {
        if (!identity.MayLogIn(now.Fingerprint))
        {
            return RenewalResult.Failed(TokenProblem.LoginRefused, now.Times.MaxRetryDelay);
        }
        if (!vault.Budget.TryTake(now, now.Logins, isRejection, out var wait))
        {
            TokenLog.BudgetSpent(log, now.Upstream, now.Account, wait.TotalSeconds);
            return RenewalResult.Failed(TokenProblem.BudgetSpent, wait);
        }
        pair = null;
        maybeSpent = false;
        var asked = time.GetTimestamp();
        var answer = await calls.Ask(now, "login", now.Source.Login);
        return answer.Kind == TokenAnswerKind.Token ? Commit(now, null, answer, asked) : Fail(now, answer, isLogin: true);
    }

    private RenewalResult Fail(CellPlan now, in TokenAnswer answer, bool isLogin)
    {
        var problem = answer.Problem(now.Source.CanLogin);
        if (answer.IsDefinite)
        {
            identity.Refused(now.Fingerprint);
        }
        return RenewalResult.Failed(problem, identity.Fails(now.Fingerprint, problem, answer, isLogin, now.Times));
    }

    /// <summary>Life counts from when the token was asked for: what the call took is not given twice.</summary>
    private RenewalResult Commit(CellPlan now, TokenPair? spent, TokenAnswer answer, long asked)
    {
        var got = answer.Pair!;
        pair = new TokenPair(got.Access, got.Refresh ?? spent?.Refresh);
        (maybeSpent, unknowns) = (false, 0);
        identity.Accepted(now.Fingerprint);
        if (now.RefreshTokenFile is { } keep && now.Source.FirstRefreshToken is { } first && got.Refresh is { } next)
        {
            vault.Keeps.Write(keep, first, next, log);
        }
        return new(got.Access, asked, answer.Life, TokenProblem.None, null);
    }
}
