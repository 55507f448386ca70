using System.Collections.Concurrent;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using Microsoft.Extensions.Logging;

namespace Broker.UpstreamTokens;

/// <summary>The files that keep rotating refresh tokens over a restart: mode 0600, written beside and moved into place.</summary>
/// <remarks>A file says which first token of the config its token descends from, so that a new secret in the config goes before an old
/// file.</remarks>
internal sealed class RefreshKeeps
{
    private readonly ConcurrentDictionary<string, (string First, string Token)> written = new(StringComparer.Ordinal);

    /// <summary>The refresh token in force; null when none is kept that descends from <paramref name="first"/>.</summary>
    public string? Read(string path, string first, ILogger log)
    {
        if (written.TryGetValue(path, out var kept))
        {
            return kept.First == first ? kept.Token : null;
        }
        try
        {
            if (File.Exists(path) && JsonNode.Parse(File.ReadAllText(path)) is JsonObject file && (string?)file["of"] == Digest(first))
            {
                return (string?)file["refreshToken"];
            }
        }
        catch (Exception fault) when (fault is IOException or UnauthorizedAccessException or JsonException or InvalidOperationException)
        {
            TokenLog.KeepUnreadable(log, path, fault.GetType().Name);
        }
        return null;
    }

    /// <summary>Keeps the token: in this process even when the file cannot be written.</summary>
    public void Write(string path, string first, string token, ILogger log)
    {
        written[path] = (first, token);
        var beside = $"{path}.{Environment.ProcessId}.new";
        try
        {
            var text = new JsonObject { ["of"] = Digest(first), ["refreshToken"] = token }.ToJsonString();
            File.Delete(beside);
            var options = new FileStreamOptions
            {
                Mode = FileMode.CreateNew,
                Access = FileAccess.Write,
                Share = FileShare.None,
            };
            if (!OperatingSystem.IsWindows())
            {
                options.UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite;
            }
            using (var file = new FileStream(beside, options))
            {
                file.Write(Encoding.UTF8.GetBytes(text));
                file.Flush(flushToDisk: true);
            }
            File.Move(beside, path, overwrite: true);
        }
        catch (Exception fault) when (fault is IOException or UnauthorizedAccessException)
        {
            TokenLog.KeepNotWritten(log, path, fault.GetType().Name);
        }
    }

    /// <summary>
    /// A refresh token is random: nothing can be guessed from its digest, and it stands beside its successor in a file of mode 0600.
    /// </summary>
    private static string Digest(string token) => Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(token)));
}
