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

        return demand.Devices != Reached.All && demand.Devices.ToString().Split(',').Any(IsDenied);
    }

    // As any reader behind us might come to read it: decoded once more, without matrix parameters, blanks or dots at the end.
    private bool IsDenied(string named)
    {
        for (var round = 0; round < 3; round++)
        {
            var semicolon = named.IndexOf(';', StringComparison.Ordinal);
            var plain = (semicolon < 0 ? named : named[..semicolon]).Trim().TrimEnd('.', ' ');
            if (Same(named) || Same(plain))
            {
                return true;
            }

            var decoded = Uri.UnescapeDataString(named);
            if (decoded == named)
            {
                return false;
            }

            named = decoded;
        }

        return true; // nobody encodes an id this often who has nothing to hide
    }

    private bool Same(string named) => named.Equals(id, StringComparison.OrdinalIgnoreCase);

    public Selector Selector => selector;
}
