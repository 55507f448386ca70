namespace Broker.Configuration;

/// <summary>Judges the token service.</summary>
internal sealed class TokenServiceChecks(BrokerOptions broker, ConfigErrors mistakes)
{
    private const string Path = "Broker:TokenService";

    public void Check()
    {
        if (broker.TokenService is not { } service)
        {
            return;
        }

        if (broker.Issuing is null)
        {
            mistakes.Error(Path, "needs keys that sign: configure Broker:Issuing");
        }

        for (var i = 0; i < service.Prefixes.Count; i++)
        {
            Prefix(service.Prefixes[i], $"{Path}:Prefixes:{i}");
        }

        Prefix(service.OAuthPrefix, $"{Path}:OAuthPrefix");
        if (
            service
                .Prefixes.Append(service.OAuthPrefix)
                .GroupBy(prefix => prefix, StringComparer.OrdinalIgnoreCase)
                .Any(group => group.Count() > 1)
            || service.Prefixes.Contains(service.OAuthPrefix + "/token", StringComparer.OrdinalIgnoreCase)
        )
        {
            mistakes.Error(Path, "two of Prefixes and OAuthPrefix claim the same path: each needs its own");
        }

        if (service.PublicUrl is { } url)
        {
            Urls.Check(url, $"{Path}:PublicUrl", broker.AllowInsecure, mistakes);
            if (url.AsSpan().ContainsAny('?', '#'))
            {
                mistakes.Error(
                    $"{Path}:PublicUrl",
                    "holds a query or a fragment: it is the issuer of the metadata, which has neither (RFC 8414)"
                );
            }

            if (broker.Issuing?.Issuer is { } issuer && issuer != Urls.PublicIssuer(url))
            {
                mistakes.Warning(
                    "Broker:Issuing:Issuer",
                    $"is '{Scalars.Short(issuer)}', but the metadata at {Path}:PublicUrl say '{Scalars.Short(Urls.PublicIssuer(url)!)}': "
                        + "clients that read the metadata refuse every token. Take Issuer out, or write it so"
                );
            }
        }

        if (service.SessionLifetime < TimeSpan.FromMinutes(1) || service.SessionLifetime > TimeSpan.FromDays(3650))
        {
            mistakes.Error($"{Path}:SessionLifetime", "between a minute and ten years");
        }

        if (service.MaxLifetime < TimeSpan.FromMinutes(1) || service.MaxLifetime > TimeSpan.FromDays(3650))
        {
            mistakes.Error($"{Path}:MaxLifetime", "between a minute and ten years");
        }
        else if (broker.Issuing is { } issuing && service.MaxLifetime < issuing.AccessLifetime)
        {
            mistakes.Error(
                $"{Path}:MaxLifetime",
                "not shorter than Broker:Issuing:AccessLifetime, which is what a token lives that nobody asked to live longer"
            );
        }

        if (service.RotationGrace < TimeSpan.Zero || service.RotationGrace > TimeSpan.FromMinutes(5))
        {
            mistakes.Error(
                $"{Path}:RotationGrace",
                "five minutes at most: within it a stolen refresh token could be used beside its owner"
            );
        }

        if (service.FirstWait < TimeSpan.FromMilliseconds(100) || service.FirstWait > TimeSpan.FromMinutes(15))
        {
            mistakes.Error($"{Path}:FirstWait", "between a tenth of a second and a quarter of an hour");
        }

        if (service.UnknownAfter < TimeSpan.FromSeconds(1) || service.UnknownAfter > TimeSpan.FromHours(1))
        {
            mistakes.Error(
                $"{Path}:UnknownAfter",
                "between a second and an hour: so long can a token that was ended count where Redis does not answer"
            );
        }

        if (broker.Redis is { } redis && service.UnknownAfter <= redis.RecoveryDelay + redis.Reconnect + redis.Poll)
        {
            mistakes.Error(
                $"{Path}:UnknownAfter",
                "longer than Broker:Redis:RecoveryDelay, six times CallTimeout, twice Poll and a second together, or every restart "
                    + "of Redis is an outage"
            );
        }

        if (service.CorsPolicy is { } policy && !broker.Cors.ContainsKey(policy))
        {
            mistakes.Error(
                $"{Path}:CorsPolicy",
                $"there is no policy '{policy}' in Broker:Cors: {DidYouMean.Say(policy, broker.Cors.Keys)}"
            );
        }

        if (
            service.UsersOf is { } upstream
            && (!broker.Upstreams.TryGetValue(upstream, out var options) || options is not DeviceHiveUpstreamOptions)
        )
        {
            mistakes.Error($"{Path}:UsersOf", $"names no upstream of the kind DeviceHive: '{upstream}'");
        }

        OurNamesThere(service);
        Callers(service);
    }

    /// <summary>Accounts of ours at the upstream whose users log in here: whoever reaches the login can name them.</summary>
    private void OurNamesThere(TokenServiceOptions service)
    {
        if (service.UsersOf is not { } name || broker.Upstreams.GetValueOrDefault(name) is not DeviceHiveUpstreamOptions users)
        {
            return;
        }

        foreach (var (upstream, account, options) in users.SameHost(broker.Upstreams))
        {
            var path = $"Broker:Upstreams:{upstream}:Accounts:{account}";
            if (options.Login is { } login)
            {
                mistakes.Warning(
                    $"{path}:Login",
                    $"anybody who reaches {Path} can try passwords of '{login}', since users of '{name}' log in there (UsersOf): "
                        + "the broker never passes a login with this name on, so nobody logs in as it here. Take a name that nobody "
                        + "guesses, for the broker alone"
                );
            }
            else
            {
                mistakes.Warning(
                    $"{path}:RefreshToken",
                    $"does not say whose it is, and users of '{name}' log in at {Path} (UsersOf): "
                        + "the broker cannot keep guesses from its own account's name. Take Login and Password instead"
                );
            }
        }
    }

    private void Callers(TokenServiceOptions service)
    {
        foreach (var (topic, plugin) in service.Plugins)
        {
            if (!broker.Callers.ContainsKey(plugin.Creator))
            {
                mistakes.Error(
                    $"{Path}:Plugins:{topic}:Creator",
                    $"there is no caller '{plugin.Creator}': {DidYouMean.Say(plugin.Creator, broker.Callers.Keys)}"
                );
            }
        }

        foreach (var (name, _) in broker.Callers.Where(caller => caller.Value is { Basic: not null, UserId: null, Disabled: false }))
        {
            mistakes.Warning(
                $"Broker:Callers:{name}",
                "has a password and no UserId: it cannot log in at the TokenService, whose tokens name a user by number"
            );
        }
    }

    private void Prefix(string prefix, string path)
    {
        var segments = prefix.Split('/');
        if (
            segments.Length < 2
            || segments[0].Length > 0
            || segments
                .Skip(1)
                .Any(segment =>
                    segment.Length == 0
                    || segment is "." or ".."
                    || !segment.All(letter => char.IsAsciiLetterOrDigit(letter) || letter is '-' or '_' or '.')
                )
        )
        {
            mistakes.Error(path, "a path of letters, digits, '-', '_' and '.' is needed, without a slash at its end: /token");
        }
    }
}
