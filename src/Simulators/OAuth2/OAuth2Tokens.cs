namespace Simulators;

/// <summary>The token endpoint of RFC 6749, with the audience of RFC 8707 under the name that vendors use.</summary>
internal sealed class OAuth2Tokens(OAuth2Sessions sessions, SimulatorOptions options)
{
    private static readonly string[] Grants = ["client_credentials", "password", "refresh_token"];

    public void Map(Routes routes) =>
        routes.Token(
            "POST",
            OAuth2Simulator.TokenPath,
            call => call.Field("grant_type") == "refresh_token" ? TokenCall.Refresh : TokenCall.Login,
            call => Answer(call).With("Cache-Control", "no-store")
        );

    private Answer Answer(Call call)
    {
        if (!call.HasForm || call.Form.Any(field => field.Value.Count > 1) || call.Field("grant_type") is not { } grantType)
        {
            return Error(400, "invalid_request");
        }
        if (OAuth2Client.Authenticate(call) is not { } client)
        {
            return Error(401, "invalid_client").With("WWW-Authenticate", "Basic realm=\"oauth\"");
        }
        if (!Grants.Contains(grantType))
        {
            return Error(400, "unsupported_grant_type");
        }
        if (!client.Grants.Contains(grantType))
        {
            return Error(400, "unauthorized_client");
        }
        if (!client.TenantIsShown(call))
        {
            return Error(400, "invalid_request");
        }
        return grantType == "refresh_token" ? Refresh(call, client) : LogIn(call, client, grantType);
    }

    private Answer LogIn(Call call, OAuth2Client client, string grantType)
    {
        var isPassword = grantType == "password";
        if (isPassword && (call.Field("username") is null || call.Field("password") is null))
        {
            return Error(400, "invalid_request");
        }
        if (isPassword && (call.Field("username") != OAuth2Simulator.UserName || call.Field("password") != OAuth2Simulator.Password))
        {
            return Error(400, "invalid_grant");
        }
        if (Narrow(call.Field("scope"), OAuth2Simulator.Scopes) is not { } scope)
        {
            return Error(400, "invalid_scope");
        }
        var audience = call.Field("audience") ?? call.Field("resource") ?? OAuth2Simulator.Audience;
        if (audience is not (OAuth2Simulator.Audience or OAuth2Simulator.OtherAudience))
        {
            return Error(400, "invalid_target");
        }
        var grant = new OAuth2Grant(client.Id, isPassword ? OAuth2Simulator.UserName : client.Id, scope, audience);
        return Write(sessions.Start(grant, refreshable: isPassword));
    }

    private Answer Refresh(Call call, OAuth2Client client)
    {
        if (call.Field("refresh_token") is not { Length: > 0 } token)
        {
            return Error(400, "invalid_request");
        }
        var widened = false;
        var issue = sessions.Continue(token, client.Id, grant =>
        {
            var scope = Narrow(call.Field("scope"), grant.Scope.Split(' '));
            widened = scope is null;
            return scope is null ? null : grant with { Scope = scope };
        });
        return issue is not null ? Write(issue) : Error(400, widened ? "invalid_scope" : "invalid_grant");
    }

    /// <summary>The scope asked for if all of it is allowed; all that is allowed when none is asked for.</summary>
    private static string? Narrow(string? asked, IReadOnlyList<string> allowed) =>
        string.IsNullOrEmpty(asked) ? string.Join(' ', allowed)
        : asked.Split(' ').All(allowed.Contains) ? asked
        : null;

    private Answer Write(OAuth2Issue issue)
    {
        var body = new Dictionary<string, object> { ["access_token"] = issue.AccessToken, ["token_type"] = "Bearer" };
        if (!options.OmitsExpiresIn)
        {
            body["expires_in"] = options.NegativeExpiresIn ? -1 : (long)issue.Lifetime.TotalSeconds;
        }
        body["scope"] = issue.Grant.Scope;
        if (issue.RefreshToken is not null)
        {
            body["refresh_token"] = issue.RefreshToken;
        }
        return Simulators.Answer.Json(200, body) with { Granted = true };
    }

    private static Answer Error(int status, string error) => Simulators.Answer.Json(status, new { error });
}
