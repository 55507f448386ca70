using System.Text;
using System.Text.Json.Nodes;
using Broker.Configuration;

namespace Broker.UpstreamTokens;

/// <summary>
/// DeviceHive: <c>/token</c> and <c>/token/refresh</c>; a refresh token keeps, and the end stands inside the JWT. (JwtTokenResource)
/// </summary>
internal sealed class DeviceHiveSource(TokenHttp http, Uri login, Uri refresh, DeviceHiveAccountOptions account, string who) : ITokenSource
{
    public bool CanLogin => account.RefreshToken is null;

    public bool Rotates => false;

    public string? FirstRefreshToken => account.RefreshToken?.Reveal();

    public async Task<TokenAnswer> Login(CancellationToken cancellation)
    {
        var reply = await Post(login, new JsonObject { ["login"] = who, ["password"] = account.Password?.Reveal() }, cancellation);
        return Read(reply);
    }

    public async Task<TokenAnswer> Refresh(TokenPair pair, CancellationToken cancellation) =>
        Read(await Post(refresh, new JsonObject { ["refreshToken"] = pair.Refresh }, cancellation));

    private Task<TokenReply> Post(Uri endpoint, JsonObject body, CancellationToken cancellation) =>
        http.Post(endpoint, Encoding.UTF8.GetBytes(body.ToJsonString()), Wire.Json, [], cancellation);

    private TokenAnswer Read(TokenReply reply)
    {
        // Any 401, even an empty one: that is how a bad signature is answered.
        if (reply.Status == 401)
        {
            return TokenAnswer.Refused("http-401");
        }
        if (!reply.IsSuccess)
        {
            return reply.Otherwise;
        }
        var access = reply.Body.Text("accessToken");
        var end = Wire.Claims(access).Member("payload").Number("e");
        return TokenAnswer.Token(
            access,
            reply.Body.Text("refreshToken"),
            end is { } milliseconds ? Wire.Until(milliseconds / 1000, http.Time) : null
        );
    }
}
