using Microsoft.AspNetCore.Http;
using Policies;

namespace Broker.Forwarding;

/// <summary>What nobody may reach through a route: one selected id, whoever asks (rights.md 6).</summary>
internal sealed class Denial
{
    private readonly Selectors selectors;
    private readonly DeniedName name;

    public Denial(Selector selector, string id)
    {
        (Selector, name) = (selector, new(id));
        selectors = new(action: "", network: null, deviceType: null, selector with { IsOptional = true });
    }

    public Selector Selector { get; }

    /// <summary>
    /// Whether the request names the denied id, also as a reader behind the broker may come to read it. What cannot be read is denied.
    /// </summary>
    public bool Hits(HttpContext context)
    {
        if (selectors.Read(context, out var demand) is not null)
        {
            return true;
        }

        return demand.Devices.Ids.Any(name.Names);
    }
}
