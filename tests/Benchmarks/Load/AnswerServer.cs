using System.Security.Cryptography.X509Certificates;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;

namespace Benchmarks.Load;

/// <summary>The local server behind the proxies: 44 bytes of JSON, and a token endpoint. A process of its own.</summary>
internal static class AnswerServer
{
    public const string Verb = "serve-answers";

    /// <summary>Below this path anyone is answered.</summary>
    public const string Open = "/open";

    /// <summary>Below this path only who shows the upstream's token.</summary>
    public const string Guarded = "/guarded";

    public const string TokenPath = "/token";

    /// <summary>44 bytes.</summary>
    public static ReadOnlySpan<byte> Body => """{"id":"42","latitude":-33.87,"speed":61.250}"""u8;

    /// <param name="token">What it hands out, and asks for.</param>
    /// <param name="certificate">Certificate and key, in PEM files; null without TLS.</param>
    public static async Task<int> Run(string token, (string Path, string Key)? certificate = null)
    {
        var builder = WebApplication.CreateEmptyBuilder(new());
        builder
            .WebHost.UseKestrelCore()
            .ConfigureKestrel(kestrel => kestrel.AddServerHeader = false)
            .UseUrls(certificate is null ? "http://127.0.0.1:0" : "https://127.0.0.1:0");
        if (certificate is { } files)
        {
            builder
                .WebHost.UseKestrelHttpsConfiguration()
                .ConfigureKestrel(kestrel =>
                    kestrel.ConfigureHttpsDefaults(https =>
                        https.ServerCertificate = X509Certificate2.CreateFromPemFile(files.Path, files.Key)
                    )
                );
        }

        builder.Services.AddLogging();
        await using var app = builder.Build();
        var expected = "Bearer " + token;
        var body = Body.ToArray();
        app.Run(context => Answer(context, expected, body, token));
        await app.StartAsync();
        await ProxyProcess.Announce(app.Urls.Single());
        return 0;
    }

    private static Task Answer(HttpContext context, string expected, byte[] body, string token)
    {
        var path = context.Request.Path.Value!;
        var response = context.Response;
        response.ContentType = "application/json";
        if (path == TokenPath)
        {
            return response.WriteAsync($$"""{"access_token":"{{token}}","token_type":"Bearer","expires_in":86400}""");
        }

        if (!path.StartsWith(Open, StringComparison.Ordinal) && context.Request.Headers.Authorization != expected)
        {
            response.StatusCode = StatusCodes.Status401Unauthorized;
            return Task.CompletedTask;
        }

        response.ContentLength = body.Length;
        return response.Body.WriteAsync(body, 0, body.Length);
    }
}
