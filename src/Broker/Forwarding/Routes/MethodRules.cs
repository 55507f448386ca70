using Broker.Configuration;
using Broker.Operations;
using Yarp.ReverseProxy.Configuration;

namespace Broker.Forwarding;

/// <summary>Methods are case-sensitive (RFC 9110, 9.1): one in the wrong case would match nothing.</summary>
internal static class MethodRules
{
    public static void Check(RouteConfig route, ConfigErrors mistakes)
    {
        foreach (var (index, method) in (route.Match.Methods ?? []).Index().Where(entry => FieldRule.IsMisspelt(entry.Item)))
        {
            mistakes.Error(
                $"ReverseProxy:Routes:{route.RouteId}:Match:Methods:{index}",
                $"'{method}' is no method: methods are case-sensitive, write \"{method.ToUpperInvariant()}\"."
            );
        }
    }
}
