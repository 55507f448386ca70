using Broker.Configuration;

namespace Broker.UpstreamTokens;

/// <summary>A fixed key: nothing is asked for, the value of the config is the token.</summary>
internal static class StaticSource
{
    public static UpstreamToken Token(TimeProvider time, StaticAccountOptions account) =>
        account.Header is { } header
            ? UpstreamToken.FixedHeader(time, header, account.Prefix + account.Value.Reveal())
            : UpstreamToken.FixedQuery(time, account.Query ?? "", account.Value.Reveal());
}
