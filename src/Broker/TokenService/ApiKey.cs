using System.Buffers.Text;
using System.Security.Cryptography;
using System.Text;

namespace Broker.TokenService;

/// <summary>A new API key and the digest of it that the config holds.</summary>
/// <param name="Text">The key itself, told once.</param>
/// <param name="Sha256">Its digest in hex.</param>
internal sealed record ApiKey(string Text, string Sha256)
{
    // Known in front, so that scanners of repositories and logs find a lost key.
    private const string Prefix = "brk_";
    private const int RandomBytes = 32;

    public static ApiKey New()
    {
        var text = Prefix + Base64Url.EncodeToString(RandomNumberGenerator.GetBytes(RandomBytes));
        return new(text, DigestOf(text));
    }

    /// <summary>As the config holds it.</summary>
    public static string DigestOf(string text) => Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(text)));

    public override string ToString() => "***";
}
