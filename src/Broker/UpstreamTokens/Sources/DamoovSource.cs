using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using Broker.Configuration;

namespace Broker.UpstreamTokens;

/// <summary>
/// Damoov: JSON in JSON to log in, the whole pair to refresh; the status stands in the body too. (docs.damoov.com, v1/Auth)
/// </summary>
internal sealed class DamoovSource(TokenHttp http, Uri login, Uri refresh, DamoovAccountOptions account, string who) : ITokenSource
{
    /// <summary>An address that logged in too often is locked out for an hour; the 429 does not say so.</summary>
    private static readonly TimeSpan Lockout = TimeSpan.FromHours(1);

    private readonly bool isUser = account.DeviceToken is not null;

    public bool CanLogin => true;

    public bool Rotates => true;

    public string? FirstRefreshToken => null;

    public async Task<TokenAnswer> Login(CancellationToken cancellation)
    {
        // In a string the key is exactly "Devicetoken"; in an object "DeviceToken", as the vendor's Android library writes it.
        var isText = account.LoginFields == LoginFieldsForm.String;
        var fields = new JsonObject
        {
            [
                !isUser ? "email"
                : isText ? "Devicetoken"
                : "DeviceToken"
            ] = who,
        };
        var body = new JsonObject { ["LoginFields"] = isText ? fields.ToJsonString() : fields, ["Password"] = account.Password.Reveal() };
        KeyValuePair<string, string>[] headers = account.InstanceId is { } instance ? [new("InstanceId", instance)] : [];
        var (status, answer) = await Post(login, body, headers, cancellation);
        return status == 401 ? TokenAnswer.Refused("http-401")
            : status == 429 ? TokenAnswer.NotNow("http-429", answer.RetryAfter ?? Lockout)
            : answer;
    }

    public async Task<TokenAnswer> Refresh(TokenPair pair, CancellationToken cancellation)
    {
        var body = new JsonObject { ["AccessToken"] = pair.Access, ["RefreshToken"] = pair.Refresh };
        var (status, answer) = await Post(refresh, body, [], cancellation);
        // Of the vendor's own clients one expects 400, the other 401.
        return status is 400 or 401 ? TokenAnswer.Refused($"http-{status}") : answer;
    }

    private async Task<(int Status, TokenAnswer Answer)> Post(
        Uri endpoint,
        JsonObject body,
        KeyValuePair<string, string>[] headers,
        CancellationToken cancellation
    )
    {
        var reply = await http.Post(endpoint, Encoding.UTF8.GetBytes(body.ToJsonString()), Wire.Json, headers, cancellation);
        if (!reply.IsSuccess)
        {
            return (reply.Status, reply.Otherwise);
        }
        // A 200 can carry another status in its body.
        var said = reply.Body.Number("Status");
        var status =
            said is null ? reply.Status
            : double.IsInteger(said.Value) && said is > 0 and < 1000 ? (int)said.Value
            : 0;
        if (status != 200)
        {
            return (status, TokenAnswer.OfStatus(status, "status") ?? TokenAnswer.WithoutToken($"status-{status}"));
        }
        var result = reply.Body.Member("Result");
        var access = result.Member("AccessToken");
        var life =
            access.Number("ExpiresIn") is { } seconds ? Wire.Seconds(seconds)
            : Wire.Claims(access.Text("Token")).Number("exp") is { } exp ? Wire.Until(exp, http.Time)
            : (TimeSpan?)null;
        return (status, TokenAnswer.Token(access.Text("Token"), result.Text("RefreshToken"), life));
    }
}
