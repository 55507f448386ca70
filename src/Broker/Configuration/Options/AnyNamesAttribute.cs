namespace Broker.Configuration;

/// <summary>Says that the names in a map are someone else's words (claim values, parameters) and may hold ':' and '/'.</summary>
[AttributeUsage(AttributeTargets.Property)]
internal sealed class AnyNamesAttribute : Attribute;
