// Most tests here wait: for a time that has to pass, for Redis, for another process. More of them than there are processors go side by
// side.
[assembly: Xunit.v3.Parallelization(MaxThreads = 5)]
