namespace Broker.Configuration;

/// <summary>Says what holds where a key is missing, for a key whose default is no value that could be written in the config.</summary>
[AttributeUsage(AttributeTargets.Property)]
internal sealed class WhenMissingAttribute(string text) : Attribute
{
    public string Text { get; } = text;
}
