using Microsoft.AspNetCore.Http;
using Policies;

namespace Broker.Forwarding;

/// <summary>What nobody may reach through a route: one selected id, whoever asks (rights.md 6).</summary>
internal sealed class Denial(Selector selector, string id)
{
    private readonly Selectors selectors = new(action: "", network: null, deviceType: null, selector with { IsOptional = true });

    /// <summary>Whether the request names the denied id; case is ignored, since the upstream may ignore it. What cannot be read is denied.</summary>
    public bool Hits(HttpContext context)
    {
        if (selectors.Read(context, out var demand) is not null)
        {
            return true;
        }

        return demand.Devices != Reached.All && demand.Devices.ToString().Split(',').Any(named => named.Trim().Equals(id, StringComparison.OrdinalIgnoreCase));
    }

    public Selector Selector => selector;
}
