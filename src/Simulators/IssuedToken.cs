namespace Simulators;

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
