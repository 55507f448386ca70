using Broker.Configuration;
using Broker.UpstreamTokens;
using Microsoft.Extensions.Time.Testing;
using Shouldly;
using Xunit;

namespace Broker.Tests.UpstreamTokens;

public sealed class LoginBudgetTests
{
    [Theory]
    [InlineData(1022)]
    [InlineData(1023)]
    [InlineData(1024)]
    public void Forgetting_old_logins_forgets_none_that_is_being_noted(int known)
    {
        var names = new NamingKey();
        var budget = new LoginBudget(new FakeTimeProvider());
        LoginWindowOptions[] perEndpoint =
        [
            new()
            {
                Permit = 1,
                Per = TimeSpan.FromHours(1),
                Scope = LoginScope.Endpoint,
            },
        ];
        var elsewhere = names.Name("elsewhere");
        for (var i = 0; i < known - 1; i++)
        {
            budget.TryTake(Plan(elsewhere, names.Name($"{i}")), [], rejected: false, out _).ShouldBeTrue();
        }

        bool Take(string identity) =>
            budget.TryTake(Plan(names.Name("endpoint"), names.Name(identity)), perEndpoint, rejected: false, out _);
        Take("one").ShouldBeTrue();
        Take("two").ShouldBeFalse();
    }

    private static CellPlan Plan(OpaqueName endpoint, OpaqueName identity) =>
        new()
        {
            Upstream = "up",
            Account = "one",
            Source = new ScriptedSource(),
            Times = CellBench.Times,
            Logins = [],
            Endpoint = endpoint,
            Identity = identity,
            Fingerprint = default,
            IsOnlyOne = false,
            RefreshTokenFile = null,
            Version = 1,
        };
}
