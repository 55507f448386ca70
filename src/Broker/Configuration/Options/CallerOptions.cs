using System.ComponentModel;

namespace Broker.Configuration;

/// <summary>One caller of the config.</summary>
[ExampleKeys("Keys", "Actions", "Networks", "DeviceTypes", "Devices")]
internal sealed record CallerOptions
{
    [Description("The caller's API keys. Two of them let you replace a key without an outage.")]
    [WhenMissing("no API key")]
    public IReadOnlyList<KeyOptions> Keys { get; init; } = [];

    [Description(
        "The password with which the caller uses Basic authentication and, where it has a UserId, logs in at the token "
            + "service. The user name is the caller's name."
    )]
    [WhenMissing("the caller cannot use Basic")]
    public PasswordOptions? Basic { get; init; }

    [Description(
        "The caller's number: the claim 'u' of the broker's own tokens, and what DeviceHive's clients call userId. A "
            + "caller who logs in at the token service needs one."
    )]
    [WhenMissing("no number")]
    [Example("2")]
    public long? UserId { get; init; }

    [Description("Refuses every credential of the caller, and every token that came of it.")]
    public bool Disabled { get; init; }

    [Description("The actions that the caller may do, by name or number; \"*\" is all of them.")]
    [WhenMissing("none")]
    [Example("""[ "GetDevice", "GetDeviceNotification" ]""")]
    public IReadOnlyList<string> Actions { get; init; } = [];

    [Description("The ids of the networks that the caller may reach; \"*\" is all of them.")]
    [WhenMissing("none")]
    [Example("""[ "12" ]""")]
    public IReadOnlyList<string> Networks { get; init; } = [];

    [Description("The ids of the device types that the caller may reach; \"*\" is all of them.")]
    [WhenMissing("none")]
    [Example("""[ "*" ]""")]
    public IReadOnlyList<string> DeviceTypes { get; init; } = [];

    [Description("The ids of the devices that the caller may reach; \"*\" is all of them.")]
    [WhenMissing("none")]
    [Example("""[ "42", "43" ]""")]
    public IReadOnlyList<string> Devices { get; init; } = [];

    [Description(
        "The account that is used for the caller at an upstream: for each upstream's name an account's name. A route's "
            + "Account overrides it."
    )]
    [WhenMissing("'default' at each upstream")]
    [Example("""{ "damoov": "rider" }""")]
    public IReadOnlyDictionary<string, string> Accounts { get; init; } = new Dictionary<string, string>();

    [Description("How many requests of this caller may be open at once.")]
    [WhenMissing("Limits:ConcurrentRequestsPerCaller")]
    [Example("50")]
    public int? ConcurrentRequests { get; init; }
}

/// <summary>One API key, by its digest.</summary>
internal sealed record KeyOptions
{
    [Description("The SHA-256 of the key in hex. 'broker key new' prints a key and this digest.")]
    [Example("\"9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08\"")]
    public required string Sha256 { get; init; }
}

/// <summary>A password by its hash.</summary>
internal sealed record PasswordOptions
{
    [Description("The password's hash, as 'broker key hash' prints it (ASP.NET Core's PasswordHasher, version 3).")]
    public required Secret Hash { get; init; }
}
