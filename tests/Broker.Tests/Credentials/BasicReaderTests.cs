using System.Net;
using Broker.Configuration;
using Broker.Credentials;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Identity;
using Shouldly;
using Xunit;

namespace Broker.Tests.Credentials;

public sealed class BasicReaderTests : IDisposable
{
    private static readonly string Hash = new PasswordHasher<CallerOptions>().HashPassword(null!, "pass:wörd");
    private static readonly string OtherHash = new PasswordHasher<CallerOptions>().HashPassword(null!, "other");
    private readonly CountingHasher hasher = new();
    private readonly Bench bench;

    public BasicReaderTests()
    {
        bench = new(hasher);
        bench.Publish(Config(Hash));
    }

    public void Dispose() => bench.Dispose();

    [Fact]
    public void A_right_password_is_hashed_once_and_a_wrong_one_each_time()
    {
        for (var i = 0; i < 3; i++)
        {
            Read("app", "pass:wörd").Caller.ShouldNotBeNull().Identity.ShouldBe("key:app");
        }

        hasher.Total.ShouldBe(1);
        Read("app", "wrong").ShouldBe(new(null, CredentialProblem.Invalid));
        Read("app", "wrong").ShouldBe(new(null, CredentialProblem.Invalid));
        hasher.Total.ShouldBe(3);
    }

    [Fact]
    public void An_unknown_user_and_one_without_a_password_cost_a_hash_and_are_nobody()
    {
        foreach (
            var (user, password) in new[]
            {
                ("nobody", "pass:wörd"),
                ("nobody", "other"),
                ("keyed", "pass:wörd"),
                ("keyed", "other"),
                ("App", "pass:wörd"),
            }
        )
        {
            var before = hasher.Total;
            Read(user, password).ShouldBe(new(null, CredentialProblem.Invalid));
            hasher.Total.ShouldBe(before + 1);
        }
    }

    [Fact]
    public void A_remembered_password_survives_a_reload_but_not_a_changed_hash_or_a_caller_who_left()
    {
        Read("app", "pass:wörd").Caller.ShouldNotBeNull();
        bench.Publish(Config(Hash));
        Read("app", "pass:wörd").Caller.ShouldNotBeNull();
        hasher.Total.ShouldBe(1);
        bench.Publish(Config(OtherHash));
        Read("app", "pass:wörd").ShouldBe(new(null, CredentialProblem.Invalid));
        Read("app", "other").Caller.ShouldNotBeNull();
        bench.Publish(Bench.With(("second", new() { Basic = new() { Hash = new("test", OtherHash) } })));
        Read("app", "other").ShouldBe(new(null, CredentialProblem.Invalid));
    }

    [Fact]
    public void What_is_not_strictly_base64_of_utf8_with_a_colon_is_invalid_and_costs_no_hash()
    {
        foreach (
            var bytes in new byte[][]
            {
                "app"u8.ToArray(),
                ":pass"u8.ToArray(),
                "app:pa\nss"u8.ToArray(),
                "app:\u0085"u8.ToArray(),
                "ap\0p:x"u8.ToArray(),
                [0xff, (byte)':', 0x41],
                [.. "app:"u8, 0xc3],
            }
        )
        {
            bench.Read(("Authorization", "Basic " + Convert.ToBase64String(bytes))).ShouldBe(new(null, CredentialProblem.Invalid));
        }

        var good = Bench.Basic("app", "pass:wörd");
        foreach (
            var value in new[]
            {
                good.TrimEnd('='),
                good + "=",
                good + " ",
                good.Replace("Basic ", "Basic  "),
                good[..^3] + "B==",
                "Basic " + new string('A', 4096),
                "Basic ====",
            }
        )
        {
            bench.Read(("Authorization", value)).Caller.ShouldBeNull(value);
        }

        hasher.Total.ShouldBe(0);
    }

    [Fact(Timeout = 60_000)]
    public async Task A_flood_runs_so_many_hashes_at_a_time_and_the_rest_is_told_nobody_knows()
    {
        bench.Publish(Config(Hash) with { Limits = new() { ConcurrentPasswordHashes = 2 } });
        (await bench.ReadAsync(CredentialKinds.Any, ("Authorization", Bench.Basic("app", "pass:wörd")))).Caller.ShouldNotBeNull();
        hasher.Hold();
        var flood = Enumerable
            .Range(0, 200)
            .Select(i =>
                Task.Run(async () => await bench.ReadAsync(CredentialKinds.Any, ("Authorization", Bench.Basic("app", $"wrong{i}"))))
            )
            .ToList();
        while (flood.Count(task => task.IsCompleted) < 200 - 2 - 64)
        {
            TestContext.Current.CancellationToken.ThrowIfCancellationRequested();
            await Task.Yield();
        }

        // A login that was verified before does not queue.
        Read("app", "pass:wörd").Caller.ShouldNotBeNull();
        hasher.Release();
        var results = await Task.WhenAll(flood);
        hasher.MostAtOnce.ShouldBe(2);
        results.ShouldAllBe(result => result.Caller == null);
        results.Count(result => result.Problem == CredentialProblem.Unknown).ShouldBe(200 - 2 - 64);
        results.Count(result => result.Problem == CredentialProblem.Invalid).ShouldBe(2 + 64);
        (await bench.ReadAsync(CredentialKinds.Any, ("Authorization", Bench.Basic("other", "other")))).Caller.ShouldNotBeNull();
    }

    [Theory(Timeout = 60_000)]
    [InlineData("192.0.2.1", "192.0.2.2", true)]
    [InlineData("192.0.2.1", "::ffff:192.0.2.2", true)]
    [InlineData("2001:db8:0:1::1", "2001:db8:0:2::1", true)]
    [InlineData("192.0.2.1", "2001:db8::1", true)]
    [InlineData("192.0.2.1", "::ffff:192.0.2.1", false)]
    [InlineData("2001:db8:0:1::1", "2001:db8:0:1:ffff::2", false)]
    public async Task A_flood_from_one_address_keeps_nobody_out_who_comes_from_another(string flooding, string other, bool isServed)
    {
        bench.Publish(Config(Hash) with { Limits = new() { ConcurrentPasswordHashes = 2 } });
        hasher.Hold();
        var flood = Enumerable.Range(0, 200).Select(i => Task.Run(async () => await ReadFrom(flooding, "app", $"wrong{i}"))).ToList();
        while (flood.Count(task => task.IsCompleted) < 200 - 2 - 64)
        {
            TestContext.Current.CancellationToken.ThrowIfCancellationRequested();
            await Task.Yield();
        }

        var login = ReadFrom(other, "other", "other").AsTask();
        hasher.Release();
        (await login).Problem.ShouldBe(isServed ? CredentialProblem.None : CredentialProblem.Unknown);
        await Task.WhenAll(flood);
    }

    [Fact(Timeout = 60_000)]
    public async Task A_wait_that_is_too_long_is_not_a_wrong_password()
    {
        using var impatient = new Bench(hasher, TimeProvider.System);
        impatient.Publish(Config(Hash));
        hasher.Hold();
        var first = Task.Run(async () =>
            await impatient.ReadAsync(CredentialKinds.Any, ("Authorization", Bench.Basic("app", "pass:wörd")))
        );
        await hasher.Entered.WaitAsync(TestContext.Current.CancellationToken);
        (await impatient.ReadAsync(CredentialKinds.Any, ("Authorization", Bench.Basic("app", "pass:wörd")))).ShouldBe(
            new(null, CredentialProblem.Unknown)
        );
        hasher.Release();
        (await first).Caller.ShouldNotBeNull();
    }

    private static BrokerOptions Config(string hash) =>
        Bench.With(
            ("app", Bench.Wide with { Basic = new() { Hash = new("test", hash) } }),
            ("other", new() { Basic = new() { Hash = new("test", OtherHash) } }),
            ("keyed", new())
        );

    private ValueTask<CredentialResult> ReadFrom(string address, string user, string password) =>
        bench.Table.Read(
            new HeaderDictionary { ["Authorization"] = Bench.Basic(user, password) },
            CredentialKinds.Any,
            CancellationToken.None,
            IPAddress.Parse(address)
        );

    private CredentialResult Read(string user, string password) => bench.Read(("Authorization", Bench.Basic(user, password)));

    private sealed class CountingHasher : IPasswordHasher<CallerOptions>
    {
        private readonly PasswordHasher<CallerOptions> real = new();
        private readonly TaskCompletionSource entered = new();
        private ManualResetEventSlim? held;
        private int total;
        private int now;
        private int most;

        public int Total => total;

        public int MostAtOnce => most;

        public Task Entered => entered.Task;

        public void Hold() => held = new(false);

        public void Release() => held!.Set();

        public string HashPassword(CallerOptions user, string password) => real.HashPassword(user, password);

        public PasswordVerificationResult VerifyHashedPassword(CallerOptions user, string hashedPassword, string providedPassword)
        {
            Interlocked.Increment(ref total);
            var current = Interlocked.Increment(ref now);
            InterlockedMax(current);
            entered.TrySetResult();
            held?.Wait(TestContext.Current.CancellationToken);
            var result = providedPassword.StartsWith("wrong", StringComparison.Ordinal) // a flood of real hashes would take the tests' time
                ? PasswordVerificationResult.Failed
                : real.VerifyHashedPassword(user, hashedPassword, providedPassword);
            Interlocked.Decrement(ref now);
            return result;
        }

        private void InterlockedMax(int value)
        {
            lock (real)
            {
                most = Math.Max(most, value);
            }
        }
    }
}
