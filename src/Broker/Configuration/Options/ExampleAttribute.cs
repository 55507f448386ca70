namespace Broker.Configuration;

/// <summary>A value of a key as a config writes it, for the reference in <c>docs/configuration.md</c>.</summary>
[AttributeUsage(AttributeTargets.Property)]
internal sealed class ExampleAttribute(string json) : Attribute
{
    public string Json { get; } = json;
}
