using Broker.Configuration;

namespace Broker.UpstreamTokens;

/// <summary>Reads the accounts of an OAuth2 upstream.</summary>
internal sealed class OAuth2Accounts(TokenCellRegistry vault, string upstream, OAuth2UpstreamOptions options, OptionsReader reader)
    : IAccountReader
{
    private static readonly HashSet<string> Ours = new(StringComparer.Ordinal)
    {
        "grant_type",
        "client_id",
        "client_secret",
        "username",
        "password",
        "refresh_token",
        "scope",
        "audience",
    };

    private readonly Uri endpoint = reader.Endpoint(options.TokenEndpoint, "TokenEndpoint");
    private readonly string scheme = reader.Scheme(options);
    private readonly CellTimes times = reader.Times(options, TimeSpan.FromSeconds(60));
    private readonly IReadOnlyList<LoginWindowOptions> logins = reader.Logins(
        options,
        [new() { Permit = 10, Per = TimeSpan.FromMinutes(1) }]
    );

    public IEnumerable<string> Names => options.Accounts.Keys;

    public Account Read(string name, string key, out AccountPlan? plan)
    {
        var account = options.Accounts[name];
        if (options.AssumedLifetime is { } assumed)
        {
            reader.Duration(assumed, "AssumedLifetime", TimeSpan.FromDays(365));
        }
        CheckGrant(account, key);
        CheckExtras(account, key);
        var isPassword = account.Grant == OAuth2Grant.Password;
        // Its one refresh token is who it is: every refresh kills the one before, whatever scopes ask for it.
        var isChain = account is { Grant: OAuth2Grant.RefreshToken, Rotates: true };
        List<Template> templates =
        [
            reader.Template(account.ClientId, $"{key}:ClientId"),
            isPassword ? reader.Template(account.UserName, $"{key}:UserName") : Template.Of(""),
        ];
        var parameters = account.Parameters.Keys.Order(StringComparer.Ordinal).ToArray();
        var headers = account.Headers.Keys.Order(StringComparer.Ordinal).ToArray();
        templates.AddRange(parameters.Select(parameter => reader.Template(account.Parameters[parameter], $"{key}:Parameters:{parameter}")));
        templates.AddRange(headers.Select(header => reader.Template(account.Headers[header], $"{key}:Headers:{header}")));
        var firstHeader = 2 + parameters.Length;
        plan = new AccountPlan(vault, reader.Version, upstream, name)
        {
            Kind = "OAuth2",
            Endpoint = endpoint,
            Times = times,
            Logins = logins,
            Templates = templates,
            IdentityTemplates = 2,
            IdentityParts =
            [
                account.RefreshTokenFile,
                isChain && account.RefreshTokenFile is null ? Known(account.RefreshToken?.Reveal(), name) : null,
            ],
            UserParts = [account.RefreshToken?.Reveal()],
            TemplateKeys = [.. parameters.Select(parameter => $"parameter {parameter}"), .. headers.Select(header => $"header {header}")],
            Secrets = [account.ClientSecret?.Reveal(), account.Password?.Reveal(), account.RefreshToken?.Reveal()],
            Others =
            [
                $"{account.Grant}",
                $"{account.ClientAuthentication}",
                account.Audience,
                $"{account.Scopes.Count}",
                .. account.Scopes,
                $"{parameters.Length}",
                .. parameters,
                .. headers,
                .. scheme == OptionsReader.Bearer ? [] : new[] { $"scheme:{scheme}" }, // no header's name holds a ':'
            ],
            IsOnlyOne = isChain || account.RefreshTokenFile is not null,
            Keep = account.RefreshTokenFile,
            Scheme = scheme,
            Accepts = rendered => rendered.Skip(firstHeader).All(OptionsReader.IsHeaderText),
            Source = rendered => new OAuth2Source(
                vault.Http,
                new OAuth2Request
                {
                    Endpoint = endpoint,
                    Account = account,
                    ClientId = rendered[0],
                    UserName = rendered[1],
                    Parameters = [.. parameters.Select((parameter, i) => KeyValuePair.Create(parameter, rendered[2 + i]))],
                    Headers = [.. headers.Select((header, i) => KeyValuePair.Create(header, rendered[firstHeader + i]))],
                    TokenType = options.TokenType,
                    AssumedLifetime = options.AssumedLifetime,
                }
            ),
        };
        if (account.RefreshTokenFile is not null && plan.TemplateNames.Count > 0)
        {
            reader.Error($"{key}:Keep", "one file keeps one refresh token: an account with a template is many");
        }
        return plan.Account;
    }

    /// <summary>A secret that is not there is blank in a config that is only checked: no two of them are known to be one.</summary>
    private string Known(string? secret, string name) => string.IsNullOrEmpty(secret) ? $"{upstream}:{name}" : secret;

    private void CheckGrant(OAuth2AccountOptions account, string key)
    {
        var isPassword = account.Grant == OAuth2Grant.Password;
        var isRefresh = account.Grant == OAuth2Grant.RefreshToken;
        var cure = $"is not for the grant {account.Grant}: take it out, or set Grant";
        reader.MustNotBeHere(!isPassword && account.UserName is not null, $"{key}:UserName", cure);
        reader.MustNotBeHere(!isPassword && account.Password is not null, $"{key}:Password", cure);
        reader.MustNotBeHere(!isRefresh && account.RefreshToken is not null, $"{key}:RefreshToken", cure);
        reader.MustNotBeHere(!isRefresh && account.RefreshTokenFile is not null, $"{key}:Keep", cure);
        reader.MustNotBeHere(isPassword && account.Password is null, $"{key}:Password", "the grant Password needs it: name a File or Env");
        reader.MustNotBeHere(
            isRefresh && account.RefreshToken is null,
            $"{key}:RefreshToken",
            "the grant RefreshToken needs it: name a File or Env"
        );
        reader.MustNotBeHere(
            account.Grant == OAuth2Grant.ClientCredentials
                && account.ClientSecret is null
                && account.Headers.Count == 0
                && account.Parameters.Count == 0,
            $"{key}:ClientSecret",
            "the grant ClientCredentials needs it: name a File or Env"
        );
        if (isRefresh && account.RefreshTokenFile is null && account.Rotates && !reader.HasRedis)
        {
            reader.Error(
                $"{key}:Keep",
                "a rotating refresh token that is an account's only way in needs Broker:Redis, or a Keep file (made with mode 0600): "
                    + "a restart would lose the account. Name a path, or say \"Rotates\": false if the upstream's does not change"
            );
        }
        if (account.RefreshTokenFile is { } keep && !Path.IsPathFullyQualified(keep))
        {
            reader.Error($"{key}:Keep", "must be an absolute path");
        }
        if (isRefresh)
        {
            reader.Warning(
                $"{key}:Grant",
                "an account that can only refresh can be lost by a kill between spending its token and keeping the next"
                    + (reader.HasRedis ? ", or by a Redis that loses its memory: have it write to disk (appendonly)" : "")
            );
        }
    }

    private void CheckExtras(OAuth2AccountOptions account, string key)
    {
        foreach (var parameter in account.Parameters.Keys.Where(Ours.Contains))
        {
            reader.Error($"{key}:Parameters:{parameter}", "has a key of its own: set that");
        }
        foreach (var header in account.Headers.Keys)
        {
            reader.HeaderName(header, $"{key}:Headers:{header}");
            reader.HeaderText(account.Headers[header], $"{key}:Headers:{header}");
            reader.MustNotBeHere(
                string.Equals(header, "Authorization", StringComparison.OrdinalIgnoreCase) && account.ClientSecret is not null,
                $"{key}:Headers:{header}",
                "is where the client authenticates: set ClientSecret and ClientAuthentication"
            );
        }
    }
}
