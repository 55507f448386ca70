using System.Net.Http.Json;
using System.Text.Json;
using Shouldly;

namespace Broker.FunctionalTests.Forwarding;

/// <summary>What a caller reads.</summary>
internal static class Answers
{
    /// <summary>The answer is a refusal of the broker's: status, code, and the form that all refusals share.</summary>
    public static async Task ShouldRefuse(this HttpResponseMessage answer, int status, string code)
    {
        var text = await answer.Content.ReadAsStringAsync();
        ((int)answer.StatusCode, text.Contains($"\"{code}\"", StringComparison.Ordinal)).ShouldBe(
            (status, true),
            $"{(int)answer.StatusCode} {text}"
        );
        answer.Content.Headers.ContentType!.MediaType.ShouldBe("application/problem+json");
        var problem = JsonDocument.Parse(text).RootElement;
        problem.GetProperty("code").GetString().ShouldBe(code);
        problem.GetProperty("status").GetInt32().ShouldBe(status);
        problem.GetProperty("error").GetInt32().ShouldBe(status);
    }

    public static async Task<JsonElement> Json(this HttpResponseMessage answer)
    {
        var text = await answer.Content.ReadAsStringAsync();
        ((int)answer.StatusCode).ShouldBeInRange(200, 299, text);
        return JsonDocument.Parse(text).RootElement;
    }

    public static int? RetryAfter(this HttpResponseMessage answer) => (int?)answer.Headers.RetryAfter?.Delta?.TotalSeconds;
}
