namespace Simulators;

/// <summary>
/// The signing key that jjwt 0.7.0 makes of a text: it reads it as Base64, skips what is none, and drops an incomplete last quad.
/// </summary>
public static class JjwtKey
{
    private const string Alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/=";

    /// <summary>The key's bytes.</summary>
    public static byte[] From(string secret)
    {
        var digits = secret.Where(Alphabet.Contains).ToArray();
        var bytes = new List<byte>();
        for (var at = 0; at + 4 <= digits.Length; at += 4)
        {
            var quad = digits[at..(at + 4)].Select(digit => digit == '=' ? 0 : Alphabet.IndexOf(digit, StringComparison.Ordinal)).ToArray();
            bytes.Add((byte)((quad[0] << 2) | (quad[1] >> 4)));
            if (digits[at + 2] != '=')
            {
                bytes.Add((byte)((quad[1] << 4) | (quad[2] >> 2)));
            }
            if (digits[at + 3] != '=')
            {
                bytes.Add((byte)((quad[2] << 6) | quad[3]));
            }
        }
        return [.. bytes];
    }
}
