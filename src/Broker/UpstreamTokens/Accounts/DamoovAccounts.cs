using Broker.Configuration;

namespace Broker.UpstreamTokens;

/// <summary>Reads the accounts of a Damoov upstream.</summary>
internal sealed class DamoovAccounts(TokenCellRegistry vault, string upstream, DamoovUpstreamOptions options, OptionsReader reader)
    : IAccountReader
{
    private readonly Uri endpoint = reader.Endpoint(options.TokenEndpoint, "TokenEndpoint");
    private readonly CellTimes times = reader.Times(options, TimeSpan.FromMinutes(5));

    // Its block is per address: after five a minute, says one page; five an hour, another. One a minute less than the first,
    // and so few an hour that a minute's block is never reached by a loop.
    private readonly IReadOnlyList<LoginWindowOptions> logins = reader.Logins(
        options,
        [
            new()
            {
                Permit = 4,
                Per = TimeSpan.FromMinutes(1),
                Scope = LoginScope.Endpoint,
            },
            new()
            {
                Permit = 20,
                Per = TimeSpan.FromHours(1),
                Scope = LoginScope.Endpoint,
            },
        ]
    );

    public IEnumerable<string> Names => options.Accounts.Keys;

    private Uri Refresh =>
        field ??= options.RefreshEndpoint is { } own ? reader.Endpoint(own, "RefreshEndpoint") : new Uri(endpoint, "RefreshToken");

    public Account Read(string name, string key, out AccountPlan? plan)
    {
        var account = options.Accounts[name];
        var isUser = account.DeviceToken is not null;
        var refresh = Refresh;
        if (isUser == account.Email is not null)
        {
            reader.Error(
                isUser ? $"{key}:Email" : $"{key}:DeviceToken",
                "exactly one of Email (an administrator) and DeviceToken (a user)"
            );
        }
        reader.MustNotBeHere(
            isUser && string.IsNullOrEmpty(account.InstanceId),
            $"{key}:InstanceId",
            "DeviceToken needs it: Damoov asks for the header InstanceId"
        );
        reader.HeaderText(account.InstanceId ?? "", $"{key}:InstanceId");
        plan = new AccountPlan(vault, reader.Version, upstream, name)
        {
            Kind = "Damoov",
            Endpoint = endpoint,
            Times = times,
            Logins = logins,
            Templates = [reader.Template(isUser ? account.DeviceToken : account.Email, isUser ? $"{key}:DeviceToken" : $"{key}:Email")],
            IdentityTemplates = 1,
            IdentityParts = [isUser ? "user" : "administrator", account.InstanceId],
            Secrets = [account.Password.Reveal()],
            // A login anywhere kills the identity's other refresh token: one pair, whoever in the config asks for it.
            IsOnlyOne = true,
            IsPairOfIdentity = true,
            Source = rendered => new DamoovSource(vault.Http, endpoint, refresh, account, rendered[0]),
        };
        return plan.Account;
    }
}
