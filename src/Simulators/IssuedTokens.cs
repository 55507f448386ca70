using System.Collections.Concurrent;

namespace Simulators;

/// <summary>What has become of a token.</summary>
internal enum TokenState
{
    Unknown,
    Live,
    Expired,
    Revoked,
}

/// <summary>One access token that was handed out, and to whom.</summary>
internal sealed class IssuedToken(string value, string owner, DateTimeOffset expires)
{
    private volatile TokenState _state = TokenState.Live;

    public string Value { get; } = value;
    public string Owner { get; } = owner;
    public DateTimeOffset Expires { get; } = expires;
    public string Role { get; init; } = "";
    public string Scope { get; init; } = "";
    public string Audience { get; init; } = "";

    public TokenState StateAt(DateTimeOffset now) => _state == TokenState.Live && Expires <= now ? TokenState.Expired : _state;

    public void End(TokenState state) => _state = state;
}

/// <summary>All access tokens that a simulator handed out.</summary>
internal sealed class IssuedTokens(TimeProvider time)
{
    private readonly ConcurrentDictionary<string, IssuedToken> _tokens = new(StringComparer.Ordinal);

    public int Live => _tokens.Values.Count(token => token.StateAt(time.GetUtcNow()) == TokenState.Live);

    public IssuedToken Add(IssuedToken token) => _tokens[token.Value] = token;

    public (TokenState State, IssuedToken? Token) Find(string? value) =>
        value is not null && _tokens.TryGetValue(value, out var token)
            ? (token.StateAt(time.GetUtcNow()), token)
            : (TokenState.Unknown, null);

    public void Revoke(string value)
    {
        if (_tokens.TryGetValue(value, out var token))
        {
            token.End(TokenState.Revoked);
        }
    }

    public void EndAll(TokenState state)
    {
        foreach (var token in _tokens.Values)
        {
            token.End(state);
        }
    }
}
