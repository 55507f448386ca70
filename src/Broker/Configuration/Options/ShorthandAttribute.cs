namespace Broker.Configuration;

/// <summary>Says which key of a record is meant when the config writes a bare value instead of the object.</summary>
[AttributeUsage(AttributeTargets.Class)]
internal sealed class ShorthandAttribute(string key) : Attribute
{
    public string Key { get; } = key;
}
