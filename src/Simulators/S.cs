namespace Simulators; public static class S {}
