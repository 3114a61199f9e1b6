namespace Fangs.Actors.Storage.Transfer;

/// <summary>Puts many rows into one table, inside a transaction.</summary>
public interface IBulkInsert : IDisposable
{
    /// <summary>Adds a row.</summary>
    /// <param name="values">One value per column: null, <see cref="long"/>, <see cref="string"/> or bytes.</param>
    void Add(ReadOnlySpan<object?> values);

    /// <summary>Ends it. Without this, nothing is added.</summary>
    void Complete();
}
