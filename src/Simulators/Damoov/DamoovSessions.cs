using System.Security.Cryptography;

namespace Simulators;

/// <summary>The one live refresh pair an owner has, and the pairs that were spent.</summary>
/// <remarks>
/// login -> pair 1 -> refresh -> pair 2 -> ...
///   |                            |
///   +-- another login ends it ---+   a spent token used again ends it too, when ReuseRevokes
/// </remarks>
internal sealed class DamoovSessions(SimulatorOptions options)
{
    private readonly Lock _gate = new();
    private readonly Dictionary<string, Session> _live = [];
    private readonly Dictionary<string, string> _spent = [];

    /// <summary>A new session that ends the owner's old one.</summary>
    public DamoovPair Start(string owner, string role, Func<string, string> issue)
    {
        lock (_gate)
        {
            return Replace(owner, role, issue);
        }
    }

    /// <summary>The next pair for a live one; null when it is not live.</summary>
    public DamoovPair? Continue(string accessToken, string refreshToken, Func<string, string, string, string> issue)
    {
        lock (_gate)
        {
            var (owner, session) = _live.FirstOrDefault(entry => entry.Value.Pair.RefreshToken == refreshToken);
            if (owner is null)
            {
                if (options.ReuseRevokes && _spent.TryGetValue(refreshToken, out var robbed))
                {
                    _live.Remove(robbed);
                }
                return null;
            }
            return session.Pair.AccessToken == accessToken && session.Expires > options.Time.GetUtcNow()
                ? Replace(owner, session.Role, refresh => issue(owner, session.Role, refresh))
                : null;
        }
    }

    private DamoovPair Replace(string owner, string role, Func<string, string> issue)
    {
        if (_live.TryGetValue(owner, out var old))
        {
            _spent[old.Pair.RefreshToken] = owner;
        }
        var refresh = Convert.ToHexString(RandomNumberGenerator.GetBytes(32));
        var pair = new DamoovPair(issue(refresh), refresh);
        _live[owner] = new Session(pair, role, options.Time.GetUtcNow() + (options.RefreshTokenLifetime ?? TimeSpan.FromDays(90)));
        return pair;
    }

    private sealed record Session(DamoovPair Pair, string Role, DateTimeOffset Expires);
}
