using System.Text.Json.Nodes;

namespace Broker.Configuration;

/// <summary>The config files as one tree: objects merge deep, anything else in a later file replaces whole.</summary>
internal sealed class ConfigFiles(IReadOnlyList<string> files, Sources sources, ConfigErrors mistakes)
{
    /// <summary>
    /// The merged tree, its variables filled in; null when a file could not be read, for half a config says something else.
    /// </summary>
    public ConfigTree? Read()
    {
        var root = new JsonObject();
        var complete = true;
        foreach (var file in files)
        {
            var content = sources.File(file);
            if (content.Bytes is null)
            {
                mistakes.Error(file, $"the config file {content.Fault}");
            }

            var parsed = content.Bytes is null ? null : new ConfigText(file, content.Bytes, mistakes).Parse();
            complete &= parsed is not null;
            if (parsed is not null)
            {
                Merge(root, parsed);
            }
        }

        return complete ? new Interpolation(sources, mistakes).Fill(root) : null;
    }

    internal static void Merge(JsonObject into, JsonObject later)
    {
        foreach (var (name, value) in later)
        {
            if (value is JsonObject deeper && into[name] is JsonObject known && !NamesSecret(deeper))
            {
                Merge(known, deeper);
            }
            else
            {
                into[name] = value?.DeepClone();
            }
        }
    }

    // A secret is one value: { "Env": ... } over { "File": ... } must not become both.
    private static bool NamesSecret(JsonObject json) => json.Count == 1 && (json.ContainsKey("File") || json.ContainsKey("Env"));
}

/// <summary>The merged config, and which of its strings came from the environment.</summary>
internal sealed record ConfigTree(JsonObject Root, IReadOnlySet<string> FromEnvironment);
