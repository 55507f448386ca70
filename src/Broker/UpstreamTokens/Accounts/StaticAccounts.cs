using Broker.Configuration;

namespace Broker.UpstreamTokens;

/// <summary>Reads the accounts of an upstream with fixed keys.</summary>
internal sealed class StaticAccounts(TokenCellRegistry vault, string upstream, StaticUpstreamOptions options, OptionsReader reader)
    : IAccountReader
{
    public IEnumerable<string> Names => options.Accounts.Keys;

    public Account Read(string name, string key, out AccountPlan? plan)
    {
        var account = options.Accounts[name];
        plan = null;
        if (account.Header is null == account.Query is null)
        {
            reader.Error(account.Header is null ? $"{key}:Header" : $"{key}:Query", "exactly one of Header and Query");
        }
        if (account.Header is { } header)
        {
            reader.HeaderName(header, $"{key}:Header");
            reader.HeaderText(account.Prefix, $"{key}:Prefix");
            reader.HeaderText(account.Value.Reveal(), $"{key}:Value");
        }
        reader.MustNotBeHere(account.Header is null && account.Prefix.Length > 0, $"{key}:Prefix", "stands before a header's value only");
        reader.MustNotBeHere(account.Query is { Length: 0 }, $"{key}:Query", "is needed here and must not be empty");
        return new Account
        {
            Upstream = upstream,
            Name = name,
            TemplateNames = [],
            TokenHeader = account.Header,
            TokenQuery = account.Query,
            User = new()
            {
                Scope = vault.Names.Name(account.Value.Reveal() is { Length: > 0 } value ? ["key", value] : ["not read", upstream, name]),
                Logins = [],
                Others = new Dictionary<string, Template>(),
            },
            Finder = new FixedCell(TokenCell.Fixed(vault.Time, StaticSource.Token(vault.Time, account))),
        };
    }
}
