using System.Net;
using Broker.Configuration;
using Broker.Credentials;

namespace Broker.Limits;

/// <summary>How many requests are under way whose sender is not known: of one address, and of all together.</summary>
internal sealed class AnonymousLimit
{
    private readonly ConcurrencyLimit addresses = new();
    private readonly ConcurrencyLimit.Slot all = new();

    /// <summary>Takes a place, which is left once; null when there is none.</summary>
    /// <param name="address">Where the request comes from.</param>
    /// <param name="limits">The limits of the config.</param>
    /// <param name="isAddressFull">Whether it is this address that has no place left.</param>
    public Place? TryEnter(IPAddress? address, LimitOptions limits, out bool isAddressFull)
    {
        isAddressFull = !addresses.TryEnter(CallerAddress.Of(address), limits.AnonymousRequestsPerAddress, out var own);
        if (isAddressFull)
        {
            return null;
        }

        if (all.Enter(limits.AnonymousRequests) == true)
        {
            return new(own!, all);
        }

        own!.Leave();
        return null;
    }

    /// <summary>One request's place.</summary>
    internal sealed class Place(ConcurrencyLimit.Slot own, ConcurrencyLimit.Slot all)
    {
        private int isLeft;

        /// <summary>Gives the place back; a second time does nothing.</summary>
        public void Leave()
        {
            if (Interlocked.Exchange(ref isLeft, 1) == 0)
            {
                own.Leave();
                all.Leave();
            }
        }
    }
}
