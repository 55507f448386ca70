namespace Broker.UpstreamTokens;

/// <summary>Has the cells of a record look at the store again, when an operator says so.</summary>
internal sealed class CellInvalidator(TokenCellRegistry vault)
{
    public void At(string message)
    {
        foreach (var cell in vault.Cells)
        {
            if (cell.Renewer is { } renewer && RedisTokens.IsOf(message, renewer.NameOf(cell)))
            {
                _ = cell.Invalidate();
            }
        }
    }
}
