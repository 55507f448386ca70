using System.Collections;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace Broker.Configuration;

/// <summary>
/// Reads JSON into the options records: the names of properties are the keys, and whatever does not fit is told with its path.
/// </summary>
/// <remarks>Throws nothing and stops at nothing. What could not be read is blank in the result, which must not be published then.</remarks>
internal sealed class OptionsBinder(ConfigErrors mistakes, SecretReader secrets, IReadOnlySet<string> fromEnvironment)
{
    /// <summary>
    /// Lets strings stand for numbers and bools and the other way round, as .NET's own configuration does: for sections that are not ours.
    /// </summary>
    public bool Lenient { get; init; }

    /// <summary>The record; its keys stand below <paramref name="path"/>.</summary>
    public T Bind<T>(JsonObject json, string path)
        where T : class => (T)(Record(typeof(T), json, path) ?? OptionShape.Of(typeof(T)).Blank()!);

    private object? Record(Type type, JsonNode node, string path)
    {
        var shape = OptionShape.Of(type);
        if (node is not JsonObject json)
        {
            return shape.Shorthand is { } key && node is JsonValue
                ? FromShorthand(shape, key, node, path)
                : Wrong(path, "an object is needed: { ... }", node);
        }

        if (shape.Kinds.Count > 0)
        {
            if (KindOf(shape, json, path) is not { } chosen)
            {
                return null;
            }

            shape = OptionShape.Of(chosen);
        }

        var record = shape.Blank()!;
        foreach (var (name, value) in json)
        {
            Member(shape, record, name, value, path);
        }

        foreach (var missing in shape.Keys.Where(key => key.Required && !json.ContainsKey(key.Name)))
        {
            mistakes.Error($"{path}:{missing.Name}", $"is required. {missing.Description}");
        }

        return record;
    }

    private void Member(OptionShape shape, object record, string name, JsonNode? value, string path)
    {
        if (name == OptionShape.KindKey && shape.IsKind)
        {
            return;
        }

        var at = $"{path}:{name}";
        if (shape.Find(name) is not { } key)
        {
            var known = shape.Keys.Select(known => known.Name);
            mistakes.Error(
                at,
                KeyHints.For(at) ?? $"unknown key: {DidYouMean.Say(name, shape.IsKind ? known.Prepend(OptionShape.KindKey) : known)}"
            );
        }
        else if (Value(key.Value, value, at, key.AnyNames) is { } bound)
        {
            key.Property.SetValue(record, bound);
        }
    }

    private object? FromShorthand(OptionShape shape, OptionKey key, JsonNode node, string path)
    {
        var value = Value(key.Value, node, path, anyNames: false);
        var record = shape.Blank();
        if (value is not null)
        {
            key.Property.SetValue(record, value);
        }

        return record;
    }

    private Type? KindOf(OptionShape shape, JsonObject json, string path)
    {
        var kinds = shape.Kinds.Select(kind => kind.Name).ToList();
        var at = $"{path}:{OptionShape.KindKey}";
        if (!json.TryGetPropertyValue(OptionShape.KindKey, out var node))
        {
            var spelt = json.Select(member => member.Key)
                .FirstOrDefault(key => key.Equals(OptionShape.KindKey, StringComparison.OrdinalIgnoreCase));
            mistakes.Error(
                spelt is null ? at : $"{path}:{spelt}",
                spelt is null ? $"is required: one of {string.Join(", ", kinds)}" : $"case matters, write '{OptionShape.KindKey}'"
            );
            return null;
        }

        var name = node?.GetValueKind() == JsonValueKind.String ? node.GetValue<string>() : null;
        var found = shape.Kinds.FirstOrDefault(kind => kind.Name == name);
        if (found is null)
        {
            var said = name is null ? "a string is needed" : $"there is no kind '{Scalars.Short(name)}'; {DidYouMean.Say(name, kinds)}";
            mistakes.Error(
                at,
                said.Contains("case matters", StringComparison.Ordinal) ? said : $"{said}; the kinds are {string.Join(", ", kinds)}"
            );
        }

        return found?.Type;
    }

    private object? Value(OptionValue value, JsonNode? node, string path, bool anyNames)
    {
        if (node is null)
        {
            return Wrong(path, "null is not a value here: leave the key out", null);
        }

        if (value.IsSecret)
        {
            return secrets.Read(node, path);
        }

        if (value.IsList)
        {
            return List(value.Item!, node, path);
        }

        if (value.IsMap)
        {
            return Map(value, node, path, anyNames);
        }

        if (!value.IsScalar)
        {
            return Record(value.Type, node, path);
        }

        var scalar = Scalars.Read(value.Type, node, Lenient || fromEnvironment.Contains(path), out var mistake);
        return mistake is null ? scalar : Wrong(path, mistake, null);
    }

    private Array? List(OptionValue item, JsonNode node, string path)
    {
        if (node is not JsonArray array)
        {
            Wrong(path, "a list is needed: [ ... ]", node);
            return null;
        }

        var list = Array.CreateInstance(item.Type, array.Count);
        for (var i = 0; i < array.Count; i++)
        {
            // A blank stands for what could not be read, so that the indices of what follows stay true.
            list.SetValue(Value(item, array[i], $"{path}:{i}", anyNames: false) ?? item.Blank(), i);
        }

        return list;
    }

    private IDictionary? Map(OptionValue value, JsonNode node, string path, bool anyNames)
    {
        if (node is not JsonObject json)
        {
            Wrong(path, "an object of names is needed: { \"name\": ... }", node);
            return null;
        }

        var map = value.NewMap();
        var names = new HashSet<string>(StringComparer.OrdinalIgnoreCase);
        foreach (var (name, item) in json)
        {
            var at = $"{path}:{name}";
            NameIsGood(name, at, names.Add(name) || anyNames, anyNames);
            if ((Value(value.Item!, item, at, anyNames) ?? value.Item!.Blank()) is { } bound)
            {
                map[name] = bound;
            }
        }

        return map;
    }

    private void NameIsGood(string name, string path, bool isNew, bool anyNames)
    {
        if (string.IsNullOrWhiteSpace(name))
        {
            mistakes.Error(path, "a name cannot be empty");
        }
        else if (!anyNames && name.AsSpan().IndexOfAny(':', '/') >= 0)
        {
            mistakes.Error(path, "a name holds no ':' and no '/'");
        }

        if (!isNew)
        {
            mistakes.Error(path, "another name differs from this one only by case: they would be the same name");
        }
    }

    private object? Wrong(string path, string message, JsonNode? found)
    {
        mistakes.Error(path, found is null ? message : $"{message}, not {Scalars.Noun(found.GetValueKind())}");
        return null;
    }
}
