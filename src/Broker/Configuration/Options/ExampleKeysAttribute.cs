namespace Broker.Configuration;

/// <summary>Says which keys an example of a record holds besides those that are required.</summary>
[AttributeUsage(AttributeTargets.Class)]
internal sealed class ExampleKeysAttribute(params string[] names) : Attribute
{
    public IReadOnlyList<string> Names { get; } = names;
}
