using System.Globalization;

namespace Broker.ReplicaTests;

/// <summary>Whose a TCP connection is, as the kernel tells it.</summary>
internal static class Sockets
{
    /// <summary>The one of these processes that has a socket with this local port; null when none has it any more.</summary>
    public static BrokerProcess? OwnerOf(int port, IEnumerable<BrokerProcess> processes)
    {
        var wanted = new HashSet<string>(Inodes(port).Select(inode => $"socket:[{inode}]"));
        return wanted.Count == 0 ? null : processes.FirstOrDefault(process => Links(process.Id).Any(wanted.Contains));
    }

    private static IEnumerable<string> Inodes(int port)
    {
        foreach (var table in new[] { "/proc/net/tcp", "/proc/net/tcp6" })
        {
            foreach (var line in File.ReadLines(table).Skip(1))
            {
                var parts = line.Split(' ', StringSplitOptions.RemoveEmptyEntries);
                if (
                    parts[9] != "0"
                    && int.Parse(parts[1].AsSpan(parts[1].IndexOf(':') + 1), NumberStyles.HexNumber, CultureInfo.InvariantCulture) == port
                )
                {
                    yield return parts[9];
                }
            }
        }
    }

    private static IEnumerable<string> Links(int process)
    {
        string[] files;
        try
        {
            files = Directory.GetFiles($"/proc/{process}/fd");
        }
        catch (IOException)
        {
            yield break; // it is gone
        }
        foreach (var file in files)
        {
            string? target = null;
            try
            {
                target = new FileInfo(file).LinkTarget;
            }
            catch (IOException)
            {
                // closed meanwhile
            }
            if (target is not null)
            {
                yield return target;
            }
        }
    }
}
