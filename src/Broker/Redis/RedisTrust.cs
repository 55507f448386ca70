using System.Net.Security;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace Broker.Redis;

/// <summary>
/// Whose certificates Redis may show: those of the config's authorities and no others, else the machine's. The name must be right in any
/// case.
/// </summary>
internal sealed class RedisTrust
{
    private readonly X509Certificate2Collection? roots;

    /// <param name="authorities">PEM; null: the machine's own.</param>
    public RedisTrust(string? authorities)
    {
        if (authorities is not null)
        {
            roots = [];
            roots.ImportFromPem(authorities);
        }
    }

    /// <summary>A <see cref="RemoteCertificateValidationCallback"/>.</summary>
    public bool Accepts(X509Certificate? certificate, X509Chain? chain, SslPolicyErrors errors) =>
        certificate is not null
        && (errors & ~SslPolicyErrors.RemoteCertificateChainErrors) == SslPolicyErrors.None
        && (roots is null ? errors == SslPolicyErrors.None : IsChained(certificate, chain, roots));

    private static bool IsChained(X509Certificate certificate, X509Chain? shown, X509Certificate2Collection roots)
    {
        using var chain = new X509Chain();
        chain.ChainPolicy.TrustMode = X509ChainTrustMode.CustomRootTrust;
        chain.ChainPolicy.CustomTrustStore.AddRange(roots);
        chain.ChainPolicy.RevocationMode = X509RevocationMode.NoCheck;
        // a server's; a client's certificate of the same authority is none
        chain.ChainPolicy.ApplicationPolicy.Add(new Oid("1.3.6.1.5.5.7.3.1"));
        foreach (var element in shown?.ChainElements ?? Enumerable.Empty<X509ChainElement>())
        {
            chain.ChainPolicy.ExtraStore.Add(element.Certificate);
        }
        using var leaf = new X509Certificate2(certificate);
        return chain.Build(leaf);
    }
}
