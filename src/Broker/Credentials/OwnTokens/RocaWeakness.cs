using System.Numerics;

namespace Broker.Credentials;

/// <summary>Finds RSA keys whose private part can be computed from the public one: the ROCA weakness, CVE-2017-15361.</summary>
/// <remarks>
/// The primes of such a key are <c>k * M + (65537^a mod M)</c>, where M is the product of the first primes: of 39 in the smallest keys, of
/// more in longer ones. So the modulus is itself a power of 65537 modulo the product of the first 39 primes. That is so exactly when it is
/// a power of 65537 modulo each of these primes, and the exponents agree with each other. A sound key looks like that by chance once in
/// 2^154. (Nemec, Sys, Svenda, Klinec, Matyas: The Return of Coppersmith's Attack, ACM CCS 2017.)
/// </remarks>
internal static class RocaWeakness
{
    private const int Generator = 65537;

    // The first 39 primes without 2, modulo which every key says the same.
    private static readonly int[] Primes =
    [
        3,
        5,
        7,
        11,
        13,
        17,
        19,
        23,
        29,
        31,
        37,
        41,
        43,
        47,
        53,
        59,
        61,
        67,
        71,
        73,
        79,
        83,
        89,
        97,
        101,
        103,
        107,
        109,
        113,
        127,
        131,
        137,
        139,
        149,
        151,
        157,
        163,
        167,
    ];

    private static readonly Powers[] PowersByPrime = [.. Primes.Select(prime => new Powers(prime))];

    /// <summary>Whether a key with this modulus (big-endian) has the weakness.</summary>
    public static bool Affects(ReadOnlySpan<byte> modulus)
    {
        var number = new BigInteger(modulus, isUnsigned: true, isBigEndian: true);
        Span<int> exponents = stackalloc int[Primes.Length];
        for (var i = 0; i < exponents.Length; i++)
        {
            exponents[i] = PowersByPrime[i].ExponentOf((int)(number % Primes[i]));
            if (exponents[i] < 0)
            {
                return false;
            }

            // An exponent counts modulo the order of 65537 there. One number has all these remainders exactly when each two of them agree.
            for (var j = 0; j < i; j++)
            {
                var common = (int)BigInteger.GreatestCommonDivisor(PowersByPrime[i].Order, PowersByPrime[j].Order);
                if ((exponents[i] - exponents[j]) % common != 0)
                {
                    return false;
                }
            }
        }

        return true;
    }

    /// <summary>The powers of 65537 modulo one prime.</summary>
    private sealed class Powers
    {
        private readonly int[] exponents;

        public Powers(int prime)
        {
            exponents = new int[prime];
            Array.Fill(exponents, -1);
            for (var power = 1; exponents[power] < 0; power = power * (Generator % prime) % prime)
            {
                exponents[power] = Order++;
            }
        }

        /// <summary>How many there are.</summary>
        public int Order { get; private set; }

        /// <summary>The exponent that gives this remainder; -1 when none does.</summary>
        public int ExponentOf(int remainder) => exponents[remainder];
    }
}
