namespace Broker.Configuration;

/// <summary>The known word nearest to a wrong one.</summary>
internal static class DidYouMean
{
    /// <summary>A sentence that says which word was meant, or which there are.</summary>
    public static string Say(string wrong, IEnumerable<string> known)
    {
        var all = known.ToList();
        var sameButCase = all.Find(word => string.Equals(word, wrong, StringComparison.OrdinalIgnoreCase));
        if (sameButCase is not null)
        {
            return $"case matters, write '{sameButCase}'";
        }

        var nearest = all.Select(word => (word, distance: Distance(wrong, word))).OrderBy(pair => pair.distance).FirstOrDefault();
        if (nearest.word is not null && nearest.distance <= Math.Max(2, wrong.Length / 3))
        {
            return $"did you mean '{nearest.word}'?";
        }

        return all.Count is > 0 and <= 24 ? $"known here: {string.Join(", ", all)}" : "it is not known here";
    }

    private static int Distance(string from, string to)
    {
        // Levenshtein, one row at a time; words are short, and a pasted monster is not worth the work.
        if (from.Length > 64)
        {
            return int.MaxValue;
        }

        var row = Enumerable.Range(0, to.Length + 1).ToArray();
        for (var i = 1; i <= from.Length; i++)
        {
            var diagonal = row[0];
            row[0] = i;
            for (var j = 1; j <= to.Length; j++)
            {
                var same = char.ToUpperInvariant(from[i - 1]) == char.ToUpperInvariant(to[j - 1]);
                (diagonal, row[j]) = (row[j], Math.Min(Math.Min(row[j] + 1, row[j - 1] + 1), diagonal + (same ? 0 : 1)));
            }
        }

        return row[^1];
    }
}
