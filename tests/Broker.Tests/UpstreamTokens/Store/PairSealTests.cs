using System.Security.Cryptography;
using System.Text;
using Broker.UpstreamTokens;
using Shouldly;
using Xunit;

namespace Broker.Tests.UpstreamTokens;

public sealed class PairSealTests
{
    private static readonly NamingKey Names = new("a name key of the tests, long enough");
    private static readonly KeyValuePair<string, byte[]> First = new("first", SHA256.HashData("1"u8));
    private static readonly KeyValuePair<string, byte[]> Second = new("second", SHA256.HashData("2"u8));

    private static readonly SharedPair Pair = new()
    {
        FencingToken = 7,
        RunId = "run",
        Record = Names.Name("record"),
        Access = "access-secret",
        Refresh = "refresh-secret",
        Life = TimeSpan.FromMinutes(30),
        EndsAt = 1_800_000_000_000_000,
        EndsAtUtc = new(2030, 1, 1, 0, 0, 0, TimeSpan.Zero),
        By = "replica",
    };

    [Fact]
    public void A_pair_opens_under_its_own_name_and_generation_and_no_other()
    {
        var seal = new PairSeal([First], Names);
        var blob = seal.Close(Pair, "key");
        seal.Open(blob, "key", 7, "run", out _).ShouldBe(Pair);
        seal.Open(blob, "other", 7, "run", out var lacks).ShouldBeNull();
        lacks.ShouldBeNull();
        seal.Open(blob, "key", 8, "run", out lacks).ShouldBeNull();
        lacks.ShouldBeNull();
        Encoding.UTF8.GetString(blob).ShouldNotContain("secret");
    }

    [Fact]
    public void What_a_pair_says_of_spent_tokens_comes_back_with_it()
    {
        OpaqueName[] spent = [Names.Name("first", "a"), Names.Name("first", "b")];
        var seal = new PairSeal([First], Names);
        var opened = seal.Open(seal.Close(Pair with { Of = Names.Name("first", "c"), Spent = spent }, "key"), "key", 7, "run", out _)
            .ShouldNotBeNull();
        opened.Of.ShouldBe(Names.Name("first", "c"));
        opened.Spent.ShouldBe(spent);
    }

    [Fact]
    public void A_letter_of_an_opaque_token_takes_a_byte_whichever_it_is()
    {
        var seal = new PairSeal([First], Names);
        int Size(SharedPair pair)
        {
            var blob = seal.Close(pair, "key");
            seal.Open(blob, "key", 7, "run", out _).ShouldBe(pair);
            return blob.Length;
        }
        const string all = "!#$%&'()*+,-./:;<=>?@[]^_`{|}~";
        Size(Pair with { Access = all, Refresh = all })
            .ShouldBe(Size(Pair with { Access = new('a', all.Length), Refresh = new('a', all.Length) }));
    }

    [Fact]
    public void Any_bit_that_changes_makes_it_a_miss()
    {
        var seal = new PairSeal([First], Names);
        var blob = seal.Close(Pair, "key");
        for (var bit = 0; bit < blob.Length * 8; bit++)
        {
            var flipped = blob.ToArray();
            flipped[bit / 8] ^= (byte)(1 << (bit % 8));
            seal.Open(flipped, "key", 7, "run", out var lacks).ShouldBeNull($"bit {bit}");
            lacks.ShouldBeNull($"bit {bit}"); // not even of the key's id
        }
        for (var length = 0; length < blob.Length; length++)
        {
            seal.Open(blob.AsSpan(0, length), "key", 7, "run", out _).ShouldBeNull();
        }
    }

    [Fact]
    public void The_first_key_encrypts_and_all_decrypt()
    {
        var old = new PairSeal([First], Names).Close(Pair, "key");
        var rotated = new PairSeal([Second, First], Names);
        rotated.Open(old, "key", 7, "run", out _).ShouldBe(Pair);
        var fresh = rotated.Close(Pair, "key");
        new PairSeal([Second], Names).Open(fresh, "key", 7, "run", out _).ShouldBe(Pair);
    }

    [Fact]
    public void A_key_that_is_not_in_the_ring_is_named()
    {
        var blob = new PairSeal([Second], Names).Close(Pair, "key");
        new PairSeal([First], Names).Open(blob, "key", 7, "run", out var lacks).ShouldBeNull();
        lacks.ShouldBe("second");
        new PairSeal([], Names).Open(blob, "key", 7, "run", out lacks).ShouldBeNull();
        lacks.ShouldBe("second");
    }

    [Fact]
    public void Plain_text_is_read_only_where_the_config_says_so()
    {
        var blob = new PairSeal([], Names).Close(Pair, "key");
        new PairSeal([], Names).Open(blob, "key", 7, "run", out _).ShouldBe(Pair);
        new PairSeal([First], Names).Open(blob, "key", 7, "run", out var lacks).ShouldBeNull();
        lacks.ShouldBeNull();
    }
}
