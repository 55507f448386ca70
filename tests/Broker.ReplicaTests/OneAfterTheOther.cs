using Xunit;

// Each test has processes of its own, and two of them at once would only take each other's processor time.
[assembly: CollectionBehavior(DisableTestParallelization = true)]
