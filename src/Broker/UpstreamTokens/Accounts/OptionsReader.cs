using Broker.Configuration;

namespace Broker.UpstreamTokens;

/// <summary>Checks one upstream's options, and tells what is wrong at the key's own path.</summary>
internal sealed class OptionsReader(Snapshot candidate, ConfigErrors mistakes, string path, bool allowInsecure)
{
    public const string Bearer = "Bearer";

    // The request would need a proof beside the token, which nobody here makes.
    private static readonly string[] WithProof = ["DPoP", "mac", "pop"];

    private static readonly Uri Nowhere = new("https://invalid.invalid/");
    private static readonly TimeSpan Day = TimeSpan.FromDays(1);
    private static readonly HashSet<string> NeverOurs = new(StringComparer.OrdinalIgnoreCase)
    {
        "Host",
        "Connection",
        "Keep-Alive",
        "Proxy-Connection",
        "Proxy-Authenticate",
        "Proxy-Authorization",
        "TE",
        "Trailer",
        "Transfer-Encoding",
        "Upgrade",
        "HTTP2-Settings",
        "Expect",
        "Cookie",
    };

    public string Path { get; } = path;

    public long Version => candidate.Version;

    /// <summary>Whether tokens are shared, and so outlive a restart.</summary>
    public bool HasRedis => candidate.Broker.Redis is not null;

    public void Error(string key, string message) => mistakes.Error($"{Path}:{key}", message);

    public void Warning(string key, string message) => mistakes.Warning($"{Path}:{key}", message);

    /// <summary>
    /// An absolute https address; one that is none comes back as an address that leads nowhere, and the config does not load.
    /// </summary>
    public Uri Endpoint(string? address, string key)
    {
        if (!Uri.TryCreate(address, UriKind.Absolute, out var uri) || uri.Scheme is not ("https" or "http"))
        {
            Error(key, "not an absolute address: write https://host/path");
            return Nowhere;
        }
        if (uri.UserInfo.Length > 0 || uri.Fragment.Length > 0)
        {
            Error(key, "user names, passwords and fragments don't belong into an address: take them out");
        }
        if (uri.Scheme == "http" && !allowInsecure)
        {
            Error(key, $"http would send secrets in clear: use https, or say \"AllowInsecure\": true at {Path}");
        }
        return uri;
    }

    public Template Template(string? text, string key)
    {
        if (string.IsNullOrEmpty(text))
        {
            Error(key, "is needed here and must not be empty");
            return UpstreamTokens.Template.Of("");
        }
        var template = UpstreamTokens.Template.Parse(
            text,
            candidate.Broker.Issuers.Keys.ToHashSet(StringComparer.Ordinal),
            out var mistake
        );
        if (mistake is not null)
        {
            Error(key, mistake);
        }
        return template;
    }

    public void HeaderName(string name, string key)
    {
        if (!IsHttpToken(name))
        {
            Error(key, $"'{name}' is not a header name: letters, digits and '-'");
        }
        else if (NeverOurs.Contains(name) || name.StartsWith("Content-", StringComparison.OrdinalIgnoreCase))
        {
            Error(key, $"'{name}' belongs to the connection or the body: take another header");
        }
    }

    private static bool IsHttpToken(string text) =>
        text.Length > 0
        && text.All(letter => char.IsAsciiLetterOrDigit(letter) || "!#$%&'*+-.^_`|~".Contains(letter, StringComparison.Ordinal));

    /// <summary>
    /// What stands before a token in Authorization: the scheme that the config names, else the tokens' type (RFC 6749, 7.1).
    /// </summary>
    public string Scheme(OAuth2UpstreamOptions options)
    {
        MustNotBeHere(string.IsNullOrWhiteSpace(options.TokenType), "TokenType", "is empty: leave it out for Bearer");
        foreach (var proof in WithProof)
        {
            const string cure = "such tokens need a proof with each request, which the broker does not make: ask for bearer tokens";
            MustNotBeHere(Wire.IsSameType(options.TokenType, proof), "TokenType", cure);
            MustNotBeHere(options.Scheme is { } named && Wire.IsSameType(named, proof), "Scheme", cure);
        }
        var scheme = options.Scheme ?? (Wire.IsSameType(options.TokenType, Bearer) ? Bearer : options.TokenType);
        MustNotBeHere(
            !IsHttpToken(scheme) && !string.IsNullOrWhiteSpace(options.TokenType),
            "Scheme",
            "name the word before the token in Authorization, such as Bearer: one word of ASCII letters"
        );
        return scheme;
    }

    public static bool IsHeaderText(string value) => !value.AsSpan().ContainsAnyExceptInRange(' ', '~');

    public void HeaderText(string value, string key)
    {
        if (!IsHeaderText(value))
        {
            Error(key, "a header takes visible ASCII only: no control characters, no line breaks (does the secret's file end with one?)");
        }
    }

    public void MustNotBeHere(bool isHere, string key, string message)
    {
        if (isHere)
        {
            Error(key, message);
        }
    }

    public CellTimes Times(FetchedUpstreamOptions options, TimeSpan renewBefore)
    {
        Duration(options.RenewBefore ?? renewBefore, "RenewBefore", Day);
        Duration(options.CallDeadline, "CallDeadline", TimeSpan.FromHours(1));
        Duration(options.TokenWaitTimeout, "TokenWaitTimeout", TimeSpan.FromHours(1));
        Duration(options.RetryDelay, "RetryDelay", Day);
        Duration(options.MaxRetryDelay, "MaxRetryDelay", Day);
        Duration(options.BackOffMax, "BackOffMax", Day);
        Duration(options.IdleTimeout, "IdleTimeout", TimeSpan.FromDays(30));
        if (options.MaxRetryDelay < options.RetryDelay)
        {
            Error("MaxRetryDelay", "less than RetryDelay: make it at least as long");
        }
        return new(
            options.RenewBefore ?? renewBefore,
            options.CallDeadline,
            options.TokenWaitTimeout,
            options.RetryDelay,
            options.MaxRetryDelay,
            options.IdleTimeout
        )
        {
            BackOffMax = options.BackOffMax,
        };
    }

    public IReadOnlyList<LoginWindowOptions> Logins(FetchedUpstreamOptions options, params IReadOnlyList<LoginWindowOptions> kinds)
    {
        var windows = options.Logins ?? kinds;
        for (var i = 0; i < windows.Count; i++)
        {
            Duration(windows[i].Per, $"Logins:{i}:Per", LoginBudget.LongestPer);
            if (windows[i].Permit is < 1 or > LoginBudget.LargestPermit)
            {
                Error($"Logins:{i}:Permit", $"from 1 to {LoginBudget.LargestPermit}");
            }
            else if (windows[i].Permit == 1)
            {
                Warning(
                    $"Logins:{i}:Permit",
                    "with 1, a token that the upstream refuses is not replaced by a login: " + "rejections use at most half of the budget"
                );
            }
        }
        if (windows.Count == 0)
        {
            Error("Logins", "no window is no budget: name at least one, or leave the key out for the kind's own");
        }
        return windows;
    }

    public void Duration(TimeSpan time, string key, TimeSpan longest)
    {
        if (time <= TimeSpan.Zero || time > longest)
        {
            Error(key, $"must be more than zero and at most {longest}");
        }
    }
}
