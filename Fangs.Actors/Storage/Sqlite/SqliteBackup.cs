using Fangs.Actors.Storage.Transfer;
using Microsoft.Data.Sqlite;
using SQLitePCL;

namespace Fangs.Actors.Storage.Sqlite;

/// <summary>Copies a SQLite file while an orchestrator may be writing to it, see <see href="https://www.sqlite.org/backup.html"/>.</summary>
public static class SqliteBackup
{
    private const int PagesAtOnce = 256;

    /// <summary>Writes a new file that holds the database as it was at one moment, and looks whether it is sound.</summary>
    /// <param name="source">The file.</param>
    /// <param name="destination">A file that does not exist. It appears when it is complete.</param>
    /// <param name="progress">Told of the pages.</param>
    /// <param name="cancellationToken">Stops it; no file is left.</param>
    /// <returns>Size of the new file in bytes.</returns>
    /// <exception cref="IOException">The destination exists or cannot be written.</exception>
    /// <exception cref="StorageException">The copy is not sound.</exception>
    /// <exception cref="SqliteException">The database cannot be read or the copy not written.</exception>
    public static long Run(string source, string destination, Action<TransferProgress> progress, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(progress);
        using var target = new NewFile(destination);
        target.Create().Dispose();
        try
        {
            Copy(source, target.PartPath, progress, cancellationToken);
            Verify(target.PartPath);
            return target.Complete();
        }
        finally
        {
            foreach (var rest in new[] { "-wal", "-shm", "-journal" }) File.Delete(target.PartPath + rest);
        }
    }

    private static void Copy(string source, string part, Action<TransferProgress> progress, CancellationToken cancellationToken)
    {
        using var from = Open(source, SqliteOpenMode.ReadOnly);
        using var to = Open(part, SqliteOpenMode.ReadWrite);
        // One transaction all the time: a writer that goes on would make the copy begin anew with each of its commits.
        using var begin = from.CreateCommand();
        begin.CommandText = "BEGIN; SELECT count(*) FROM sqlite_master;";
        begin.ExecuteScalar();
        using var backup = raw.sqlite3_backup_init(to.Handle, "main", from.Handle, "main");
        if (backup.IsInvalid) throw new SqliteException(raw.sqlite3_errmsg(to.Handle).utf8_to_string(), raw.sqlite3_errcode(to.Handle));
        int result;
        do
        {
            cancellationToken.ThrowIfCancellationRequested();
            result = raw.sqlite3_backup_step(backup, PagesAtOnce);
            var total = raw.sqlite3_backup_pagecount(backup);
            progress(new TransferProgress("pages", total - raw.sqlite3_backup_remaining(backup), total, result == raw.SQLITE_DONE));
        }
        while (result == raw.SQLITE_OK);

        if (result != raw.SQLITE_DONE) throw new SqliteException($"the copy ended early: {raw.sqlite3_errstr(result).utf8_to_string()}", result);
    }

    private static void Verify(string part)
    {
        using var copy = Open(part, SqliteOpenMode.ReadWrite);
        using var command = copy.CreateCommand();
        command.CommandText = "PRAGMA quick_check(1)";
        var answer = (string)command.ExecuteScalar()!;
        if (answer != "ok") throw new StorageException($"The copy is not sound: {answer}");
    }

    private static SqliteConnection Open(string path, SqliteOpenMode mode)
    {
        var connection = new SqliteConnection(new SqliteConnectionStringBuilder { DataSource = path, Mode = mode, Pooling = false, DefaultTimeout = 5 }.ToString());
        connection.Open();
        return connection;
    }
}
