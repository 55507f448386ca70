using System.Collections.Frozen;

namespace Broker.Credentials;

/// <summary>A caller of the config as a snapshot has it.</summary>
/// <param name="Caller">With all that the config permits.</param>
/// <param name="UserId">What stands in <c>u</c> of its tokens.</param>
/// <param name="PasswordHash">For Basic; null when it may not use that.</param>
internal sealed record ConfigCaller(Caller Caller, long? UserId, string? PasswordHash)
{
    /// <summary>The source of every caller of the config, whatever credential it showed.</summary>
    public const string Source = "key";

    /// <summary>Source and colon, as a token's <c>sub</c> starts.</summary>
    public const string SubjectPrefix = Source + ":";

    /// <summary>Whether the config says that it may do nothing: as if it were not there, except where the reason is asked for.</summary>
    public bool IsDisabled { get; init; }

    /// <summary>Prints no hash.</summary>
    public override string ToString() => Caller.Identity;
}

/// <summary>The callers of a config by name.</summary>
internal sealed class CallerTable(IEnumerable<ConfigCaller> callers)
{
    private readonly FrozenDictionary<string, ConfigCaller> byName = callers.ToFrozenDictionary(
        caller => caller.Caller.Name,
        StringComparer.Ordinal
    );

    public IEnumerable<ConfigCaller> All => byName.Values;

    /// <summary>The caller of this name; one that is disabled is not found.</summary>
    public ConfigCaller? Find(string name) => byName.GetValueOrDefault(name) is { IsDisabled: false } found ? found : null;

    /// <summary>The caller of this number, disabled or not.</summary>
    public ConfigCaller? Numbered(long userId) => byName.Values.FirstOrDefault(caller => caller.UserId == userId);

    public bool IsDisabled(string name) => byName.GetValueOrDefault(name) is { IsDisabled: true };
}
