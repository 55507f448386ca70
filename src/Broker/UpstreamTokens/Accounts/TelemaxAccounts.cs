using Broker.Configuration;

namespace Broker.UpstreamTokens;

/// <summary>Reads the accounts of a Telemax upstream.</summary>
internal sealed class TelemaxAccounts(TokenCellRegistry vault, string upstream, TelemaxUpstreamOptions options, OptionsReader reader)
    : IAccountReader
{
    private readonly Uri tokenEndpoint = reader.Endpoint(options.TokenEndpoint, "TokenEndpoint");
    private readonly CellTimes times = reader.Times(options, TimeSpan.FromMinutes(5));
    private readonly IReadOnlyList<LoginWindowOptions> logins = reader.Logins(
        options,
        [new() { Permit = 10, Per = TimeSpan.FromMinutes(1) }]
    );

    public IEnumerable<string> Names => options.Accounts.Keys;

    public Account Read(string name, string key, out AccountPlan? plan)
    {
        var account = options.Accounts[name];
        var endpoint = account.TokenEndpoint is { } own ? reader.Endpoint(own, $"{key}:TokenEndpoint") : tokenEndpoint;
        var isUser = account.UserName is not null;
        if (isUser == account.ApiKey is not null)
        {
            reader.Error(isUser ? $"{key}:ApiKey" : $"{key}:UserName", "exactly one of UserName (with Password) and ApiKey");
        }
        reader.MustNotBeHere(isUser && account.Password is null, $"{key}:Password", "UserName needs it: name a File or Env");
        reader.MustNotBeHere(!isUser && account.Password is not null, $"{key}:Password", "stands beside UserName only");
        var secret = (isUser ? account.Password : account.ApiKey)?.Reveal() ?? "";
        plan = new AccountPlan(vault, reader.Version, upstream, name)
        {
            Kind = "Telemax",
            Endpoint = endpoint,
            Times = times,
            Logins = logins,
            Templates = [isUser ? reader.Template(account.UserName, $"{key}:UserName") : Template.Of("")],
            IdentityTemplates = 1,
            IdentityParts = [isUser ? null : secret],
            Secrets = [secret],
            Source = rendered => new TelemaxSource(vault.Http, endpoint, isUser ? rendered[0] : null, secret),
        };
        return plan.Account;
    }
}
