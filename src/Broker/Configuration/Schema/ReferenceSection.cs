namespace Broker.Configuration;

/// <summary>One section of the reference: a record of keys, and the paths under which it may be written.</summary>
internal sealed class ReferenceSection(Type type, string path, string description)
{
    public Type Type { get; } = type;

    public required OptionShape Shape { get; init; }

    public List<string> Paths { get; } = [path];

    public string Description { get; } = description;

    /// <summary>The keys that this record declares itself; those of a base record have a section of their own.</summary>
    public IReadOnlyList<OptionKey> OwnKeys { get; } = [.. OptionShape.Of(type).Keys.Where(key => key.Property.DeclaringType == type)];

    public string Heading => string.Join(", ", Paths);

    /// <summary>The heading as GitHub makes an anchor of it.</summary>
    public string Anchor =>
        string.Concat(Heading.ToLowerInvariant().Where(letter => char.IsLetterOrDigit(letter) || letter is ' ' or '-')).Replace(' ', '-');
}
