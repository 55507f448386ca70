using Broker.Configuration;

namespace Broker.UpstreamTokens;

/// <summary>Reads the accounts of a DeviceHive upstream.</summary>
internal sealed class DeviceHiveAccounts(TokenCellRegistry vault, string upstream, DeviceHiveUpstreamOptions options, OptionsReader reader)
    : IAccountReader
{
    private readonly Uri endpoint = reader.Endpoint(options.TokenEndpoint, "TokenEndpoint");
    private readonly CellTimes times = reader.Times(options, TimeSpan.FromMinutes(2));

    // It locks a user at ten wrong passwords in a row.
    private readonly IReadOnlyList<LoginWindowOptions> logins = reader.Logins(
        options,
        [new() { Permit = 5, Per = TimeSpan.FromMinutes(10) }]
    );

    public IEnumerable<string> Names => options.Accounts.Keys;

    /// <summary>Where pairs are refreshed, beside the login.</summary>
    public static Uri RefreshOf(Uri login) => new(login.AbsoluteUri.TrimEnd('/') + "/refresh");

    /// <summary>
    /// The accounts of users who logged in themselves: their own refresh token is a value of theirs, and nothing else gets them in.
    /// </summary>
    public Account Users(string templateName) =>
        new AccountPlan(vault, reader.Version, upstream, "users")
        {
            Kind = "DeviceHive",
            Endpoint = endpoint,
            Times = times,
            Logins = logins,
            Templates = [Template.Hole(templateName)],
            IdentityTemplates = 1,
            Secrets = [],
            Source = rendered => new DeviceHiveSource(
                vault.Http,
                endpoint,
                RefreshOf(endpoint),
                new() { RefreshToken = new("a login", rendered[0]) },
                ""
            ),
        }.Account;

    public Account Read(string name, string key, out AccountPlan? plan)
    {
        if (options.LockoutAfter is < 2 or > 1000)
        {
            reader.Error("LockoutAfter", "from 2 to 1000: after how many wrong passwords in a row the upstream locks a user");
        }
        var account = options.Accounts[name];
        var isUser = account.Login is not null;
        var refresh = RefreshOf(endpoint);
        if (isUser == account.RefreshToken is not null)
        {
            reader.Error(isUser ? $"{key}:RefreshToken" : $"{key}:Login", "exactly one of Login (with Password) and RefreshToken");
        }
        reader.MustNotBeHere(isUser && account.Password is null, $"{key}:Password", "Login needs it: name a File or Env");
        reader.MustNotBeHere(!isUser && account.Password is not null, $"{key}:Password", "stands beside Login only");
        plan = new AccountPlan(vault, reader.Version, upstream, name)
        {
            Kind = "DeviceHive",
            Endpoint = endpoint,
            Times = times,
            Logins = logins,
            Templates = [isUser ? reader.Template(account.Login, $"{key}:Login") : Template.Of("")],
            IdentityTemplates = 1,
            IdentityParts = [account.RefreshToken?.Reveal()],
            Secrets = [account.Password?.Reveal(), account.RefreshToken?.Reveal()],
            Source = rendered => new DeviceHiveSource(vault.Http, endpoint, refresh, account, rendered[0]),
        };
        return plan.Account;
    }
}
