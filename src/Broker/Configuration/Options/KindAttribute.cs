namespace Broker.Configuration;

/// <summary>Says which derived record a value of the key <c>Kind</c> stands for.</summary>
[AttributeUsage(AttributeTargets.Class, AllowMultiple = true, Inherited = false)]
internal sealed class KindAttribute(string name, Type type) : Attribute
{
    public string Name { get; } = name;

    public Type Type { get; } = type;
}
