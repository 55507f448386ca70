using System.Text.Json;
using Policies;

namespace Broker.Credentials;

/// <summary>What a token of ours is for.</summary>
internal enum TokenUse
{
    /// <summary>To renew an access token; never taken as a bearer's.</summary>
    Refresh = 0,

    /// <summary>To be shown with a request.</summary>
    Access = 1,
}

/// <summary>
/// What a token of ours claims: the standard claims, the session it lives in, and DeviceHive's <c>payload</c> beside them.
/// </summary>
internal sealed record TokenClaims
{
    /// <summary>So many identities can a token rest on beside its subject.</summary>
    public const int MaxCreators = 16;

    /// <summary>Whose rights it is within, whoever made it: source and name.</summary>
    public required string Subject { get; init; }

    public required long? UserId { get; init; }

    /// <summary>Action numbers as they stand; what they mean is the present config's to say.</summary>
    public required IReadOnlyList<int> Actions { get; init; }

    public required Selection Networks { get; init; }

    public required Selection DeviceTypes { get; init; }

    public required Selection Devices { get; init; }

    public required string Id { get; init; }

    public required DateTimeOffset IssuedAt { get; init; }

    /// <summary>The earlier of <c>exp</c> and <c>payload.e</c>.</summary>
    public required DateTimeOffset End { get; init; }

    public TokenUse Use { get; init; } = TokenUse.Access;

    /// <summary>The session it lives in; a token without one is a session of its own.</summary>
    public required string Session { get; init; }

    /// <summary>The end of all that may come of it.</summary>
    public required DateTimeOffset SessionEnd { get; init; }

    /// <summary>Who else's present rights it is within: those who made it, or made what it was made from.</summary>
    public IReadOnlyList<string> Creators { get; init; } = [];

    /// <summary>The generation of the subject and of each creator when it was made.</summary>
    public IReadOnlyList<long> Generations { get; init; } = [];

    /// <summary>
    /// The OAuth2 client that got the token, and alone may use it where it is a refresh token. Null where its subject got it itself.
    /// </summary>
    public string? Client { get; init; }

    /// <summary>What the OAuth2 client asked for, in its words; null where it asked for nothing in particular.</summary>
    public string? Scope { get; init; }

    /// <summary>
    /// As <c>client_id</c> says it: a subject that got its token itself is its own client. A caller of the config goes by its name, as at
    /// the token endpoint.
    /// </summary>
    public string ClientId => Client ?? OwnClientId(Subject);

    /// <summary>With a rotating refresh token: the line of successors that it stands in, and its place there.</summary>
    public string? Line { get; init; }

    public int Place { get; init; }

    /// <summary>The topic of a plugin's token, which is nobody's bearer token here.</summary>
    public string? Topic { get; init; }

    public long GenerationAt(int index) => index < Generations.Count ? Generations[index] : 0;

    /// <summary>The client id of a caller that gets tokens for itself.</summary>
    public static string OwnClientId(string subject) =>
        subject.StartsWith(ConfigCaller.SubjectPrefix, StringComparison.Ordinal) ? subject[ConfigCaller.SubjectPrefix.Length..] : subject;

    /// <summary>The permissions it claims among these actions.</summary>
    public Permissions Permissions(ActionNames actions)
    {
        // 0 is every action; a number that is no action, 1 ("none") among them, adds nothing.
        var names = Actions.Select(number =>
            number == 0 ? Selection.Wildcard
            : actions.TryResolve(number, out var name) ? name
            : null
        );
        return new(Selection.Of(names.OfType<string>()), Networks, DeviceTypes, Devices);
    }

    /// <summary>Null when it is no token of ours in every detail.</summary>
    public static TokenClaims? Read(JsonElement claims) => TokenClaimsReader.Read(claims);
}
