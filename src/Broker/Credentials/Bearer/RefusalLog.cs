using System.Collections.Concurrent;

namespace Broker.Credentials;

/// <summary>Which rule refused a token, what it expected, and what it found. None of it is the token.</summary>
/// <param name="Rule">A word of ours.</param>
/// <param name="Expected">What would have been accepted.</param>
/// <param name="Found">What stood there: a stranger's words, which only <see cref="RefusalLog"/> may write, cut and made plain.</param>
internal sealed record TokenRefusal(string Rule, string Expected, string Found);

/// <summary>
/// Logs why bearer tokens were refused, one line in a while for each issuer and rule: strangers send as many as they like.
/// </summary>
/// <remarks>
/// Rules that come before the signature can be broken by anybody, and those after it only by a holder of a token that the issuer signed.
/// Each rule has its own turn, so that a flood of the first hides nothing of the second.
/// </remarks>
internal sealed class RefusalLog(ILogger log, TimeProvider time)
{
    /// <summary>Refusals by one rule are one line in this time; the next line says how many there were.</summary>
    public static readonly TimeSpan Each = TimeSpan.FromSeconds(10);

    private const int LongestFound = 100;
    private const int LongestExpected = 200;

    // As many as there are issuers in the config and rules in the code: nothing that a token says is a key here.
    private readonly ConcurrentDictionary<(string Issuer, string Rule), Turn> turns = new();

    /// <param name="issuer">The issuer's name in the config.</param>
    /// <param name="refusal">Why.</param>
    public void Refused(string issuer, TokenRefusal refusal)
    {
        if (turns.GetOrAdd((issuer, refusal.Rule), _ => new()).Take(time.GetUtcNow()) is { } omitted)
        {
            var (expected, found) = (Plain(refusal.Expected, LongestExpected), Plain(refusal.Found, LongestFound).Replace('\'', '?'));
            CredentialLog.TokenRefused(log, issuer, refusal.Rule, expected, found, omitted);
        }
    }

    /// <summary>Visible ASCII, and not much of it: nothing that a log, a terminal or a reader of lines would obey.</summary>
    public static string Plain(string text, int longest)
    {
        var plain = string.Concat(text.Take(longest).Select(letter => letter is >= ' ' and <= '~' ? letter : '?'));
        return text.Length > longest ? $"{plain}[{text.Length} characters]" : plain;
    }

    private sealed class Turn
    {
        private readonly Lock gate = new();
        private DateTimeOffset last;
        private long omitted;

        /// <summary>How many were left out since the line before; null when this one is to be left out.</summary>
        public long? Take(DateTimeOffset now)
        {
            lock (gate)
            {
                if (now - last < Each && now >= last)
                {
                    omitted++;
                    return null;
                }

                (last, var before) = (now, omitted);
                omitted = 0;
                return before;
            }
        }
    }
}
