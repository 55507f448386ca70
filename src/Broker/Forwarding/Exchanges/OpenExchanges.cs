using System.Numerics;

namespace Broker.Forwarding;

/// <summary>All requests that were admitted and are not over.</summary>
/// <remarks>
/// Lists through the exchanges themselves, two for each processor: to enter and to leave is an uncontended lock and a few writes, and
/// allocates nothing. Every admitted request is here, so no kind of exchange can be forgotten; a short one is over before anybody looks.
/// </remarks>
internal sealed class OpenExchanges
{
    private readonly Stripe[] stripes;

    public OpenExchanges()
    {
        stripes = new Stripe[BitOperations.RoundUpToPowerOf2((uint)Environment.ProcessorCount * 2)];
        for (var i = 0; i < stripes.Length; i++)
        {
            stripes[i] = new();
        }
    }

    /// <summary>How many are under way.</summary>
    public int Count => stripes.Sum(stripe => stripe.Count);

    public void Enter(Exchange exchange, long now)
    {
        exchange.AdmittedAt = now;
        stripes[Thread.GetCurrentProcessorId() & (stripes.Length - 1)].Add(exchange);
    }

    /// <summary>The request is over: from here on nobody looks at it, or touches what it ran on.</summary>
    public static void Leave(Exchange exchange) => exchange.Stripe?.Remove(exchange);

    /// <summary>Adds those that are due, each asked under its gate.</summary>
    public void Collect(List<BrokeredRequest> into, Func<BrokeredRequest, bool> isDue)
    {
        foreach (var stripe in stripes)
        {
            stripe.Collect(into, isDue);
        }
    }

    /// <summary>Does something with an exchange while it cannot leave; false when it already has.</summary>
    public static bool While(BrokeredRequest exchange, Action<BrokeredRequest> work)
    {
        if (exchange.Stripe is not { } stripe)
        {
            return false;
        }

        lock (stripe.Gate)
        {
            if (exchange.Stripe is null)
            {
                return false;
            }

            work(exchange);
            return true;
        }
    }

    /// <summary>One list.</summary>
    internal sealed class Stripe
    {
        private Exchange? first;

        public Lock Gate { get; } = new();

        public int Count { get; private set; }

        public void Add(Exchange exchange)
        {
            lock (Gate)
            {
                exchange.Stripe = this;
                exchange.After = first;
                _ = first?.Before = exchange;
                first = exchange;
                Count++;
            }
        }

        public void Remove(Exchange exchange)
        {
            lock (Gate)
            {
                _ = exchange.Before is { } before ? before.After = exchange.After : first = exchange.After;
                _ = exchange.After?.Before = exchange.Before;
                (exchange.Stripe, exchange.Before, exchange.After) = (null, null, null);
                Count--;
            }
        }

        public void Collect(List<BrokeredRequest> into, Func<BrokeredRequest, bool> isDue)
        {
            lock (Gate)
            {
                for (var exchange = first; exchange is not null; exchange = exchange.After)
                {
                    if (isDue((BrokeredRequest)exchange))
                    {
                        into.Add((BrokeredRequest)exchange);
                    }
                }
            }
        }
    }
}
