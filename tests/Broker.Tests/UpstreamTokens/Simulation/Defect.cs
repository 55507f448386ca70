namespace Broker.Tests.UpstreamTokens.Simulation;

/// <summary>What is put into the world on purpose, to see that the simulation finds it.</summary>
public enum Defect
{
    None,
    LeaseNotExtendedWhileTheCallRuns,
    NoSecondLookAfterTheLease,
    NumberTakenApartFromTheLease,
    NoNote,
    LoginAfterRefusedWithoutTheLeaseCheck,
    LoginAfterNotNow,
    LoginAfterUnknown,
    OrderByExpiry,
    CountingFromZeroAfterAnEmptyRedis,
    OldPairRepublishedOverANewerOne,

    // Those above are the ones that the protocol's page names; these were found by the simulation itself.
    LoginsMadeAloneAreNotTold,
    WhatMayBeSpentIsNotToldAgain,

    /// <summary>An operator deletes a pair, instead of putting nothing above it.</summary>
    ForgettingWithoutANumber,

    OneSeatForAll,

    /// <summary>A 4xx of whatever kind counts as the word that says no for good.</summary>
    AnyRefusalIsForGood,

    /// <summary>A refresh that is never answered clearly is repeated for ever.</summary>
    UnknownsNeverLeadToALogin,
}
