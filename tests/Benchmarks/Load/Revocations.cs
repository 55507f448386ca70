using System.Net.Http.Json;
using System.Text.Json;

namespace Benchmarks.Load;

/// <summary>Has a broker under load hold revocations: gets tokens and ends them, as a client does.</summary>
internal static class Revocations
{
    private const int AtOnce = 8;

    public static async Task Make(Uri broker, int count)
    {
        using var http = new HttpClient { BaseAddress = broker };
        var left = count;
        await Task.WhenAll(
            Enumerable
                .Range(0, AtOnce)
                .Select(async _ =>
                {
                    while (Interlocked.Decrement(ref left) >= 0)
                    {
                        using var issued = await http.PostAsync("/oauth/token", Form(("grant_type", "client_credentials")));
                        var answer = await issued.Content.ReadFromJsonAsync<JsonElement>();
                        var token = answer.TryGetProperty("access_token", out var text)
                            ? text.GetString()!
                            : throw new InvalidOperationException($"No token to end: {answer}");
                        using var ended = await http.PostAsync("/oauth/revoke", Form(("token", token)));
                        ended.EnsureSuccessStatusCode();
                    }
                })
        );
    }

    private static FormUrlEncodedContent Form((string Name, string Value) field) =>
        new([new(field.Name, field.Value), new("client_id", BrokerConfig.CallerName), new("client_secret", BrokerConfig.CallerKey)]);
}
