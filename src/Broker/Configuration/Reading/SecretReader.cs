using System.Text;
using System.Text.Json.Nodes;

namespace Broker.Configuration;

/// <summary>Reads the secrets that the config names: <c>{ "File": ... }</c> or <c>{ "Env": ... }</c>.</summary>
/// <remarks>No mistake repeats a value: where a secret belongs, whatever stands there may be one.</remarks>
internal sealed class SecretReader(Sources sources, ConfigErrors mistakes, Severity whenMissing)
{
    private const string Cure = "secrets are named, never written: { \"File\": \"/run/secrets/x\" } or { \"Env\": \"X\" }";

    private string Consequence => whenMissing == Severity.Warning ? ": serve will not start without it" : "";

    /// <summary>The secret; an empty one when it could not be read, and why is told.</summary>
    public Secret Read(JsonNode? node, string path)
    {
        if (node is not JsonObject json)
        {
            mistakes.Error(path, Cure);
            return new("", "");
        }

        foreach (var name in json.Select(member => member.Key).Where(name => name is not ("File" or "Env")))
        {
            mistakes.Error($"{path}:{name}", $"unknown key: {Cure}");
        }

        var file = Name(json, "File", path);
        var variable = Name(json, "Env", path);
        if (json.ContainsKey("File") == json.ContainsKey("Env"))
        {
            mistakes.Error(path, $"exactly one of File and Env: {Cure}");
            return new("", "");
        }

        return file is not null ? FromFile(file, path)
            : variable is not null ? FromVariable(variable, path)
            : new("", "");
    }

    private string? Name(JsonObject json, string key, string path)
    {
        if (!json.TryGetPropertyValue(key, out var node))
        {
            return null;
        }

        if (node is JsonValue value && value.TryGetValue(out string? name) && name.Length > 0)
        {
            return name;
        }

        mistakes.Error($"{path}:{key}", "a name is needed, as a string");
        return null;
    }

    private Secret FromFile(string file, string path)
    {
        var source = $"file {file}";
        var content = sources.File(file);
        if (content.Bytes is null)
        {
            mistakes.Unread(path, $"the secret's file {file} {content.Fault}{Consequence}", whenMissing);
            return new(source, "");
        }

        var text = Encoding.UTF8.GetString(content.Bytes);
        return NotEmpty(
            source,
            text.EndsWith("\r\n", StringComparison.Ordinal) ? text[..^2]
                : text.EndsWith('\n') ? text[..^1]
                : text,
            path
        );
    }

    private Secret FromVariable(string variable, string path)
    {
        if (!variable.All(letter => char.IsAsciiLetterOrDigit(letter) || letter == '_'))
        {
            // Not repeated: whoever puts the secret itself here should not find it in a log.
            mistakes.Error($"{path}:Env", "a variable's name is needed: letters, digits and '_'");
            return new("", "");
        }

        var source = $"variable {variable}";
        var value = sources.Variable(variable);
        if (value is null)
        {
            mistakes.Unread(path, $"the secret's environment variable {variable} is not set{Consequence}", whenMissing);
            return new(source, "");
        }

        return NotEmpty(source, value, path);
    }

    private Secret NotEmpty(string source, string value, string path)
    {
        if (value.Length == 0)
        {
            mistakes.Error(path, $"the secret is empty ({source})");
        }

        return new(source, value);
    }
}
