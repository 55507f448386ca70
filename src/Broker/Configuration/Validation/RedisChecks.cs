using System.Net;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace Broker.Configuration;

/// <summary>Judges section <c>Broker:Redis</c>: whoever reads that Redis, or the wire to it, must find no token.</summary>
internal sealed class RedisChecks(RedisOptions redis, ConfigErrors mistakes)
{
    private const string Section = "Broker:Redis";
    private const int KeyBytes = 32;
    private const int ShortestNameKey = 32;

    public void Check()
    {
        var isLocal = Endpoints();
        Encryption(isLocal);
        if (!isLocal && !redis.AllowInsecure)
        {
            if (!redis.Tls)
            {
                mistakes.Error($"{Section}:Tls", "Redis is off loopback: say \"Tls\": true, or \"AllowInsecure\": true beside it");
            }
            if (redis.Password is null)
            {
                mistakes.Error($"{Section}:Password", "Redis is off loopback: name a File or Env, or say \"AllowInsecure\": true");
            }
        }
        if (redis.User is { } user && (redis.Password is null || user.Length == 0 || user.Any(char.IsWhiteSpace)))
        {
            mistakes.Error($"{Section}:User", "a user of Redis's ACL is a word without spaces, and has a Password");
        }
        if (redis.TlsCa?.Reveal() is { Length: > 0 } authorities && !HasCertificate(authorities))
        {
            mistakes.Error($"{Section}:TlsCa", "holds no certificate: a PEM file of authorities begins with -----BEGIN CERTIFICATE-----");
        }
        if (!redis.Tls && (redis.TlsCa is not null || redis.TlsHost is not null))
        {
            mistakes.Error($"{Section}:Tls", "TlsCa and TlsHost say whom to trust over TLS: say \"Tls\": true, or take them out");
        }
        if (redis.NamingKey.Reveal() is { Length: > 0 and < ShortestNameKey })
        {
            mistakes.Error($"{Section}:NamingKey", $"at least {ShortestNameKey} random characters: 'openssl rand -base64 32' prints some");
        }
        if (
            redis.KeyPrefix.Length is 0 or > 64
            || redis.KeyPrefix.Any(letter => !char.IsAsciiLetterOrDigit(letter) && letter is not ('-' or '_' or '.' or ':'))
        )
        {
            mistakes.Error($"{Section}:KeyPrefix", "1 to 64 letters, digits, '-', '_', '.' or ':'");
        }
        Times();
    }

    /// <summary>Whether Redis is on this machine; every mistake is told.</summary>
    private bool Endpoints()
    {
        if (redis.Endpoints.Count == 0)
        {
            mistakes.Error($"{Section}:Endpoints", "there is none: name host:port");
        }
        var isLocal = true;
        for (var i = 0; i < redis.Endpoints.Count; i++)
        {
            if (
                !Uri.TryCreate("redis://" + redis.Endpoints[i], UriKind.Absolute, out var uri)
                || uri.Port <= 0
                || uri.UserInfo.Length > 0
                || uri.PathAndQuery is not ("" or "/")
                || redis.Endpoints[i].Contains(',', StringComparison.Ordinal)
            )
            {
                mistakes.Error($"{Section}:Endpoints:{i}", "not host:port, such as redis.internal:6379");
            }
            else
            {
                isLocal &=
                    uri.Host == "localhost" || (IPAddress.TryParse(uri.DnsSafeHost, out var address) && IPAddress.IsLoopback(address));
            }
        }
        return isLocal;
    }

    private void Encryption(bool isLocal)
    {
        foreach (var (id, key) in redis.Encryption)
        {
            var path = $"{Section}:Encryption:{id}";
            if (id.Length > 64 || id.AsSpan().ContainsAnyExceptInRange('!', '~'))
            {
                mistakes.Error(path, "an id is up to 64 visible ASCII characters");
            }
            if (key.Reveal() is { Length: > 0 } text && Key(text) is null)
            {
                mistakes.Error(path, $"not {KeyBytes} bytes in Base64: 'openssl rand -base64 {KeyBytes}' prints some");
            }
        }
        if (redis.Encryption.Count > 0)
        {
            return;
        }
        if (!redis.AllowPlaintext)
        {
            mistakes.Error(
                $"{Section}:Encryption",
                "there is no key, so tokens would stand in Redis as they are: name one, "
                    + "\"Encryption\": { \"k1\": { \"File\": ... } }; or say \"AllowPlaintext\": true for a Redis on loopback"
            );
        }
        else if (!isLocal)
        {
            mistakes.Error($"{Section}:AllowPlaintext", "is for a Redis on loopback: name a key under Encryption");
        }
    }

    private void Times()
    {
        Between(redis.CallTimeout, TimeSpan.FromMilliseconds(50), TimeSpan.FromSeconds(30), "CallTimeout");
        Between(redis.Lease, TimeSpan.FromMilliseconds(200), TimeSpan.FromMinutes(10), "Lease");
        Between(redis.Poll, TimeSpan.FromMilliseconds(50), TimeSpan.FromMinutes(1), "Poll");
        Between(redis.RecoveryDelay, TimeSpan.FromMilliseconds(1), TimeSpan.FromMinutes(1), "RecoveryDelay");
        Between(redis.RefreshTokenTtl, TimeSpan.FromMinutes(1), TimeSpan.FromDays(3650), "RefreshTokenTtl");
        if (redis.CallTimeout * 3 > redis.Lease)
        {
            mistakes.Warning($"{Section}:Lease", "less than three times CallTimeout: one slow answer of Redis would end a renewal");
        }
        if (redis.MaxReplicas is < 1 or > 10_000)
        {
            mistakes.Error($"{Section}:MaxReplicas", "from 1 to 10000");
        }
    }

    /// <summary>The key's bytes; null when they are not a key.</summary>
    public static byte[]? Key(string text)
    {
        var bytes = new byte[KeyBytes + 1];
        return Convert.TryFromBase64String(text, bytes, out var length) && length == KeyBytes ? bytes[..KeyBytes] : null;
    }

    /// <summary>The keys by their ids; checked at load.</summary>
    public static IEnumerable<KeyValuePair<string, byte[]>> Ring(RedisOptions options) =>
        options.Encryption.Select(key =>
            KeyValuePair.Create(key.Key, Key(key.Value.Reveal()) ?? throw new InvalidOperationException("checked at load"))
        );

    private static bool HasCertificate(string pem)
    {
        try
        {
            var read = new X509Certificate2Collection();
            read.ImportFromPem(pem);
            return read.Count > 0;
        }
        catch (CryptographicException)
        {
            return false;
        }
    }

    private void Between(TimeSpan value, TimeSpan least, TimeSpan most, string key)
    {
        if (value < least || value > most)
        {
            mistakes.Error($"{Section}:{key}", $"from {least} to {most}");
        }
    }
}
