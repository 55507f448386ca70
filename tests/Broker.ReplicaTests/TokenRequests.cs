using System.Text.Json.Nodes;
using Simulators;

namespace Broker.ReplicaTests;

/// <summary>What a token endpoint saw.</summary>
internal static class TokenRequests
{
    /// <summary>The refresh tokens that were sent, in order.</summary>
    public static IReadOnlyList<string> Spent(this Simulator simulator) =>
        [.. simulator.Received.Token.Select(RefreshToken).OfType<string>()];

    /// <summary>How many refresh tokens were sent more than once.</summary>
    public static int SentTwice(this Simulator simulator) => simulator.Spent().GroupBy(token => token).Count(token => token.Count() > 1);

    /// <summary>When logins were tried.</summary>
    public static IReadOnlyList<DateTimeOffset> LoginTimes(this Simulator simulator) =>
        [.. simulator.Received.Token.Where(request => RefreshToken(request) is null).Select(request => request.At)];

    /// <summary>The most logins in any such window.</summary>
    public static int MostLoginsIn(this Simulator simulator, TimeSpan window)
    {
        var times = simulator.LoginTimes();
        return times.Count == 0 ? 0 : times.Max(last => times.Count(at => at <= last && last - at < window));
    }

    public static string? RefreshToken(this ReceivedRequest request)
    {
        if (request.Body.StartsWith('{'))
        {
            return (string?)JsonNode.Parse(request.Body)?["RefreshToken"];
        }
        return request
            .Body.Split('&')
            .Select(field => field.Split('=', 2))
            .Where(field => field is ["refresh_token", _])
            .Select(field => Uri.UnescapeDataString(field[1]))
            .FirstOrDefault();
    }

    public static string? Bearer(this ReceivedRequest request) =>
        request.Header("Authorization")?.Replace("Bearer ", "", StringComparison.Ordinal);
}
