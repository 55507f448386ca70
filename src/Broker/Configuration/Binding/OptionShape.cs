using System.Collections.Concurrent;
using System.ComponentModel;
using System.Reflection;
using System.Runtime.CompilerServices;

namespace Broker.Configuration;

/// <summary>What the binder and the schema know of one options record: its keys, kinds and short form.</summary>
internal sealed class OptionShape
{
    /// <summary>The key that picks the derived record.</summary>
    public const string KindKey = "Kind";

    private static readonly ConcurrentDictionary<Type, OptionShape> Known = new();

    private OptionShape(Type type)
    {
        Type = type;
        Kinds = [.. type.GetCustomAttributes<KindAttribute>(inherit: false)];
        Keys = [.. type.GetProperties().Where(property => property.CanWrite).OrderBy(Depth).Select(property => new OptionKey(property))];
        var shorthand = type.GetCustomAttribute<ShorthandAttribute>();
        Shorthand = shorthand is null ? null : Find(shorthand.Key);
        IsKind = type.BaseType is { } parent && Ancestors(parent).Any(ancestor => ancestor.IsDefined(typeof(KindAttribute), false));
    }

    public Type Type { get; }

    /// <summary>The keys, a base record's first.</summary>
    public IReadOnlyList<OptionKey> Keys { get; }

    /// <summary>The records that the key <c>Kind</c> chooses between; empty for a plain record.</summary>
    public IReadOnlyList<KindAttribute> Kinds { get; }

    /// <summary>Whether this record was chosen by <c>Kind</c>, and so has that key.</summary>
    public bool IsKind { get; }

    /// <summary>The key that a bare value stands for, if there is one.</summary>
    public OptionKey? Shorthand { get; }

    public static OptionShape Of(Type type) => Known.GetOrAdd(type, static type => new(type));

    public OptionKey? Find(string name) => Keys.FirstOrDefault(key => key.Name == name);

    /// <summary>A record with every key at its default, and something harmless where a key is required.</summary>
    public object? Blank()
    {
        if (Type.IsAbstract)
        {
            return null;
        }

        var blank = Activator.CreateInstance(Type)!;
        foreach (var key in Keys.Where(key => key.Required))
        {
            key.Property.SetValue(blank, key.Value.Blank());
        }

        return blank;
    }

    private static IEnumerable<Type> Ancestors(Type type)
    {
        for (var at = type; at is not null; at = at.BaseType)
        {
            yield return at;
        }
    }

    private static int Depth(PropertyInfo property) => Ancestors(property.DeclaringType!).Count();
}

/// <summary>One key of a record.</summary>
internal sealed class OptionKey(PropertyInfo property)
{
    public PropertyInfo Property { get; } = property;

    public string Name => Property.Name;

    public OptionValue Value { get; } = new(property.PropertyType);

    public bool Required { get; } = property.IsDefined(typeof(RequiredMemberAttribute));

    public bool AnyNames { get; } = property.IsDefined(typeof(AnyNamesAttribute));

    public string? Description { get; } = property.GetCustomAttribute<DescriptionAttribute>()?.Description;

    /// <summary>What holds where the key is missing, if no value says it.</summary>
    public string? WhenMissing { get; } = property.GetCustomAttribute<WhenMissingAttribute>()?.Text;

    /// <summary>A value as a config writes it, where the type alone does not give one.</summary>
    public string? Example { get; } = property.GetCustomAttribute<ExampleAttribute>()?.Json;
}

/// <summary>What may stand as a value: a scalar, a secret, a list, a map or a record.</summary>
internal sealed class OptionValue
{
    public OptionValue(Type type)
    {
        Type = Nullable.GetUnderlyingType(type) ?? type;
        var generic = Type.IsGenericType ? Type.GetGenericTypeDefinition() : null;
        IsList = generic == typeof(IReadOnlyList<>);
        IsMap = generic == typeof(IReadOnlyDictionary<,>);
        Item =
            IsList ? new(Type.GenericTypeArguments[0])
            : IsMap ? new(Type.GenericTypeArguments[1])
            : null;
    }

    public Type Type { get; }

    public bool IsList { get; }

    public bool IsMap { get; }

    /// <summary>What a list or a map holds.</summary>
    public OptionValue? Item { get; }

    public bool IsSecret => Type == typeof(Secret);

    public bool IsScalar => Type.IsEnum || Type.IsPrimitive || Type == typeof(string) || Type == typeof(TimeSpan);

    /// <summary>Something harmless that stands where a value could not be read, so that the rest can still be judged.</summary>
    public object? Blank() =>
        Type == typeof(string) ? ""
        : IsSecret ? new Secret("", "")
        : IsList ? Array.CreateInstance(Item!.Type, 0)
        : IsMap ? NewMap()
        : Type.IsValueType ? Activator.CreateInstance(Type)
        : OptionShape.Of(Type).Blank();

    /// <summary>An empty map that keeps the order of the config.</summary>
    public System.Collections.IDictionary NewMap() =>
        (System.Collections.IDictionary)Activator.CreateInstance(typeof(OrderedDictionary<,>).MakeGenericType(typeof(string), Item!.Type))!;
}
