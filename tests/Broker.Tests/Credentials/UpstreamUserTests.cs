using Broker.Configuration;
using Broker.Credentials;
using Policies;
using Shouldly;
using Xunit;

namespace Broker.Tests.Credentials;

public sealed class UpstreamUserTests : IDisposable
{
    private readonly Bench bench = new();

    public UpstreamUserTests() => bench.Publish(Bench.With(("app", Bench.Wide)) with { TokenService = new() { UsersOf = "hive" } });

    public void Dispose() => bench.Dispose();

    [Fact]
    public void A_token_of_an_upstreams_user_is_within_what_his_last_login_gave_also_when_it_is_remembered()
    {
        var token = Token();
        bench.Users.Put(User("1", "2"));
        bench.Bearer(token).Caller!.Permissions.Networks.ShouldBe(Selection.Of("1", "2"));

        bench.Users.Put(User("2", "3"));

        bench.Bearer(token).Caller!.Permissions.Networks.ShouldBe(Selection.Of("2"));
    }

    [Fact]
    public void Without_a_login_here_past_its_end_or_at_another_upstream_he_is_nobody()
    {
        bench.Bearer(Token()).Caller.ShouldBeNull();

        bench.Users.Put(User("1"));
        bench.Bearer(Token()).Caller.ShouldNotBeNull();
        bench.Bearer(Token("user:other.17")).Caller.ShouldBeNull();
        bench.Bearer(Token("user:17")).Caller.ShouldBeNull();
        bench
            .Bearer(
                bench.Token(c =>
                {
                    c["sub"] = "user:hive.17";
                    c["payload"]!["u"] = 18;
                })
            )
            .Caller.ShouldBeNull();

        bench.Publish(Bench.With(("app", Bench.Wide)) with { TokenService = new() { UsersOf = "other" } });
        bench.Bearer(Token()).Caller.ShouldBeNull();
        bench.Publish(Bench.With(("app", Bench.Wide)));
        bench.Bearer(Token()).Caller.ShouldBeNull();
        bench.Publish(Bench.With(("app", Bench.Wide)) with { TokenService = new() { UsersOf = "hive" } });
        bench.Bearer(Token()).Caller.ShouldNotBeNull();

        bench.Users.Put(User("1") with { End = bench.Clock.GetUtcNow() });
        bench.Bearer(Token()).Caller.ShouldBeNull();
    }

    [Fact]
    public void The_book_is_bounded_and_tells_no_token()
    {
        var book = new UpstreamUserSessions(bench.Clock, capacity: 10);
        for (var i = 0; i < 100; i++)
        {
            book.Put(User("1") with { UserId = i });
        }

        Enumerable.Range(0, 100).Count(i => book.Find($"hive.{i}") is not null).ShouldBeLessThanOrEqualTo(10);
        User("1").ToString().ShouldNotContain("secret");
    }

    private string Token(string subject = "user:hive.17") => bench.Token(c => c["sub"] = subject);

    private UpstreamUser User(params string[] networks) =>
        new(
            "hive",
            17,
            new(Selection.Everything, Selection.Of(networks), Selection.Everything, Selection.Everything),
            "secret",
            bench.Clock.GetUtcNow().AddDays(1)
        );
}
