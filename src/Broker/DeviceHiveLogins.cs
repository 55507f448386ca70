using System.Globalization;
using System.Text.Json;
using Broker.Configuration;
using Broker.Credentials;
using Broker.TokenService;
using Broker.UpstreamTokens;
using Policies;

namespace Broker;

/// <summary>Logs users in at their DeviceHive. Stands here because it joins two folders that do not know each other.</summary>
internal sealed class DeviceHiveLogins(TokenCellRegistry vault, TimeProvider time, ILogger log) : IUserLogins
{
    // A refresh token that ends sooner would be over before the first request.
    private static readonly TimeSpan Shortest = TimeSpan.FromMinutes(1);

    public async Task<UserLogin> LogIn(Snapshot snapshot, string upstream, string login, string password, CancellationToken cancellation)
    {
        if (OptionsOf(snapshot, upstream, out var endpoint) is not { } options)
        {
            return default;
        }

        var account = new DeviceHiveAccountOptions { Login = login, Password = new Secret("a login", password) };
        var source = new DeviceHiveSource(vault.Http, endpoint, endpoint, account, login);
        var answer = await Ask(upstream, options, source.Login, cancellation);
        return answer.Kind switch
        {
            TokenAnswerKind.Token => new(true, UserOf(upstream, answer.Pair!, snapshot.Actions)),
            TokenAnswerKind.Refused => new(true, null),
            TokenAnswerKind.NotNow => new() { IsUnasked = true },
            _ => default,
        };
    }

    public bool IsOurs(Snapshot snapshot, string upstream, string login)
    {
        if (snapshot.Broker.Upstreams.GetValueOrDefault(upstream) is not DeviceHiveUpstreamOptions users)
        {
            return false;
        }

        var (table, folded) = (snapshot.Part<UpstreamTable>(), Template.Of(AddressThrottle.Folded(login)));
        foreach (var (at, account, options) in users.SameHost(snapshot.Broker.Upstreams))
        {
            // A template may stand for any name that fits it.
            if (
                options.Login is { } ours
                && (
                    AddressThrottle.MayMeet(ours, login)
                    || table.ByName[at].Accounts[account].User.Logins.Any(template => template.Names.Count > 0 && template.MayMeet(folded))
                )
            )
            {
                CredentialLog.OwnAccount(log, upstream, $"{at}/{account}");
                return true;
            }
        }

        return false;
    }

    public async Task<bool?> IsLetIn(Snapshot snapshot, string upstream, Caller user, CancellationToken cancellation)
    {
        if (
            OptionsOf(snapshot, upstream, out var endpoint) is not { } options
            || user.TemplateValues.GetValueOrDefault(UpstreamUser.TemplateName(upstream)) is not { } refresh
        )
        {
            return null;
        }

        // A refresh token stays as it is there: to use it once more changes nothing.
        var source = new DeviceHiveSource(
            vault.Http,
            endpoint,
            DeviceHiveAccounts.RefreshOf(endpoint),
            new() { RefreshToken = new("a login", refresh) },
            ""
        );
        var answer = await Ask(upstream, options, stop => source.Refresh(new(null, refresh), stop), cancellation);
        return answer.Kind == TokenAnswerKind.Token ? true
            : answer.Kind == TokenAnswerKind.Refused && answer.IsDefinite ? false
            : null;
    }

    private static DeviceHiveUpstreamOptions? OptionsOf(Snapshot snapshot, string upstream, out Uri endpoint)
    {
        var options = snapshot.Broker.Upstreams.GetValueOrDefault(upstream) as DeviceHiveUpstreamOptions;
        return Uri.TryCreate(options?.TokenEndpoint, UriKind.Absolute, out endpoint!) ? options : null;
    }

    /// <summary>A call with the deadline of the upstream's other token calls. The log says so where it brought no answer.</summary>
    private async Task<TokenAnswer> Ask(
        string upstream,
        DeviceHiveUpstreamOptions options,
        Func<CancellationToken, Task<TokenAnswer>> call,
        CancellationToken cancellation
    )
    {
        using var deadline = new CancellationTokenSource(options.CallDeadline, time);
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(deadline.Token, cancellation);
        TokenAnswer answer;
        try
        {
            answer = await call(stop.Token);
        }
        catch (OperationCanceledException) when (deadline.IsCancellationRequested && !cancellation.IsCancellationRequested)
        {
            answer = TokenAnswer.Unknown("timed-out");
        }

        if (answer.Kind is TokenAnswerKind.Unknown or TokenAnswerKind.NotNow)
        {
            // Without the login, and without the time that it took: strangers cause such lines, and of equal ones a single one is written.
            var endpoint = TokenLog.OriginOf(new(options.TokenEndpoint));
            TokenLog.UserNotAsked(log, upstream, endpoint, answer.Kind, answer.Reason ?? "unknown");
        }

        return answer;
    }

    /// <summary>Null if the token is not a user's with a refresh token: the user is not let in.</summary>
    private UpstreamUser? UserOf(string upstream, TokenPair pair, ActionNames actions)
    {
        var payload = Wire.Claims(pair.Access).Member("payload");
        var end =
            Wire.Claims(pair.Refresh).Member("payload").Number("e") is { } milliseconds && milliseconds is > 0 and < 1e14
                ? DateTimeOffset.FromUnixTimeMilliseconds((long)milliseconds)
                : default;
        if (
            pair.Refresh is null
            || end < time.GetUtcNow() + Shortest
            || payload.Member("u") is not { ValueKind: JsonValueKind.Number } u
            || !u.TryGetInt64(out var id)
        )
        {
            return null;
        }

        // The vendor reads [] and a missing 'a' in two ways; here both are nothing. Its own token bounds what "*" means: the user's
        // networks.
        var devices = payload.Member("d") is { } named ? Names(named) : Selection.Everything;
        return new(
            upstream,
            id,
            new(actions.Select(Texts(payload.Member("a")), out _), Names(payload.Member("n")), Names(payload.Member("dt")), devices),
            pair.Refresh,
            end
        );
    }

    private static Selection Names(JsonElement? list) => Selection.Of(Texts(list).Where(text => text.Length > 0));

    private static IEnumerable<string> Texts(JsonElement? list) =>
        list is not { ValueKind: JsonValueKind.Array } items
            ? []
            : items
                .EnumerateArray()
                .Select(item =>
                    item.ValueKind switch
                    {
                        JsonValueKind.String => item.GetString()!,
                        JsonValueKind.Number when item.TryGetInt64(out var number) => number.ToString(CultureInfo.InvariantCulture),
                        _ => "",
                    }
                );
}
