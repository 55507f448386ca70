using System.Net.Security;
using System.Security.Cryptography.X509Certificates;

namespace Broker.Operations;

/// <summary>What is wrong with a certificate that an upstream or a token endpoint shows.</summary>
internal enum CertificateFault
{
    Name,
    Expired,
    Trust,
}

/// <summary>A certificate that was refused, and why: the client's own exception says it in words alone.</summary>
internal sealed class CertificateException(CertificateFault fault) : Exception("The certificate is refused.")
{
    public CertificateFault Fault { get; } = fault;
}

/// <summary>Takes the certificates that .NET takes, and says of the others what is wrong.</summary>
internal static class CertificateJudge
{
    public static bool Judge(object sender, X509Certificate? certificate, X509Chain? chain, SslPolicyErrors errors) =>
        errors == SslPolicyErrors.None ? true : throw new CertificateException(FaultOf(chain, errors));

    // What is neither trusted nor named rightly is not trusted, above all.
    private static CertificateFault FaultOf(X509Chain? chain, SslPolicyErrors errors)
    {
        if (errors == SslPolicyErrors.RemoteCertificateNameMismatch)
        {
            return CertificateFault.Name;
        }

        return
            (errors & SslPolicyErrors.RemoteCertificateNotAvailable) == 0
            && chain is { ChainStatus.Length: > 0 }
            && chain.ChainStatus.All(status => status.Status == X509ChainStatusFlags.NotTimeValid)
            ? CertificateFault.Expired
            : CertificateFault.Trust;
    }
}
