using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Primitives;

namespace Broker.Credentials;

/// <summary>Where a request shows its credential.</summary>
internal enum CredentialPlace
{
    /// <summary>It shows none.</summary>
    Nowhere,

    /// <summary>The header <c>Authorization</c>.</summary>
    Authorization,

    /// <summary>The header <c>X-Api-Key</c>.</summary>
    ApiKey,

    /// <summary>A bearer token in <c>Sec-WebSocket-Protocol</c>: a browser can set no other header of a WebSocket.</summary>
    Subprotocol,

    /// <summary>A bearer token in the query.</summary>
    Query,

    /// <summary>More than one: whichever one we took, something before or behind us might take the other.</summary>
    Several,
}

/// <summary>The credential that a request shows, as it was shown. It is kept while an exchange is open, to be read again.</summary>
internal readonly record struct ShownCredential(string? Text, CredentialPlace Place)
{
    /// <summary>What the headers of every request may show.</summary>
    public static ShownCredential In(IHeaderDictionary headers)
    {
        var authorization = headers.Authorization;
        headers.TryGetValue(ApiKeyReader.Header, out StringValues apiKey);
        return (authorization.Count, apiKey.Count) switch
        {
            (0, 0) => default,
            (1, 0) => new(authorization[0], CredentialPlace.Authorization),
            (0, 1) => new(apiKey[0], CredentialPlace.ApiKey),
            _ => new(null, CredentialPlace.Several),
        };
    }

    /// <summary>This one and another that was found elsewhere in the same request.</summary>
    public ShownCredential And(ShownCredential other) =>
        Place == CredentialPlace.Nowhere ? other
        : other.Place == CredentialPlace.Nowhere ? this
        : new(null, CredentialPlace.Several);

    /// <summary>Prints no credential.</summary>
    public override string ToString() => Place.ToString();
}
