using System.Security.Cryptography;
using System.Text;
using Broker.Configuration;
using Broker.Redis;
using StackExchange.Redis;

namespace Broker.Credentials;

/// <summary>
/// Names in Redis, and the keys that name and seal what the ledgers keep there. All but the failed logins stand in one slot.
/// </summary>
/// <remarks>
/// What the ledgers say is sealed under the name key: it holds no secret of an upstream or a caller, lives up to ten years, and must be
/// read when the ring of keys has long been turned. Tokens that stand with it are sealed under the ring. Another name key is another
/// ledger, with nothing in it.
/// </remarks>
internal sealed class RevocationLogKeys
{
    private readonly string tag;
    private readonly string prefix;
    private readonly byte[] names;

    public RevocationLogKeys(RedisOptions options)
    {
        prefix = options.KeyPrefix;
        Channel = RedisSettings.ChannelOf(prefix);
        names = Derived(options.NamingKey, "broker ledger names");
        tag = $"{prefix}:{{ledger-{Convert.ToHexStringLower(Mac("ledger").AsSpan(0, 4))}}}:";
        Keys = [tag + "head", tag + "index", tag + "ends"];
        Seal = new([new("name-key", Derived(options.NamingKey, "broker ledger seal"))], SealMac);
        Secrets = new(Ring(options), SealMac);
    }

    /// <summary>Head, index, ends.</summary>
    public RedisKey[] Keys { get; }

    public string Channel { get; }

    /// <summary>What is said there of the log.</summary>
    public string Message => "ledger";

    /// <summary>Seals what the ledgers say.</summary>
    public Seal Seal { get; }

    /// <summary>Seals tokens.</summary>
    public Seal Secrets { get; }

    /// <summary>Stands before a part's number.</summary>
    public string Part => tag + "part:";

    /// <summary>What entries of the log are bound to. They may be moved within it: a fact says the same wherever it stands.</summary>
    public string Entry => tag + "entry";

    public string Line(string line) => tag + "line:" + Hashed(line);

    public string User(string name) => tag + "login:" + Hashed(name);

    /// <summary>Where the failed logins of an address stand. Nobody who reads it can try addresses on it.</summary>
    public string Tries(string address) => $"{prefix}:tries:{Hashed(address)}";

    /// <summary>What a name is called there.</summary>
    public string Tried(string name, string address) => Hashed($"{address}\n{name}");

    /// <summary>Another ring of keys, from now on.</summary>
    public void Use(RedisOptions newer) => Secrets.Use(Ring(newer));

    private ulong SealMac(string id, string name, long generation) =>
        BitConverter.ToUInt64(Mac($"seal\n{id.Length}\n{id}\n{name.Length}\n{name}\n{generation}"));

    // Also where an upstream's tokens may stand in plain text, callers' do not.
    private static IEnumerable<KeyValuePair<string, byte[]>> Ring(RedisOptions options) =>
        options.Encryption.Count == 0 ? [new("name-key", Derived(options.NamingKey, "broker ledger seal"))] : RedisChecks.Ring(options);

    private string Hashed(string text) => Convert.ToHexStringLower(Mac(text).AsSpan(0, 16));

    private byte[] Mac(string text) => HMACSHA256.HashData(names, Encoding.UTF8.GetBytes(text));

    private static byte[] Derived(Secret secret, string use) =>
        HKDF.DeriveKey(HashAlgorithmName.SHA256, Encoding.UTF8.GetBytes(secret.Reveal()), 32, info: Encoding.UTF8.GetBytes(use));
}
