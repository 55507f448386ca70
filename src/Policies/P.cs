namespace Policies; public static class P {}
