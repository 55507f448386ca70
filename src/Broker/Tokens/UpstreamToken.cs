namespace Broker.Tokens;

/// <summary>A token that an upstream takes from us, ready to be put on a request. Prints as <c>***</c>.</summary>
internal sealed class UpstreamToken
{
    /// <summary>The header that carries it; null when it is a query value.</summary>
    public string? HeaderName { get; init; }

    /// <summary>Puts the token on a request, in the place of whatever stood there.</summary>
    public void PutOn(HttpRequestMessage request) => throw new NotImplementedException();

    /// <summary>Whether its real end has come: such a token is never sent.</summary>
    public bool IsOver => throw new NotImplementedException();

    /// <summary>Says that a request sent at this <see cref="TimeProvider.GetTimestamp"/> was accepted (2xx) with this token.</summary>
    public void Succeeded(long sentAt) => throw new NotImplementedException();

    public override string ToString() => "***";
}
