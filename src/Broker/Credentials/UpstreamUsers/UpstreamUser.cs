using System.Globalization;
using Broker.Configuration;
using Policies;

namespace Broker.Credentials;

/// <summary>A user of an upstream, as the upstream answered the user's last login. Prints as the user's name.</summary>
/// <param name="Upstream">The upstream where the user logged in.</param>
/// <param name="UserId">The user's number there.</param>
/// <param name="Permissions">The permissions in the token that the upstream answered.</param>
/// <param name="RefreshToken">The user's own refresh token; it never leaves the broker.</param>
/// <param name="End">When that ends.</param>
internal sealed record UpstreamUser(string Upstream, long UserId, Permissions Permissions, string RefreshToken, DateTimeOffset End)
{
    /// <summary>The source of such an identity.</summary>
    public const string Source = "user";

    /// <summary>Source and colon, as a token's <c>sub</c> starts.</summary>
    public const string SubjectPrefix = Source + ":";

    /// <summary>Number 17 of one upstream is not number 17 of another.</summary>
    public string Name { get; } = NameAt(Upstream, UserId);

    public static string NameAt(string upstream, long userId) => $"{upstream}.{userId.ToString(CultureInfo.InvariantCulture)}";

    public static bool IsNameAt(string upstream, string name) =>
        name.Length > upstream.Length + 1
        && name.StartsWith(upstream, StringComparison.Ordinal)
        && name[upstream.Length] == '.'
        && !name.AsSpan(upstream.Length + 1).ContainsAnyExceptInRange('0', '9');

    /// <summary>The template value that opens the user's own account at their upstream, and at no other.</summary>
    public static string TemplateName(string upstream) => DeviceHiveUpstreamOptions.UserRefreshTokenValue(upstream);

    public override string ToString() => $"{Source}:{Name}";
}
