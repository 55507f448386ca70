using System.ComponentModel;

namespace Broker.Configuration;

/// <summary>One caller of the config.</summary>
internal sealed record CallerOptions
{
    [Description("API keys; two, so that one can be replaced without an outage.")]
    public IReadOnlyList<KeyOptions> Keys { get; init; } = [];

    [Description("Lets the caller use Basic; its name is the user name.")]
    public PasswordOptions? Basic { get; init; }

    [Description("The number that stands in 'u' of a token of the broker's own.")]
    public long? UserId { get; init; }

    [Description("True: every credential of the caller is refused, and so is every token that came of it.")]
    public bool Disabled { get; init; }

    [Description("Actions by name or number; \"*\" is all, missing or empty is none.")]
    public IReadOnlyList<string> Actions { get; init; } = [];

    [Description("Network ids; \"*\" is all, missing or empty is none.")]
    public IReadOnlyList<string> Networks { get; init; } = [];

    [Description("Device type ids; \"*\" is all, missing or empty is none.")]
    public IReadOnlyList<string> DeviceTypes { get; init; } = [];

    [Description("Device ids; \"*\" is all, missing or empty is none.")]
    public IReadOnlyList<string> Devices { get; init; } = [];

    [Description("The account used at an upstream, by upstream; 'default' where none is named.")]
    public IReadOnlyDictionary<string, string> Accounts { get; init; } = new Dictionary<string, string>();

    [Description("Requests of this caller at the same time; the limit of Limits when missing.")]
    public int? ConcurrentRequests { get; init; }
}

/// <summary>One API key, by its digest.</summary>
internal sealed record KeyOptions
{
    [Description("SHA-256 of the key in hex, as 'broker key new' prints it.")]
    public required string Sha256 { get; init; }
}

/// <summary>A password by its hash.</summary>
internal sealed record PasswordOptions
{
    [Description("The hash that ASP.NET Core's PasswordHasher made: 'broker key hash' prints it.")]
    public required Secret Hash { get; init; }
}
