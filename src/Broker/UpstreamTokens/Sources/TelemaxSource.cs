namespace Broker.UpstreamTokens;

/// <summary>Telemax: a form with a user or an API key; no refresh. (docs.telemax.com.au/v1/authentication)</summary>
internal sealed class TelemaxSource(TokenHttp http, Uri endpoint, string? userName, string secret) : ITokenSource
{
    public bool CanLogin => true;

    public bool Rotates => false;

    public string? FirstRefreshToken => null;

    public Task<TokenAnswer> Refresh(TokenPair pair, CancellationToken cancellation) =>
        throw new NotSupportedException("Telemax has no refresh.");

    public async Task<TokenAnswer> Login(CancellationToken cancellation)
    {
        KeyValuePair<string, string>[] fields = userName is null
            ? [new("apiKey", secret)]
            : [new("UserName", userName), new("Password", secret)];
        var reply = await http.Post(endpoint, Wire.FormBody(fields), Wire.Form, [], cancellation);
        // 400 is a legacy API key that is not known.
        return reply.Status == 401 || (reply.Status == 400 && userName is null) ? TokenAnswer.Refused($"http-{reply.Status}")
            : reply.IsSuccess ? TokenAnswer.Token(reply.Body.Text("access_token"), null, Wire.Life(reply.Body, http.Time, null, null))
            : reply.Otherwise;
    }
}
