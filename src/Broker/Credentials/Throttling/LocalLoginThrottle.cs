namespace Broker.Credentials;

/// <summary>Failed logins that one process saw: a bounded number of pairs, each a digest, none for longer than a day.</summary>
/// <remarks>So many names of one address are counted apart; its further ones share a count. Invented names fill nothing, and set no guesser
/// free.</remarks>
internal sealed class LocalLoginThrottle(TimeProvider time, int capacity = 100_000) : ILoginThrottle
{
    /// <summary>Failures in a row that cost nothing.</summary>
    public const int Free = 10;

    /// <summary>Names of one address that are counted apart.</summary>
    public const int NamesApart = 1000;

    public static readonly TimeSpan Longest = TimeSpan.FromMinutes(15);

    /// <summary>After so long few failures are forgotten, and after so long many.</summary>
    public static readonly TimeSpan FewForgotten = TimeSpan.FromHours(1),
        Forgotten = TimeSpan.FromDays(1);

    private readonly Lock turn = new();
    private readonly Dictionary<string, AddressThrottle> addresses = new(StringComparer.Ordinal);

    public LoginThrottleLimits Limits { get; set; } = LoginThrottleLimits.AtAnAddress(TimeSpan.FromSeconds(1));

    /// <summary>How many are counted.</summary>
    public int Count { get; private set; }

    public ValueTask<LoginAttempt> Look(string name, string address, CancellationToken cancellation)
    {
        lock (turn)
        {
            return new(
                addresses.TryGetValue(address, out var at)
                    ? new(true, at.Rows.GetValueOrDefault(PlaceOf(at, name)).Next - time.GetUtcNow())
                    : LoginAttempt.Go
            );
        }
    }

    public ValueTask<LoginAttempt> Begin(string name, string address, CancellationToken cancellation)
    {
        lock (turn)
        {
            var (now, at) = (time.GetUtcNow(), AddressOf(address));
            var place = PlaceOf(at, name);
            var row = at.Rows.GetValueOrDefault(place);
            if (row.IsOver(now, Limits))
            {
                row = default;
            }

            if (row.Next > now)
            {
                return new(new LoginAttempt(true, row.Next - now));
            }

            var failures = row.Failures + 1;
            Put(
                at,
                place,
                new(failures, now, failures < Limits.Free ? default : now + Limits.WaitAfter(failures), IsHere: true, row.Began)
            );
            return new(LoginAttempt.Go);
        }
    }

    public ValueTask Succeeded(string name, string address, bool wasBegun, CancellationToken cancellation)
    {
        Forget(name, address, wasBegun);
        return default;
    }

    /// <summary>Whether there was a row to break.</summary>
    public bool Forget(string name, string address, bool wasBegun)
    {
        lock (turn)
        {
            if (!addresses.TryGetValue(address, out var at))
            {
                return false;
            }

            if (at.Rows.Remove(AddressThrottle.OwnPlaceOf(name)))
            {
                Drop(address, at);
                return true;
            }

            // One that names share is not broken: whoever has one password could guess at all others for ever. A few failures more are not
            // held against the caller.
            return wasBegun
                && at.Rows.GetValueOrDefault(AddressThrottle.Rest).Failures is > 0 and var failures
                && failures <= Limits.Free
                && TakeBack(at, AddressThrottle.Rest);
        }
    }

    /// <summary>What is counted here; the default when nothing is, or it is over.</summary>
    public FailedRow Row(string name, string address)
    {
        lock (turn)
        {
            return
                addresses.TryGetValue(address, out var at)
                && at.Rows.GetValueOrDefault(PlaceOf(at, name)) is var row
                && !row.IsOver(time.GetUtcNow(), Limits)
                ? row
                : default;
        }
    }

    /// <summary>Takes over what all replicas together counted.</summary>
    public void Follow(string name, string address, int failures, TimeSpan wait, string began)
    {
        lock (turn)
        {
            var (now, at) = (time.GetUtcNow(), AddressOf(address));
            Put(at, PlaceOf(at, name), new(failures, now, wait > TimeSpan.Zero ? now + wait : default, Began: began));
        }
    }

    public ValueTask Withdraw(string name, string address, CancellationToken cancellation)
    {
        lock (turn)
        {
            if (addresses.TryGetValue(address, out var at))
            {
                _ = TakeBack(at, AddressThrottle.OwnPlaceOf(name)) || TakeBack(at, AddressThrottle.Rest);
            }
        }

        return default;
    }

    private static bool TakeBack(AddressThrottle at, string place)
    {
        var isThere = at.Rows.TryGetValue(place, out var row);
        if (isThere)
        {
            at.Rows[place] = row with { Failures = Math.Max(0, row.Failures - 1), Next = default };
        }

        return isThere;
    }

    private AddressThrottle AddressOf(string address)
    {
        if (!addresses.TryGetValue(address, out var at))
        {
            addresses[address] = at = new();
        }

        return at;
    }

    private string PlaceOf(AddressThrottle at, string name)
    {
        var before = at.Rows.Count;
        var place = at.PlaceOf(name, time.GetUtcNow(), Limits);
        Count -= before - at.Rows.Count;
        return place;
    }

    private void Put(AddressThrottle at, string place, FailedRow row)
    {
        Count += at.Rows.ContainsKey(place) ? 0 : 1;
        at.Rows[place] = row;
        if (Count > capacity)
        {
            MakeRoom();
        }
    }

    // When there are too many, those that failed longest ago go, a tenth at once so that this is seldom.
    private void MakeRoom()
    {
        // Those who wait already go last: a flood of new names must not set a guesser free.
        var oldest = addresses
            .SelectMany(address => address.Value.Rows.Select(row => (Address: address.Key, Place: row.Key, Row: row.Value)))
            .OrderBy(one => one.Row.Failures >= Limits.Free)
            .ThenBy(one => one.Row.Last);
        foreach (var (address, place, _) in oldest.Take(Math.Max(1, capacity / 10)).ToList())
        {
            var at = addresses[address];
            at.Rows.Remove(place);
            Drop(address, at);
        }
    }

    private void Drop(string address, AddressThrottle at)
    {
        Count--;
        if (at.Rows.Count == 0)
        {
            addresses.Remove(address);
        }
    }
}
