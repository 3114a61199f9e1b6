using System.Buffers;
using System.Security.Cryptography;

namespace Fangs.Actors.Storage.Transfer;

/// <summary>How far a long piece of work on a database is.</summary>
/// <param name="What">What is worked on: a table, a phase.</param>
/// <param name="Done">How much of it is done.</param>
/// <param name="Total">How much there is, where it is known.</param>
/// <param name="IsComplete">Whether it is done.</param>
public sealed record TransferProgress(string What, long Done, long? Total, bool IsComplete);

/// <summary>
/// Carries a whole installation, tables and the dispatcher's journal, to a file and from there into an empty database of either kind. Memory is
/// bounded by the largest row.
/// </summary>
/// <remarks>The caller has the databases for itself: the journal and the tables must fit together.</remarks>
public static class InstallationTransfer
{
    private const int Format = 1;
    private const int ProgressEvery = 50_000;

    /// <summary>Writes everything to a file.</summary>
    /// <param name="source">The database.</param>
    /// <param name="file">Where to.</param>
    /// <param name="madeBy">Version of fangs, for the header.</param>
    /// <param name="now">The time, for the header.</param>
    /// <param name="progress">Told after every table and every so many rows.</param>
    /// <param name="cancellationToken">Stops it; the file is of no use then.</param>
    /// <returns>The tables with their counts and hashes.</returns>
    /// <exception cref="StorageException">A value cannot be carried over.</exception>
    public static IReadOnlyList<TableSum> Export(
        StoreDatabase source, Stream file, string madeBy, DateTimeOffset now, Action<TransferProgress> progress, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(source);
        ArgumentNullException.ThrowIfNull(progress);
        using var session = source.OpenReadSession();
        session.BeginRead();
        var tables = PortableTable.Read(session);
        var sums = new List<TableSum>();
        using var writer = new TransferWriter(file);
        writer.Header(new TransferHeader(
            Format, Queries.SchemaVersions.Known[^1], StorageText.Time(now), madeBy, session.Dialect.IsPostgres ? "postgres" : "sqlite", tables, Sequences(session, tables)));
        foreach (var table in tables)
        {
            var sum = SumOf(session, table, writer.Row, progress, table.Name, cancellationToken);
            writer.Sum(sum);
            sums.Add(sum);
        }

        writer.End(sums.Sum(s => s.Rows));
        session.Rollback();
        return sums;
    }

    /// <summary>Reads a file into an empty database, in one transaction, and reads back what is there before that is committed.</summary>
    /// <param name="target">The database, of this build's schema.</param>
    /// <param name="file">Where from.</param>
    /// <param name="name">The file's name, for messages.</param>
    /// <param name="progress">Told after every table and every so many rows.</param>
    /// <param name="cancellationToken">Stops it; nothing is stored then.</param>
    /// <returns>The tables with their counts and hashes.</returns>
    /// <exception cref="StorageException">The file is truncated, altered or of another version, the database is not empty, or what was stored is not what was read. Nothing is stored.</exception>
    public static IReadOnlyList<TableSum> Import(
        StoreDatabase target, Stream file, string name, Action<TransferProgress> progress, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(target);
        ArgumentNullException.ThrowIfNull(progress);
        using var reader = new TransferReader(file, name);
        var header = reader.Parse(reader.Next(), TransferJson.Default.TransferHeader);
        if (header.Format != Format) throw new StorageException($"{name} has format {header.Format}, this build reads format {Format}: use the fangs that made it ({header.MadeBy})");
        if (header.Schema != Queries.SchemaVersions.Known[^1])
            throw new StorageException($"{name} was made with schema {header.Schema}, this build has {Queries.SchemaVersions.Known[^1]}: export and import with the same version of fangs");
        using var session = target.OpenWriteSession();
        session.Begin();
        foreach (var statement in session.Dialect.CreateJournal) session.Execute(statement);
        CheckTarget(session, target.Name, header, name);
        var sums = header.Tables.Select(table => ReadTable(session, reader, table, progress, cancellationToken)).ToList();
        var hash = reader.HashSoFar();
        var end = reader.Parse(reader.Next(isCounted: false), TransferJson.Default.TransferEnd);
        if (end.Sha256 != hash || end.Rows != sums.Sum(s => s.Rows)) throw reader.Altered();
        reader.ExpectEnd();
        foreach (var (table, sum) in header.Tables.Zip(sums))
        {
            if (SumOf(session, table, _ => { }, progress, "verify " + table.Name, cancellationToken) != sum)
                throw new StorageException($"what was stored in {table.Name} is not what was read: nothing has been imported");
        }

        SetSequences(session, header);
        session.Commit();
        return sums;
    }

    private static TableSum SumOf(
        StoreSession session, PortableTable table, Action<ReadOnlySpan<byte>> write, Action<TransferProgress> progress, string what, CancellationToken cancellationToken)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        var line = new ArrayBufferWriter<byte>();
        var rows = 0L;
        session.Each(table.SelectSql(session.Dialect), row =>
        {
            PortableRow.Write(line, table, row);
            hash.AppendData(line.WrittenSpan);
            write(line.WrittenSpan);
            if (++rows % ProgressEvery != 0) return;
            cancellationToken.ThrowIfCancellationRequested();
            progress(new TransferProgress(what, rows, null, false));
        });
        progress(new TransferProgress(what, rows, rows, true));
        return new TableSum(table.Name, rows, Convert.ToHexStringLower(hash.GetHashAndReset()));
    }

    private static TableSum ReadTable(
        StoreSession session, TransferReader reader, PortableTable table, Action<TransferProgress> progress, CancellationToken cancellationToken)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        var rows = 0L;
        ReadOnlyMemory<byte> line;
        using (var bulk = session.BeginBulk(table.Name, table.Columns))
        {
            for (; (line = reader.Next()).Span is [(byte)'[', ..]; rows++)
            {
                hash.AppendData(line.Span);
                hash.AppendData("\n"u8);
                bulk.Add(PortableRow.Read(line, table));
                if (rows % ProgressEvery != ProgressEvery - 1) continue;
                cancellationToken.ThrowIfCancellationRequested();
                progress(new TransferProgress(table.Name, rows + 1, null, false));
            }

            bulk.Complete();
        }

        var sum = new TableSum(table.Name, rows, Convert.ToHexStringLower(hash.GetHashAndReset()));
        if (reader.Parse(line, TransferJson.Default.TableSum) != sum) throw reader.Altered();
        progress(new TransferProgress(table.Name, rows, rows, true));
        return sum;
    }

    private static void CheckTarget(StoreSession session, string target, TransferHeader header, string name)
    {
        var tables = PortableTable.Read(session);
        foreach (var table in tables)
        {
            if (session.Number($"SELECT count(*) FROM (SELECT 1 FROM {table.Name} LIMIT 1) AS one") != 0)
                throw new StorageException($"{target} is not empty: {table.Name} has rows. Import into a new database.");
        }

        var known = tables.ToDictionary(table => table.Name, StringComparer.Ordinal);
        foreach (var table in header.Tables)
        {
            // Also what keeps a hostile file from putting SQL into the place of names.
            if (!known.TryGetValue(table.Name, out var own) || !own.Columns.SequenceEqual(table.Columns) || !own.Key.SequenceEqual(table.Key))
                throw new StorageException($"{name} describes the table {table.Name} otherwise than {target} has it");
        }

        if (header.Tables.Select(table => table.Name).Distinct(StringComparer.Ordinal).Count() != header.Tables.Count || !known.Keys.Except(PortableTable.Journal).All(n => header.Tables.Any(t => t.Name == n)))
            throw new StorageException($"{name} has not each table once");
    }

    // A number that was given is never given again, also when its row is gone.
    private static SortedDictionary<string, long> Sequences(StoreSession session, IReadOnlyList<PortableTable> tables)
    {
        var sequences = new SortedDictionary<string, long>(StringComparer.Ordinal);
        foreach (var table in tables)
        {
            if (session.SequenceOf(table.Name, table.Key[0]) is { } last) sequences[table.Name] = last;
        }

        return sequences;
    }

    private static void SetSequences(StoreSession session, TransferHeader header)
    {
        foreach (var table in header.Tables)
        {
            if (header.Sequences.TryGetValue(table.Name, out var last) && last > 0) session.SetSequence(table.Name, table.Key[0], last);
        }
    }
}
