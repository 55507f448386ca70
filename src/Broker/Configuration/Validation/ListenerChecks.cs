using Microsoft.AspNetCore.Http;

namespace Broker.Configuration;

/// <summary>Judges where the broker listens: cleartext off loopback must be said.</summary>
internal static class ListenerChecks
{
    public static void Check(KestrelShape kestrel, BrokerOptions broker, IReadOnlySet<string> fromEnvironment, ConfigErrors mistakes)
    {
        var hasDefault = kestrel.Certificates?.ContainsKey("Default") == true;
        foreach (var (name, endpoint) in kestrel.Endpoints ?? new Dictionary<string, EndpointShape>())
        {
            var path = $"Kestrel:Endpoints:{name}";
            CheckUrl(endpoint.Url, $"{path}:Url", broker.AllowInsecure, mistakes);
            CheckCertificate(endpoint.Certificate, $"{path}:Certificate", fromEnvironment, mistakes);
            if (IsHttps(Address(endpoint.Url)) && endpoint.Certificate is null && endpoint.Sni is not { Count: > 0 } && !hasDefault)
            {
                mistakes.Error(
                    $"{path}:Certificate",
                    "https needs a certificate: name its files, { \"Path\": \"/run/tls/tls.crt\", \"KeyPath\": \"/run/tls/tls.key\" }"
                );
            }
            foreach (var (host, sni) in endpoint.Sni ?? new Dictionary<string, SniShape>())
            {
                CheckCertificate(sni.Certificate, $"{path}:Sni:{host}:Certificate", fromEnvironment, mistakes);
            }

            // A Host check would not part the two: a caller writes any Host it likes on the public port.
            if (
                Address(endpoint.Url) is { Port: > 0 } open
                && Address(broker.Management.Url) is { } management
                && open.Port == management.Port
            )
            {
                mistakes.Error("Broker:Management:Url", $"the port {open.Port} is {path}'s as well: health needs a listener of its own");
            }
        }

        foreach (var (name, certificate) in kestrel.Certificates ?? new Dictionary<string, CertificateShape>())
        {
            CheckCertificate(certificate, $"Kestrel:Certificates:{name}", fromEnvironment, mistakes);
        }

        CheckUrl(broker.Management.Url, "Broker:Management:Url", broker.AllowInsecure, mistakes);
    }

    /// <summary>Tells of certificates' files that are not there: like a secret's, they may be on another machine than the config.</summary>
    public static void CheckFiles(KestrelShape kestrel, Sources sources, ConfigErrors mistakes, Severity whenMissing)
    {
        var endpoints = kestrel.Endpoints ?? new Dictionary<string, EndpointShape>();
        IEnumerable<(string Path, CertificateShape? Certificate)> all =
        [
            .. endpoints.Select(endpoint => ($"Kestrel:Endpoints:{endpoint.Key}:Certificate", endpoint.Value.Certificate)),
            .. endpoints.SelectMany(endpoint =>
                (endpoint.Value.Sni ?? new Dictionary<string, SniShape>()).Select(sni =>
                    ($"Kestrel:Endpoints:{endpoint.Key}:Sni:{sni.Key}:Certificate", sni.Value.Certificate)
                )
            ),
            .. (kestrel.Certificates ?? new Dictionary<string, CertificateShape>()).Select(named =>
                ($"Kestrel:Certificates:{named.Key}", (CertificateShape?)named.Value)
            ),
        ];
        foreach (var (path, certificate) in all)
        {
            foreach (var (key, file) in new[] { ("Path", certificate?.Path), ("KeyPath", certificate?.KeyPath) })
            {
                if (file is not null && sources.File(file).Fault is { } fault)
                {
                    mistakes.Unread($"{path}:{key}", $"the certificate's file {file} {fault}", whenMissing);
                }
            }
        }
    }

    private static bool IsHttps(BindingAddress? address) => address?.Scheme.Equals("https", StringComparison.OrdinalIgnoreCase) == true;

    private static void CheckUrl(string url, string path, bool allowInsecure, ConfigErrors mistakes)
    {
        var address = Address(url);
        var isHttps = IsHttps(address);
        if (address is null || (!isHttps && !address.Scheme.Equals("http", StringComparison.OrdinalIgnoreCase)))
        {
            mistakes.Error(path, "where to listen is said as https://host:port or http://host:port");
        }
        else if (!isHttps && !allowInsecure && !IsLocal(address))
        {
            mistakes.Error(
                path,
                "is cleartext and not on loopback: use https, or say \"AllowInsecure\": true in Broker when something before the "
                    + "broker ends TLS"
            );
        }
    }

    private static void CheckCertificate(
        CertificateShape? certificate,
        string path,
        IReadOnlySet<string> fromEnvironment,
        ConfigErrors mistakes
    )
    {
        // Kestrel has no other place for a password than its section; from ${NAME} it is at least not in a file.
        if (certificate?.Password is not null && !fromEnvironment.Contains($"{path}:Password"))
        {
            mistakes.Error(
                $"{path}:Password",
                "secrets are named, never written: use PEM files (Path and KeyPath) without a password, or \"${NAME}\""
            );
        }
    }

    private static BindingAddress? Address(string url)
    {
        try
        {
            return BindingAddress.Parse(url);
        }
        catch (FormatException)
        {
            return null;
        }
    }

    private static bool IsLocal(BindingAddress address)
    {
        if (address.IsUnixPipe || address.IsNamedPipe || address.Host.Equals("localhost", StringComparison.OrdinalIgnoreCase))
        {
            return true;
        }

        return System.Net.IPAddress.TryParse(address.Host, out var ip) && System.Net.IPAddress.IsLoopback(ip);
    }
}
