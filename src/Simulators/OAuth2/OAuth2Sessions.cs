using System.Security.Cryptography;
using System.Text;

namespace Simulators;

/// <summary>Issues access tokens, and keeps the refresh tokens that are live and those that were spent.</summary>
internal sealed class OAuth2Sessions
{
    private static readonly byte[] Key = Encoding.UTF8.GetBytes("oauth2-simulator-signing-key-00001");

    private readonly Lock _gate = new();
    private readonly Dictionary<string, Session> _live = [];
    private readonly Dictionary<string, Session> _spent = [];
    private readonly IssuedTokens _issued;
    private readonly SimulatorOptions _options;

    public OAuth2Sessions(IssuedTokens issued, SimulatorOptions options)
    {
        _issued = issued;
        _options = options;
        var grant = new OAuth2Grant(
            OAuth2Simulator.BasicClientId,
            OAuth2Simulator.UserName,
            string.Join(' ', OAuth2Simulator.Scopes),
            OAuth2Simulator.Audience
        );
        Keep(new Session(grant), OAuth2Simulator.InitialRefreshToken);
    }

    public OAuth2Issue Start(OAuth2Grant grant, bool refreshable)
    {
        lock (_gate)
        {
            return Issue(new Session(grant), grant, refreshable ? NewRefreshToken() : null);
        }
    }

    /// <summary>The next tokens for a live refresh token of this client, for its scope or a part of it; null when it is not live.</summary>
    public OAuth2Issue? Continue(string refreshToken, string client, Func<OAuth2Grant, OAuth2Grant?> narrow)
    {
        lock (_gate)
        {
            if (_spent.TryGetValue(refreshToken, out var robbed) && _options.ReuseRevokes)
            {
                _live.Remove(robbed.RefreshToken);
                _issued.Revoke(robbed.AccessToken);
                return null;
            }
            if (
                !_live.TryGetValue(refreshToken, out var session)
                || session.Grant.Client != client
                || session.Expires <= _options.Time.GetUtcNow()
                || narrow(session.Grant) is not { } grant
            )
            {
                return null;
            }
            if (_options.RotatesRefreshTokens)
            {
                _live.Remove(refreshToken);
                _spent[refreshToken] = session;
            }
            return Issue(session, grant, _options.RotatesRefreshTokens ? NewRefreshToken() : refreshToken);
        }
    }

    private OAuth2Issue Issue(Session session, OAuth2Grant grant, string? refreshToken)
    {
        var now = _options.Time.GetUtcNow();
        var lifetime = _options.TokenLifetime ?? TimeSpan.FromHours(1);
        var claims = new Dictionary<string, object>
        {
            ["iss"] = "https://login.chargers.example",
            ["sub"] = grant.Subject,
            ["client_id"] = grant.Client,
            ["aud"] = grant.Audience,
            ["scope"] = grant.Scope,
            ["jti"] = Guid.NewGuid().ToString(),
            ["iat"] = now.ToUnixTimeSeconds(),
            ["exp"] = (now + lifetime).ToUnixTimeSeconds(),
        };
        var token = _options.OpaqueTokens ? Convert.ToHexString(RandomNumberGenerator.GetBytes(24)) : Jwt.Sign(claims, Key);
        _issued.Add(new IssuedToken(token, grant.Client, now + lifetime) { Scope = grant.Scope, Audience = grant.Audience });
        session.AccessToken = token;
        if (refreshToken is not null)
        {
            Keep(session, refreshToken);
        }
        return new OAuth2Issue(token, lifetime, refreshToken, grant);
    }

    private void Keep(Session session, string refreshToken)
    {
        session.RefreshToken = refreshToken;
        session.Expires = _options.Time.GetUtcNow() + (_options.RefreshTokenLifetime ?? TimeSpan.FromDays(90));
        _live[refreshToken] = session;
    }

    private static string NewRefreshToken() => Convert.ToHexString(RandomNumberGenerator.GetBytes(32));

    private sealed class Session(OAuth2Grant grant)
    {
        public OAuth2Grant Grant => grant;
        public string RefreshToken { get; set; } = "";
        public string AccessToken { get; set; } = "";
        public DateTimeOffset Expires { get; set; }
    }
}
