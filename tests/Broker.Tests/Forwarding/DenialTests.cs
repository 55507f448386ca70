using System.Text;
using Broker.Forwarding;
using Policies;
using Shouldly;
using Xunit;

namespace Broker.Tests.Forwarding;

/// <summary>A denied id is denied in whatever dress an upstream would still know it; another id is not.</summary>
public sealed class DenialTests
{
    private static readonly Dictionary<string, Func<string, string>> Dresses = new()
    {
        ["zero-width space"] = id => Insert(id, "\u200b"),
        ["zero-width joiner in front"] = id => "\u200d" + id,
        ["byte order mark"] = id => "\ufeff" + id,
        ["soft hyphen"] = id => id + "\u00ad",
        ["word joiner"] = id => Insert(id, "\u2060"),
        ["variation selector"] = id => id + "\ufe0f",
        ["bidirectional mark"] = id => Insert(id, "\u202e"),
        ["tag"] = id => Insert(id, "\U000e0041"),
        ["combining mark"] = id => Insert(id, "\u0301"),
        ["enclosing mark"] = id => id + "\u20dd",
        ["full width"] = id => string.Concat(id.Select(c => c is > ' ' and < '\x7f' ? (char)(c + 0xfee0) : c)),
        ["mathematical letters"] = id =>
            string.Concat(id.Select(c => c is >= 'a' and <= 'z' ? char.ConvertFromUtf32(0x1d41a + c - 'a') : c.ToString())),
        ["mathematical digits"] = id =>
            string.Concat(id.Select(c => char.IsAsciiDigit(c) ? char.ConvertFromUtf32(0x1d7ce + c - '0') : c.ToString())),
        ["circled"] = id => string.Concat(id.Select(c => c is >= 'a' and <= 'z' ? (char)(0x24d0 + c - 'a') : c)),
        ["upper case"] = id => id.ToUpperInvariant(),
        ["dotless i"] = id => id.Replace('i', 'ı'),
        ["dotted I"] = id => id.Replace('i', 'İ'),
        ["Kelvin sign"] = id => id.Replace('k', '\u212a'),
        ["long s"] = id => id.Replace('s', 'ſ'),
        ["decomposed"] = id => id.Replace("ö", "o\u0308").Replace("ß", "ss"),
        ["no accent"] = id => id.Replace('ö', 'o'),
        ["accent"] = id => id.Replace('e', 'é'),
        ["?"] = id => id + "?x=1",
        ["#"] = id => id + "#x",
        ["zero byte"] = id => id + "\0x",
        ["zero byte alone"] = id => id + "\0",
        ["line end"] = id => id + "\r\nx",
        ["encoded ?"] = id => id + "%3Fx",
        ["encoded #"] = id => id + "%23x",
        ["encoded zero"] = id => id + "%00.png",
        ["&"] = id => id + "&x=1",
        [".json"] = id => id + ".json",
        [".XML"] = id => id + ".XML",
        [".html"] = id => id + ".html",
        [".tar.gz"] = id => id + ".tar.gz",
        [";x"] = id => id + ";x",
        [";x=y"] = id => id + ";x=y",
        ["::$DATA"] = id => id + "::$DATA",
        [":x:$DATA"] = id => id + ":x:$DATA",
        ["dots"] = id => id + "..",
        ["blanks"] = id => id + "  ",
        ["no-break space"] = id => id + "\u00a0",
        ["blank and dot"] = id => id + " .",
        ["blank in front"] = id => " " + id,
        ["tab in front"] = id => "\t" + id,
        ["+"] = id => id + "+",
        ["+ in front"] = id => "+" + id,
        ["+ for blank"] = id => id.Replace(' ', '+'),
        ["encoded +"] = id => id + "%2B",
        ["slash"] = id => id + "/",
        ["backslash"] = id => id + "\\",
        ["dot segment"] = id => "./" + id,
        ["parent segment"] = id => "x/../" + id,
        ["parent segment with ;"] = id => "x/..;y/" + id,
        ["encoded"] = Encoded,
        ["encoded twice"] = id => Encoded(Encoded(id)),
        ["percent sign encoded"] = id => Encoded(id).Replace("%", "%25"),
        ["%u"] = id => string.Concat(id.Select(c => $"%u{(int)c:x4}")),
        ["two bytes overlong"] = id => Overlong(id, 2),
        ["three bytes overlong"] = id => Overlong(id, 3),
        ["four bytes overlong"] = id => Overlong(id, 4),
        ["invalid byte"] = id => id + "%ff",
        ["lone surrogate"] = id => id + "\ud800",
    };

    [Theory]
    [InlineData("jwt.secret")]
    [InlineData("kiosk_i42")]
    [InlineData("a busy id")]
    [InlineData("größe")]
    [InlineData("group/project")]
    [InlineData("config.json")]
    [InlineData("C++")]
    public void A_denied_id_is_denied_in_any_two_dresses(string id)
    {
        var denial = Denying(id);
        var missed =
            from inner in Dresses.Prepend(new("", plain => plain))
            from outer in Dresses.Prepend(new("", plain => plain))
            let dressed = outer.Value(inner.Value(id))
            // as a header's bytes may be read
            where !denial.Names(dressed) || !denial.Names(Encoding.Latin1.GetString(Encoding.UTF8.GetBytes(dressed)))
            select $"{inner.Key}, then {outer.Key}: {Uri.EscapeDataString(dressed)}";
        missed.ShouldBeEmpty();
    }

    [Theory]
    [InlineData(
        "jwt.secret",
        "jwt.secrets",
        "jwt.secret2",
        "jwt-secret",
        "my.jwt.secret",
        "jwt.secret.age",
        "jwt",
        "secret",
        "jwt.secret:a",
        "xjwt.secret",
        "jwtsecret",
        "jwt.sekret"
    )]
    [InlineData("42", "420", "4", "142", "042", "4 2", "42a", "42-1", "²", "四二", "42/1", "x/42")]
    [InlineData("größe", "große2", "grö", "größer", "grüße", "日本語", "ö")]
    [InlineData("a b", "ab", "a", "b", "a-b")]
    [InlineData("urn:dev:1", "urn:dev:2", "urn:dev", "urn", "urn:dev:11")]
    [InlineData("日本", "日", "本日", "日本語", "中国")]
    [InlineData("\u0301", "a", "", "jwt")]
    public void Another_id_is_not_denied_however_it_is_encoded(string id, params string[] others)
    {
        var denial = Denying(id);
        denial.Names(id).ShouldBeTrue();
        foreach (var other in others)
        {
            denial.Names(other).ShouldBeFalse(other);
            denial.Names(other + ".json").ShouldBeFalse(other);
            denial.Names(other + ";" + id).ShouldBeFalse(other);
            denial.Names(Encoded(other)).ShouldBeFalse(other);
            denial.Names(Encoded(other + "+x")).ShouldBeFalse(other);
        }
    }

    [Theory]
    [InlineData("jwt.secret", "a,jwt.secret,b", true)]
    [InlineData("jwt.secret", "a%2Cjwt.secret", true)]
    [InlineData("jwt.secret", "a,b", false)]
    [InlineData("group/project", "../x/group/project", true)] // it climbs out of its place
    [InlineData("jwt.secret", "%2525252541", true)] // there is no end of it
    [InlineData("가", "\u1100\u1161", true)]
    [InlineData("각", "\u1100\u1161\u11a8", true)]
    [InlineData("가", "각", false)]
    [InlineData("é", "e\u0301", true)]
    [InlineData("٤٢", "42", true)]
    public void What_else_counts(string id, string named, bool isDenied) => Denying(id).Names(named).ShouldBe(isDenied);

    [Fact]
    public void An_id_in_plain_characters_is_looked_at_without_an_allocation()
    {
        var denial = Denying("jwt.secret");
        string[] ids = ["vehicle-42", "jwt.secret.age", "JWT.SECRET", "jwt.secret.json", "urn:dev:1"];
        Allocations
            .Of(() =>
            {
                foreach (var id in ids)
                {
                    denial.Names(id);
                }
            })
            .ShouldBe(0);
    }

    private static DeniedName Denying(string id) => new(id);

    private static string Insert(string id, string what) =>
        string.Concat(id.EnumerateRunes().SelectMany((rune, i) => i == 0 ? [rune.ToString(), what] : new[] { rune.ToString() }));

    private static string Encoded(string text) => string.Concat(Encoding.UTF8.GetBytes(text).Select(one => $"%{one:X2}"));

    private static string Overlong(string text, int length) =>
        string.Concat(
            text.Select(c =>
                c >= 0x80
                    ? c.ToString()
                    : length switch
                    {
                        2 => $"%{0xc0 | (c >> 6):X2}%{0x80 | (c & 0x3f):X2}",
                        3 => $"%E0%{0x80 | (c >> 6):X2}%{0x80 | (c & 0x3f):X2}",
                        _ => $"%F0%80%{0x80 | (c >> 6):X2}%{0x80 | (c & 0x3f):X2}",
                    }
            )
        );
}
