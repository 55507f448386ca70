using System.Collections.Frozen;
using Broker.Configuration;

namespace Broker.UpstreamTokens;

/// <summary>Compiles <c>Broker:Upstreams</c> into the table of upstreams, and tells every mistake in it.</summary>
internal sealed class UpstreamCompiler(TokenCellRegistry vault) : ISnapshotCompiler
{
    public void Compile(Snapshot candidate, ConfigErrors mistakes)
    {
        vault.NameAs(candidate.Broker.Redis);
        var upstreams = new Dictionary<string, Upstream>(StringComparer.Ordinal);
        var identities = new Dictionary<OpaqueName, (string Path, OpaqueName Secrets)>();
        foreach (var (name, options) in candidate.Broker.Upstreams)
        {
            var reader = new OptionsReader(candidate, mistakes, $"Broker:Upstreams:{name}", options.AllowInsecure);
            upstreams[name] = new Upstream
            {
                Name = name,
                Options = options,
                IdHeaders = IdHeaders(options, reader),
                Accounts = Accounts(name, options, reader, identities),
                Users =
                    options is DeviceHiveUpstreamOptions deviceHive && candidate.Broker.TokenService?.UsersOf == name
                        ? new DeviceHiveAccounts(vault, name, deviceHive, reader).Users(
                            DeviceHiveUpstreamOptions.UserRefreshTokenValue(name)
                        )
                        : null,
            };
        }
        candidate.Add(new UpstreamTable { ByName = upstreams.ToFrozenDictionary(StringComparer.Ordinal) });
    }

    private static IReadOnlyList<string> IdHeaders(UpstreamOptions options, OptionsReader reader)
    {
        foreach (var (header, i) in (options.IdHeaders ?? []).Select((header, i) => (header, i)))
        {
            reader.HeaderName(header, $"IdHeaders:{i}");
        }
        return options.IdHeaders
            ?? options switch
            {
                DamoovUpstreamOptions => ["UserDeviceToken", "DeviceToken", "InstanceId", "InstanceKey"],
                DeviceHiveUpstreamOptions => ["Auth-DeviceID", "Auth-DeviceKey"],
                _ => [],
            };
    }

    private FrozenDictionary<string, Account> Accounts(
        string upstream,
        UpstreamOptions options,
        OptionsReader reader,
        Dictionary<OpaqueName, (string Path, OpaqueName Secrets)> identities
    )
    {
        IAccountReader kind = options switch
        {
            OAuth2UpstreamOptions oauth2 => new OAuth2Accounts(vault, upstream, oauth2, reader),
            TelemaxUpstreamOptions telemax => new TelemaxAccounts(vault, upstream, telemax, reader),
            DamoovUpstreamOptions damoov => new DamoovAccounts(vault, upstream, damoov, reader),
            DeviceHiveUpstreamOptions deviceHive => new DeviceHiveAccounts(vault, upstream, deviceHive, reader),
            StaticUpstreamOptions fixedKeys => new StaticAccounts(vault, upstream, fixedKeys, reader),
            _ => throw new InvalidOperationException($"{options.GetType().Name} has no reader."),
        };
        if (!kind.Names.Any())
        {
            reader.Error("Accounts", "there is no account: name at least one; 'default' is the one that callers use who name none");
        }
        var accounts = new Dictionary<string, Account>(StringComparer.Ordinal);
        foreach (var name in kind.Names)
        {
            if (name.Length == 0 || name.AsSpan().ContainsAny(":/") || name.AsSpan().ContainsAnyExceptInRange(' ', '~'))
            {
                reader.Error($"Accounts:{name}", "a name is plain text without ':' or '/'");
            }
            var account = kind.Read(name, $"Accounts:{name}", out var plan);
            accounts[name] = account;
            if (plan is { IsOnlyOne: true } && plan.FixedIdentity is { } identity)
            {
                OneConfigAnIdentity(identity, plan.FingerprintName, reader, $"Accounts:{name}", identities);
            }
            if (plan?.Keep is { } keep && !identities.TryAdd(vault.Names.Name("keep", keep), ($"{reader.Path}:Accounts:{name}", default)))
            {
                reader.Error($"Accounts:{name}:Keep", "another account keeps its token there: one file for each account");
            }
        }
        return accounts.ToFrozenDictionary(StringComparer.Ordinal);
    }

    /// <summary>
    /// Where a login kills the identity's other tokens, two passwords or two revisions side by side would log each other out for ever.
    /// </summary>
    private static void OneConfigAnIdentity(
        OpaqueName identity,
        OpaqueName secrets,
        OptionsReader reader,
        string key,
        Dictionary<OpaqueName, (string Path, OpaqueName Secrets)> identities
    )
    {
        if (!identities.TryAdd(identity, ($"{reader.Path}:{key}", secrets)) && identities[identity].Secrets != secrets)
        {
            reader.Error(
                key,
                $"the same identity as {identities[identity].Path}, configured otherwise: "
                    + "their logins would kill each other's tokens; make the two equal, or keep one"
            );
        }
    }
}

/// <summary>Reads the accounts of one kind of upstream.</summary>
internal interface IAccountReader
{
    IEnumerable<string> Names { get; }

    /// <summary>The account; what is wrong with it has been told.</summary>
    Account Read(string name, string key, out AccountPlan? plan);
}
