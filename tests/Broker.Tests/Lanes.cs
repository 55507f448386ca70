// Many tests here wait for Redis or for a time that has to pass.
[assembly: Xunit.v3.Parallelization(MaxThreads = 4)]
