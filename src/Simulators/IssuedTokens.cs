using System.Collections.Concurrent;

namespace Simulators;

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
