using System.Runtime.InteropServices;
using Broker.Configuration;
using Shouldly;
using Xunit;

namespace Broker.Tests.Configuration;

public sealed class ReloadTests : IDisposable
{
    private readonly Files files = new();
    private readonly Lines log = new();

    public void Dispose() => files.Dispose();

    [Fact]
    public void What_did_not_change_is_not_loaded_again()
    {
        var poller = Serve(files.Loader([files.Write("a.json", Devices("one"))]));
        poller.Poll().ShouldBeNull();
        File.SetLastWriteTimeUtc(files["a.json"], new DateTime(2030, 1, 1, 0, 0, 0, DateTimeKind.Utc));
        poller.Poll().ShouldBeNull();
        files.Store.Current.Version.ShouldBe(1);
    }

    [Fact]
    public void A_good_edit_is_published_with_a_higher_version()
    {
        var poller = Serve(files.Loader([files.Write("a.json", Devices("one"))]));
        var published = new List<long>();
        files.Store.Published += snapshot => published.Add(snapshot.Version);
        files.Write("a.json", Devices("two"));
        poller.Poll()!.Good().Broker.Callers["a"].Devices.ShouldBe(["two"]);
        published.ShouldBe([2]);
        files.Store.Current.Version.ShouldBe(2);
        log.Ids.ShouldBe([100, 103]); // loaded, and its warning told
    }

    [Theory]
    [InlineData("{ \"Broker\": { \"Callers\": {")]
    [InlineData("")]
    [InlineData("""{"Broker":{"Callers":{"a":{"Devises":["two"]}}}}""")]
    [InlineData("""{"Broker":{"Callers":{"a":{"Accounts":{"nobody":"x"}}}}}""")]
    [InlineData("""{"Broker":{"Callers":{"a":{"Devices":["two"]}}},"ReverseProxy":{"Routes":{"r":{"Metadata":{"Bad":"x"}}}}}""")]
    public void A_bad_edit_of_either_section_changes_nothing_and_the_next_good_one_heals(string bad)
    {
        var poller = Serve(files.Loader([files.Write("a.json", Devices("one"))], Severity.Error, new RefusesBadMetadata()));
        var before = files.Store.Current;

        files.Write("a.json", bad);
        poller.Poll().ShouldNotBeNull().Snapshot.ShouldBeNull();
        files.Store.Current.ShouldBeSameAs(before);
        files.Store.Current.Broker.Callers["a"].Devices.ShouldBe(["one"]);
        files.Store.Refused.ShouldContain(mistake => mistake.Severity == Severity.Error);

        poller.Poll().ShouldBeNull();
        log.Ids.ShouldBe([101]);

        files.Write("a.json", Devices("three"));
        poller.Poll();
        files.Store.Current.Broker.Callers["a"].Devices.ShouldBe(["three"]);
        files.Store.Refused.ShouldBeEmpty();
        log.Ids.ShouldBe([101, 100, 103]);
    }

    [Fact]
    public void A_refusal_that_stays_the_same_is_logged_once_and_a_changed_one_again()
    {
        var poller = Serve(files.Loader([files.Write("a.json", Devices("one"))]));
        files.Write("a.json", """{"Broker":{"Nope":1}}""");
        poller.Poll();
        files.Write("a.json", """{"Broker":{"Nope":2}}""");
        poller.Poll().ShouldNotBeNull();
        log.Ids.ShouldBe([101]);
        files.Write("a.json", """{"Broker":{"Nada":2}}""");
        poller.Poll();
        log.Ids.ShouldBe([101, 101]);
    }

    [Fact]
    public void The_same_good_text_after_a_refusal_takes_the_refusal_away()
    {
        var poller = Serve(files.Loader([files.Write("a.json", Devices("one"))]));
        File.Delete(files["a.json"]);
        poller.Poll()!.Errors().ShouldHaveSingleItem().ShouldContain("does not exist");
        files.Store.Refused.ShouldNotBeEmpty();
        files.Write("a.json", Devices("one"));
        poller.Poll()!.Snapshot.ShouldNotBeNull();
        files.Store.Refused.ShouldBeEmpty();
    }

    [Fact]
    public void A_secret_that_rotates_makes_a_new_snapshot()
    {
        files.Environment["E"] = "e1";
        files.Write("pw", "f1\n");
        var poller = Serve(files.Loader([files.Write("a.json", Secrets(files["pw"]))]));
        Revealed().ShouldBe(("f1", "e1"));
        files.Write("pw", "f2\n");
        poller.Poll().ShouldNotBeNull();
        files.Environment["E"] = "e2";
        poller.Poll().ShouldNotBeNull();
        Revealed().ShouldBe(("f2", "e2"));
        poller.Poll().ShouldBeNull();
    }

    [Fact]
    public void A_secret_that_goes_away_leaves_the_last_good_one_in_force()
    {
        files.Environment["E"] = "e1";
        files.Write("pw", "f1\n");
        var poller = Serve(files.Loader([files.Write("a.json", Secrets(files["pw"]))]));
        File.Delete(files["pw"]);
        poller.Poll()!.Snapshot.ShouldBeNull();
        Revealed().ShouldBe(("f1", "e1"));
        files.Write("pw", "f3");
        poller.Poll();
        Revealed().ShouldBe(("f3", "e1"));
    }

    [Fact]
    public void An_issuers_key_file_that_changes_makes_a_new_snapshot()
    {
        files.Write("keys.pem", "one");
        var poller = Serve(
            files.Loader([
                files.Write(
                    "a.json",
                    """
                    {"Broker":{"Issuers":{"corp":{"KeyFile":"${DIR:-}/keys.pem","Issuer":"i","Audiences":["a"],"Actions":{"Const":[]},
                      "Networks":{"Const":[]},"DeviceTypes":{"Const":[]},"Devices":{"Const":[]}}}}}
                    """.Replace("${DIR:-}", files.Root)
                ),
            ])
        );
        poller.Poll().ShouldBeNull();
        files.Write("keys.pem", "two");
        poller.Poll().ShouldNotBeNull().Snapshot.ShouldNotBeNull();
    }

    [Fact]
    public void Config_and_secrets_follow_the_symlink_that_kubernetes_swaps()
    {
        files.Environment["E"] = "e";
        Mount("..2026_01", Secrets(files["pw"]), "f1");
        File.CreateSymbolicLink(files["a.json"], "..data/a.json");
        File.CreateSymbolicLink(files["pw"], "..data/pw");
        var poller = Serve(files.Loader([files["a.json"]]));
        Revealed().ShouldBe(("f1", "e"));

        Mount("..2026_02", Secrets(files["pw"]), "f2");
        Directory.Delete(files["..2026_01"], recursive: true);
        poller.Poll()!.Snapshot.ShouldNotBeNull();
        Revealed().ShouldBe(("f2", "e"));

        Mount("..2026_03", Devices("swapped"), "f3");
        poller.Poll()!.Snapshot.ShouldNotBeNull();
        files.Store.Current.Broker.Callers["a"].Devices.ShouldBe(["swapped"]);

        // Between two swaps the target may be gone: refused, not a crash, and healed by the next.
        Directory.Delete(files["..2026_03"], recursive: true);
        poller.Poll()!.Errors().ShouldHaveSingleItem().ShouldContain("does not exist");
        files.Store.Current.Broker.Callers["a"].Devices.ShouldBe(["swapped"]);
        Mount("..2026_04", Devices("again"), "f4");
        poller.Poll();
        files.Store.Current.Broker.Callers["a"].Devices.ShouldBe(["again"]);
    }

    [Fact]
    public async Task The_clock_makes_it_look_and_a_failing_subscriber_does_not_end_that()
    {
        var clock = new CountedClock();
        using var poller = Serve(
            files.Loader([files.Write("a.json", Devices("one").Replace("{\"Broker\":{", "{\"Broker\":{\"PollInterval\":\"00:00:03\","))]),
            clock
        );
        var published = new SemaphoreSlim(0);
        files.Store.Published += _ =>
        {
            published.Release();
            throw new InvalidOperationException("a subscriber's fault");
        };
        await poller.StartAsync(TestContext.Current.CancellationToken);
        (await Timer(clock, TimeSpan.FromSeconds(3))).ShouldBeTrue();
        for (var i = 2; i <= 3; i++)
        {
            files.Write("a.json", Devices($"{i}"));
            clock.Advance(TimeSpan.FromSeconds(i == 2 ? 3 : 5));
            (await published.WaitAsync(TimeSpan.FromSeconds(30), TestContext.Current.CancellationToken)).ShouldBeTrue();
            files.Store.Current.Version.ShouldBe(i);
            (await Timer(clock, TimeSpan.FromSeconds(5))).ShouldBeTrue();
        }

        await poller.StopAsync(TestContext.Current.CancellationToken);
        clock.Timers.ShouldBeEmpty();
        log.Ids.ShouldContain(102);
    }

    private static async Task<bool> Timer(CountedClock clock, TimeSpan period)
    {
        for (var from = Environment.TickCount64; !clock.Timers.SequenceEqual([period]); await Task.Delay(5))
        {
            if (Environment.TickCount64 - from > 30_000)
            {
                return false;
            }
        }
        return true;
    }

    [Fact]
    public void A_compiler_that_throws_refuses_the_candidate_and_its_text_is_not_told()
    {
        files.Write("a.json", Devices("one"));
        var result = files.Loader([files["a.json"]], Severity.Error, new Throws()).TryReload();
        result.Errors().ShouldHaveSingleItem().ShouldNotContain("tops3cret");
        files.Store.IsLoaded.ShouldBeFalse();
        files.Store.Refused.ShouldContain(mistake => mistake.Path == nameof(Throws));
    }

    [Fact]
    public void A_compiler_says_its_mistakes_beside_the_validators_but_not_twice_at_one_path()
    {
        files.Write(
            "a.json",
            """{"Broker":{"Callers":{"a":{"Accounts":{"nobody":"x"}}}},"ReverseProxy":{"Routes":{"r":{"Metadata":{"Bad":"x"}}}}}"""
        );
        files
            .Loader([files["a.json"]], Severity.Error, new RefusesBadMetadata(), new RepeatsTheValidator())
            .Load()
            .Errors()
            .Select(error => error.Split(": ")[0])
            .ShouldBe(["Broker:Callers:a:Accounts:nobody", "ReverseProxy:Routes:r:Metadata:Bad"]);
    }

    private static string Devices(string device) =>
        """{"Broker":{"Callers":{"a":{"UserId":1,"Devices":["DEVICE"]}}}}""".Replace("DEVICE", device);

    private static string Secrets(string file) =>
        """
            {"Broker":{"Upstreams":{"s":{"Kind":"Static","Accounts":{"f":{"Header":"x","Value":{"File":"FILE"}},"e":{"Header":"x","Value":{"Env":"E"}}}}}}}
            """.Replace("FILE", file);

    private SnapshotPoller Serve(SnapshotLoader loader, TimeProvider? clock = null)
    {
        loader.TryReload().Good();
        return new(loader, files.Store, clock ?? TimeProvider.System, log);
    }

    private (string, string) Revealed()
    {
        var accounts = ((StaticUpstreamOptions)files.Store.Current.Broker.Upstreams["s"]).Accounts;
        return (accounts["f"].Value.Reveal(), accounts["e"].Value.Reveal());
    }

    // What the kubelet does: a new directory, a new link beside the old one, and a rename over it.
    private void Mount(string folder, string config, string secret)
    {
        Directory.CreateDirectory(files[folder]);
        files.Write($"{folder}/a.json", config);
        files.Write($"{folder}/pw", secret);
        File.CreateSymbolicLink(files["..data_tmp"], folder);
        Rename(files["..data_tmp"], files["..data"]).ShouldBe(0);
    }

    [DllImport("libc", EntryPoint = "rename", SetLastError = true)]
    private static extern int Rename(string from, string to);

    private sealed class RefusesBadMetadata : ISnapshotCompiler
    {
        public void Compile(Snapshot candidate, ConfigErrors mistakes)
        {
            if (candidate.ReverseProxy["Routes"]?["r"]?["Metadata"]?["Bad"] is not null)
            {
                mistakes.Error("ReverseProxy:Routes:r:Metadata:Bad", "unknown key");
            }
        }
    }

    private sealed class RepeatsTheValidator : ISnapshotCompiler
    {
        public void Compile(Snapshot candidate, ConfigErrors mistakes) =>
            mistakes.Error("Broker:Callers:a:Accounts:nobody", "I do not know it either");
    }

    private sealed class Throws : ISnapshotCompiler
    {
        public void Compile(Snapshot candidate, ConfigErrors mistakes) => throw new InvalidOperationException("tops3cret");
    }
}
