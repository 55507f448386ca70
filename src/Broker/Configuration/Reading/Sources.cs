using System.Security.Cryptography;
using System.Text;

namespace Broker.Configuration;

/// <summary>Every file and variable that one reading of the config looked at, with a digest of what it found.</summary>
/// <remarks>Digests are taken of the very bytes that were used, so nothing can change unnoticed between reading and polling.</remarks>
internal sealed class Sources(Func<string, string?> environment)
{
    private const int LargestFile = 8 * 1024 * 1024;

    private readonly Dictionary<string, (Content Content, string Digest)> files = new(StringComparer.Ordinal);
    private readonly Dictionary<string, string> variables = new(StringComparer.Ordinal);

    /// <summary>What the file holds; read once a reading, through the path as it is (Kubernetes swaps a symlink in it).</summary>
    public Content File(string path)
    {
        if (files.TryGetValue(path, out var known) && known.Content != Content.Forgotten)
        {
            return known.Content;
        }

        var content = Read(path);
        files[path] = (content, Digest(content));
        return content;
    }

    /// <summary>What the variable holds; null when it is not set.</summary>
    public string? Variable(string name)
    {
        var value = environment(name);
        variables[name] = Digest(value);
        return value;
    }

    /// <summary>Lets go of what was read and keeps the digests: secrets do not stay in memory twice.</summary>
    public void Forget()
    {
        foreach (var (path, (_, digest)) in files.ToList())
        {
            files[path] = (Content.Forgotten, digest);
        }
    }

    /// <summary>Whether a file or variable holds something else now.</summary>
    public bool HaveChanged() =>
        files.Any(file => Digest(Read(file.Key)) != file.Value.Digest)
        || variables.Any(variable => Digest(environment(variable.Key)) != variable.Value);

    private static Content Read(string path)
    {
        try
        {
            using var stream = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete);
            using var buffer = new MemoryStream();
            var chunk = new byte[16 * 1024];
            int count;
            while ((count = stream.Read(chunk)) > 0)
            {
                buffer.Write(chunk, 0, count);
                if (buffer.Length > LargestFile)
                {
                    return new(null, "is larger than 8 MiB");
                }
            }

            return new(buffer.ToArray(), null);
        }
        catch (Exception exception) when (exception is FileNotFoundException or DirectoryNotFoundException)
        {
            return new(null, "does not exist");
        }
        catch (Exception exception)
            when (exception is IOException or UnauthorizedAccessException or ArgumentException or NotSupportedException)
        {
            return new(null, Directory.Exists(path) ? "is a directory" : "cannot be read; look at its permissions");
        }
    }

    private static string Digest(Content content) =>
        content.Bytes is { } bytes ? Convert.ToHexString(SHA256.HashData(bytes)) : content.Fault ?? "";

    private static string Digest(string? value) => value is null ? "" : Convert.ToHexString(SHA256.HashData(Encoding.UTF8.GetBytes(value)));
}

/// <summary>What a file held, or why it could not be read.</summary>
internal sealed record Content(byte[]? Bytes, string? Fault)
{
    public static Content Forgotten { get; } = new(null, null);
}
