using System.Globalization;

namespace Broker.UpstreamTokens;

/// <summary>Where a record stands: all keys of an identity are in one slot.</summary>
/// <param name="Identity">Who logs in: owns the quiet time.</param>
/// <param name="Owner">Whose lease, note and pair: the identity's, where its logins kill each other's tokens; else the record's.</param>
internal readonly record struct RecordKey(OpaqueName Identity, OpaqueName Owner);

/// <summary>One try to renew; a new one each time, so that an answer that comes late is never taken for another try's.</summary>
internal readonly record struct Attempt(ulong A, ulong B)
{
    /// <summary>The attempt that <see cref="ToString"/> wrote; none for anything else.</summary>
    public static Attempt Parse(string? hex) =>
        hex is { Length: 32 } && Part(hex, 0, out var a) && Part(hex, 16, out var b) ? new(a, b) : default;

    public override string ToString() => $"{A:x16}{B:x16}";

    private static bool Part(string hex, int at, out ulong part) =>
        ulong.TryParse(hex.AsSpan(at, 16), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out part);
}

/// <summary>An access token and what gets the next one, as all replicas have it. Prints as <c>***</c>.</summary>
internal sealed record SharedPair
{
    /// <summary>The number of the attempt that got it: what order goes by, never the expiry.</summary>
    public required long FencingToken { get; init; }

    /// <summary>The run id of the Redis that gave its number; the store says it where it is empty.</summary>
    public string RunId { get; init; } = "";

    /// <summary>What decides its access token: where the pair is the identity's, another config revision may have got it.</summary>
    public required OpaqueName Record { get; init; }

    /// <summary>
    /// The digest of the config's first refresh token that this one descends from, whatever revision got it; none for an account that logs
    /// in.
    /// </summary>
    public OpaqueName Of { get; init; }

    /// <summary>
    /// First refresh tokens of other configs of this identity, as digests, whose chains went on and then gave way to this one: they are
    /// spent, even where a config still has one.
    /// </summary>
    public IReadOnlyList<OpaqueName> Spent { get; init; } = [];

    /// <summary>Empty in a pair that was taken away on purpose: it stands above all that were there before, and is none itself.</summary>
    public required string Access { get; init; }

    public bool IsForgotten => Access.Length == 0;

    public required string? Refresh { get; init; }

    /// <summary>How long the access token lived when it was got.</summary>
    public required TimeSpan Life { get; init; }

    /// <summary>Its end by Redis's clock, in microseconds.</summary>
    public required long EndsAt { get; init; }

    /// <summary>Its end by the clock of the replica that got it.</summary>
    public required DateTimeOffset EndsAtUtc { get; init; }

    /// <summary>The replica that got it.</summary>
    public required string By { get; init; }

    public override string ToString() => "***";
}

/// <summary>What is about to be spent, or may have been.</summary>
/// <param name="Number">Of the attempt that wrote it.</param>
/// <param name="Spends">The digest of the refresh token.</param>
/// <param name="Attempt">Who wrote it.</param>
/// <param name="Left">How long its writer may still be at it; zero when that is over.</param>
internal readonly record struct SpendIntent(long Number, OpaqueName Spends, Attempt Attempt, TimeSpan Left);

/// <summary>Until when nobody asks, and why; and what was refused. The default is neither.</summary>
/// <param name="Left">How long still.</param>
/// <param name="Problem">What is answered in the meantime.</param>
/// <param name="Failures">How many in a row: the next pause grows with them.</param>
/// <param name="Refused">The fingerprint of the credentials that were refused last.</param>
/// <param name="Refusals">How often these were.</param>
internal readonly record struct SharedQuiet(TimeSpan Left, TokenProblem Problem, int Failures, OpaqueName Refused, int Refusals)
{
    /// <summary>The fingerprint of the credentials that are not shown; none when nobody asks, whatever the credentials.</summary>
    public OpaqueName Whose { get; init; }

    /// <summary>How many refreshes in a row ended nobody knows how.</summary>
    public int Unknowns { get; init; }

    /// <summary>How long these credentials are not shown.</summary>
    public TimeSpan LeftFor(OpaqueName fingerprint) => IsAnothers(fingerprint) ? TimeSpan.Zero : Left;

    /// <summary>How many failures in a row these credentials answer for.</summary>
    public int FailuresOf(OpaqueName fingerprint) => IsAnothers(fingerprint) ? 0 : Failures;

    private bool IsAnothers(OpaqueName fingerprint) => Whose != default && Whose != fingerprint;
}

/// <summary>What is stored, and whether the lease was taken; the default is that nobody knows.</summary>
internal readonly record struct StoredState
{
    /// <summary>Done or unknown.</summary>
    public StoreOutcome Outcome { get; init; }

    /// <summary>When the store was asked, by this process's own clock: what it says is no younger. Set by the caller.</summary>
    public long AskedAt { get; init; }

    /// <summary>Our number, if the lease was taken; else zero.</summary>
    public long Number { get; init; }

    /// <summary>How long another's lease lives; zero if there is none.</summary>
    public TimeSpan LeaseLeft { get; init; }

    public SharedPair? Pair { get; init; }

    /// <summary>What is left of the pair's key; null when it has no end.</summary>
    public TimeSpan? PairLeft { get; init; }

    /// <summary>
    /// The generation that stands beside a stored pair which does not verify: that pair is absent. Null when there is none such.
    /// </summary>
    public long? Damaged { get; init; }

    /// <summary>The id of an encryption key that the stored pair needs and this replica lacks: neither miss nor pair.</summary>
    public string? LacksKey { get; init; }

    public SpendIntent? Note { get; init; }

    /// <summary>There is a note that the brokers did not write: a refresh token may be spent.</summary>
    public bool IsNoteForeign { get; init; }

    public SharedQuiet Quiet { get; init; }

    /// <summary>Redis's clock, in microseconds.</summary>
    public long Now { get; init; }

    /// <summary>Redis's run id where the record lives.</summary>
    public string Run { get; init; }

    /// <summary>
    /// How long ago the first lease was taken under this run id, zero if none was: nobody spends a refresh token at the beginning of an
    /// epoch.
    /// </summary>
    public TimeSpan EpochAge { get; init; }
}

/// <summary>What happens to a note.</summary>
internal enum SpendIntentFate
{
    /// <summary>Nothing.</summary>
    Leave,

    /// <summary>Nothing was spent: it goes, if it is the attempt's.</summary>
    Withdraw,

    /// <summary>The token may be spent, but the call is over: it stays, and its deadline is now this far.</summary>
    Shorten,
}

/// <summary>What a call that brought no token leaves behind.</summary>
/// <param name="Note">What happens to the attempt's note.</param>
/// <param name="NoteLeft">With <see cref="SpendIntentFate.Shorten"/>.</param>
/// <param name="Quiet">How long nobody asks; null for no quiet time. A longer one that runs is not shortened.</param>
/// <param name="Problem">What is answered in the meantime.</param>
/// <param name="Remembered">How long failures in a row are counted, beyond the quiet time.</param>
/// <param name="Refused">The fingerprint that was refused; null if none was.</param>
/// <param name="Failure">Which call, its answer, why and whose, in words of ours: an operator is shown it, and nothing goes by it.</param>
internal readonly record struct Settlement(
    SpendIntentFate Note,
    TimeSpan NoteLeft,
    TimeSpan? Quiet,
    TokenProblem Problem,
    TimeSpan Remembered,
    OpaqueName? Refused,
    string? Failure = null
)
{
    /// <summary>The fingerprint of the credentials that the quiet time is for; none for all.</summary>
    public OpaqueName Whose { get; init; }

    /// <summary>Whether it was a refresh whose end nobody knows: these are counted.</summary>
    public bool IsUnknownRefresh { get; init; }
}

/// <summary>Asks one budget, an identity's or a token endpoint's, for one login.</summary>
/// <param name="Budget">Whose; a slot of its own.</param>
/// <param name="Attempt">Who asks: the same attempt takes one permit, however often its command arrives.</param>
/// <param name="Windows">All of them must have room.</param>
/// <param name="IsRejection">Whether an upstream's 401 is the cause: these use at most half.</param>
/// <param name="Known">The highest count of permits this process has seen there: a store that knows of less has lost its memory, and counts
/// as spent for one Per.</param>
/// <param name="IsReminder">Only says what is known, after an epoch; takes none.</param>
/// <param name="Alone">Logins that this process made while Redis was away and has not told yet: they count from when they were
/// made.</param>
/// <param name="KnownFrom">The run id that this was seen under: what is given under another one hides no loss.</param>
internal readonly record struct BudgetAsk(
    OpaqueName Budget,
    Attempt Attempt,
    IReadOnlyList<BudgetWindow> Windows,
    bool IsRejection,
    long Known,
    bool IsReminder = false,
    IReadOnlyList<LoneLogin>? Alone = null,
    string KnownFrom = ""
);

/// <summary>A login that was made while Redis was away.</summary>
/// <param name="Attempt">Its own: told twice, it counts once.</param>
/// <param name="Age">How long ago.</param>
/// <param name="IsRejection">Whether an upstream's 401 was the cause.</param>
internal readonly record struct LoneLogin(Attempt Attempt, TimeSpan Age, bool IsRejection);

/// <summary>So many logins in so long.</summary>
internal readonly record struct BudgetWindow(int Permit, TimeSpan Per);

/// <summary>A permit or none; the default is that nobody knows.</summary>
/// <param name="Outcome">Done: taken. Lost: spent.</param>
/// <param name="Wait">When spent: how long until there is one.</param>
/// <param name="Count">Permits ever counted there.</param>
/// <param name="Run">Redis's run id there.</param>
internal readonly record struct Permission(StoreOutcome Outcome, TimeSpan Wait, long Count, string Run);

/// <summary>Where attempt ids come from: the operating system's randomness, or a seed.</summary>
internal delegate ulong Chance();
