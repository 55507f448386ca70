namespace Broker.Redis;

/// <summary>One atomic step.</summary>
/// <param name="Name">For metrics.</param>
/// <param name="Text">Lua.</param>
internal sealed record RedisScript(string Name, string Text);
