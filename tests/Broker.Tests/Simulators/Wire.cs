using System.Net.Http.Headers;
using System.Text;
using System.Text.Json;
using Simulators;

namespace Broker.Tests.Simulators;

/// <summary>A client of one simulator that says what it sends byte for byte.</summary>
internal sealed class Wire(Simulator simulator) : IDisposable
{
    private readonly HttpClient _client = new(new HttpClientHandler { AllowAutoRedirect = false }) { BaseAddress = simulator.Address };

    public void Dispose() => _client.Dispose();

    public Task<Reply> Form(string path, params (string Name, string Value)[] fields) =>
        Send(
            "POST",
            path,
            string.Join('&', fields.Select(field => $"{Uri.EscapeDataString(field.Name)}={Uri.EscapeDataString(field.Value)}")),
            "application/x-www-form-urlencoded"
        );

    public Task<Reply> Json(string path, object body, string? token = null, params (string Name, string Value)[] headers) =>
        Send("POST", path, JsonSerializer.Serialize(body), "application/json", token, headers);

    public Task<Reply> Get(string path, string? token = null) => Send("GET", path, null, null, token);

    public async Task<Reply> Send(
        string method,
        string path,
        string? body = null,
        string? type = null,
        string? token = null,
        params (string Name, string Value)[] headers
    )
    {
        using var request = new HttpRequestMessage(new HttpMethod(method), path);
        if (body is not null)
        {
            request.Content = new ByteArrayContent(Encoding.UTF8.GetBytes(body));
            request.Content.Headers.ContentType = type is null ? null : new MediaTypeHeaderValue(type);
        }
        foreach (var (name, value) in headers)
        {
            request.Headers.TryAddWithoutValidation(name, value);
        }
        if (token is not null)
        {
            request.Headers.TryAddWithoutValidation("Authorization", $"Bearer {token}");
        }
        using var response = await _client.SendAsync(request);
        return new((int)response.StatusCode, await response.Content.ReadAsStringAsync(), response.Headers);
    }
}

/// <summary>What came back.</summary>
internal sealed record Reply(int Status, string Text, HttpResponseHeaders Headers)
{
    public JsonElement Json => JsonElement.Parse(Text);
}
