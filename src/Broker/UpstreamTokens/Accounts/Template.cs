using System.Text;

namespace Broker.UpstreamTokens;

/// <summary>A text of the config with holes: <c>{user}</c>, <c>{corp:sub}</c>.</summary>
internal sealed class Template
{
    private readonly List<(string Text, bool IsHole)> parts = [];
    private string[] separators = [];

    private Template() { }

    /// <summary>The names in its holes, each once.</summary>
    public IReadOnlyList<string> Names { get; private set; } = [];

    public static Template Of(string text)
    {
        var template = new Template();
        template.parts.Add((text, false));
        return template;
    }

    /// <summary>One value of the caller's, whole.</summary>
    public static Template Hole(string name)
    {
        var template = new Template { Names = [name] };
        template.parts.Add((name, true));
        return template;
    }

    /// <summary>Reads a template; what is wrong with it, and the cure, comes back in <paramref name="mistake"/>.</summary>
    public static Template Parse(string text, ICollection<string> issuers, out string? mistake)
    {
        var template = new Template();
        mistake = null;
        for (var at = 0; at < text.Length; )
        {
            var open = text.IndexOfAny(['{', '}'], at);
            var close = open < 0 ? -1 : text.IndexOf('}', open);
            if (open > at || open < 0)
            {
                template.parts.Add((text[at..(open < 0 ? text.Length : open)], false));
            }
            if (open < 0)
            {
                break;
            }
            if (text[open] == '}' || close < 0)
            {
                mistake = "a brace without its other half: a template is {user} or {issuer:claim}, and braces stand for nothing else";
                break;
            }
            mistake = template.AddHole(text[(open + 1)..close], issuers);
            if (mistake is not null)
            {
                break;
            }
            at = close + 1;
        }
        template.separators =
        [
            .. template
                .parts.Where((part, i) => !part.IsHole && i > 0 && i < template.parts.Count - 1)
                .Select(part => part.Text)
                .Distinct(),
        ];
        template.Names = [.. template.parts.Where(part => part.IsHole).Select(part => part.Text).Distinct()];
        return template;
    }

    /// <summary>Whether the two may render to one text, for two callers; what upstreams take for one name is one.</summary>
    public bool MayMeet(Template other)
    {
        var (head, tail) = (Head, Tail);
        var (otherHead, otherTail) = (other.Head, other.Tail);
        return Names.Count == 0 && other.Names.Count == 0
            ? head.Equals(otherHead, StringComparison.OrdinalIgnoreCase)
            : Agree(head, otherHead, Math.Min(head.Length, otherHead.Length))
                && Agree(Reversed(tail), Reversed(otherTail), Math.Min(tail.Length, otherTail.Length));
    }

    /// <summary>The text that it was read from.</summary>
    public override string ToString() => string.Concat(parts.Select(part => part.IsHole ? $"{{{part.Text}}}" : part.Text));

    private string Head => parts.Count > 0 && !parts[0].IsHole ? parts[0].Text : "";

    private string Tail => parts.Count > 0 && !parts[^1].IsHole ? parts[^1].Text : "";

    private static bool Agree(string one, string two, int length) =>
        string.Compare(one, 0, two, 0, length, StringComparison.OrdinalIgnoreCase) == 0;

    private static string Reversed(string text) => new([.. text.Reverse()]);

    /// <summary>The text for one caller; null when a value is missing, empty or not plain text, or could be taken for two values.</summary>
    public string? Render(IReadOnlyDictionary<string, string> values)
    {
        if (Names.Count == 0)
        {
            return parts.Count == 0 ? "" : parts[0].Text;
        }
        var built = new StringBuilder();
        foreach (var (text, isHole) in parts)
        {
            if (!isHole)
            {
                built.Append(text);
            }
            else if (values.TryGetValue(text, out var value) && IsPlain(value) && !HasBorder(value))
            {
                built.Append(value);
            }
            else
            {
                return null;
            }
        }
        return built.ToString();
    }

    /// <summary>Not empty, no control characters, no halves of characters: nothing that two readers could read differently.</summary>
    private static bool IsPlain(string value)
    {
        for (var i = 0; i < value.Length; i++)
        {
            if (char.IsControl(value[i]) || (char.IsSurrogate(value[i]) && !char.IsSurrogatePair(value, i++)))
            {
                return false;
            }
        }
        return value.Length > 0;
    }

    /// <summary>
    /// Whether what separates two holes stands in a value, or would with the separator's own beginning: "a-b" + "-" + "c" is "a" + "-" +
    /// "b-c".
    /// </summary>
    private bool HasBorder(string value)
    {
        foreach (var separator in separators)
        {
            // One that begins before the value's end: "x-" before "--", too.
            if ((value + separator).IndexOf(separator, StringComparison.Ordinal) < value.Length)
            {
                return true;
            }
        }
        return false;
    }

    private string? AddHole(string name, ICollection<string> issuers)
    {
        var colon = name.IndexOf(':', StringComparison.Ordinal);
        if (colon < 0 ? name != "user" : !issuers.Contains(name[..colon]))
        {
            return $"'{{{name}}}' is not known: write {{user}}, or {{issuer:claim}} with an issuer of Broker:Issuers";
        }
        if (colon >= 0 && (colon == name.Length - 1 || name.Contains('{', StringComparison.Ordinal)))
        {
            return $"'{{{name}}}' names no claim: write {{issuer:claim}}";
        }
        if (parts.Count > 0 && parts[^1].IsHole)
        {
            // {a}{b} would make "x" + "yz" and "xy" + "z" one identity.
            return "two templates without a text between them can make one identity of two callers: put a separator between them";
        }
        parts.Add((name, true));
        return null;
    }
}
