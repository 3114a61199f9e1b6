using System.IO.Pipelines;
using Fangs.Actors.Ingest;
using Fangs.Actors.Storage.Sqlite;
using Fangs.Protocol;
using Fangs.Protocol.Events;
using Microsoft.Data.Sqlite;
using SQLitePCL;

namespace Fangs.Benchmarks.Load;

/// <summary>
/// The limit that SQLite sets: the rows that the ingest writes, into the same tables with the same settings, by nothing but the C interface
/// of SQLite on one thread. No HTTP, no parsing, no fingerprints.
/// </summary>
internal static class RawLoad
{
    private const int RowsPerCommit = 16_384;
    private const string InsertBatchSql = "INSERT INTO event_batches (run_id, seq, received_at, first_event_id, events) VALUES (?, ?, '2026-01-01T00:00:00.000000000Z', ?, ?)";
    private const string InsertEventSql = "INSERT INTO events (id, run_id, ts_ns, type, data, ktime_ns, seq) VALUES (?, ?, ?, ?, ?, ?, ?)";

    public static async Task<Figures> MeasureAsync(LoadSettings settings, PayloadKind kind, CancellationToken cancellationToken)
    {
        var figures = new Figures($"raw/{IngestLoad.NameOf(kind)}");
        var directory = Directory.CreateTempSubdirectory("fangs-load-").FullName;
        try
        {
            var run = RunId.New(TimeProvider.System);
            using var batches = await PrepareAsync(run, kind, cancellationToken);
            using var database = SqliteDatabase.OpenExclusive(Orchestrator.DatabaseIn(directory));
            using var connection = database.OpenWriter();
            using (var insert = connection.CreateCommand())
            {
                insert.CommandText = "INSERT INTO runs (id, package_name, version, state, attempt, started_at) VALUES ($id, 'left-thing', '1.0.0', 'pending', 1, '2026-01-01T00:00:00.000000000Z')";
                insert.Parameters.AddWithValue("$id", run.ToString());
                insert.ExecuteNonQuery();
            }

            var inserter = new Inserter(connection, run, batches.Items);
            inserter.Run(TimeSpan.FromSeconds(1));
            var (began, cpu, before) = (TimeProvider.System.GetTimestamp(), Environment.CpuUsage.TotalTime, inserter.Rows);
            inserter.Run(settings.Window / 2);
            var rows = inserter.Rows - before;
            figures["rows_per_s"] = rows / TimeProvider.System.GetElapsedTime(began).TotalSeconds;
            figures["cpu_us_per_row"] = (Environment.CpuUsage.TotalTime - cpu).TotalMicroseconds / rows;
            figures["stored_bytes_per_payload"] = batches.Items.Average(b => (double)b.PayloadBytes / b.Events.Length);
            return figures;
        }
        finally
        {
            SqliteConnection.ClearAllPools();
            Directory.Delete(directory, recursive: true);
        }
    }

    private static async Task<PreparedBatches> PrepareAsync(RunId run, PayloadKind kind, CancellationToken cancellationToken)
    {
        var load = new EventLoad(run.ToString(), kind);
        var preparer = new BatchPreparer();
        var batches = new List<PreparedBatch>();
        for (var seq = 1; seq <= 16; seq++)
        {
            using var reader = new EventBatchReader(PipeReader.Create(new System.Buffers.ReadOnlySequence<byte>(load.Body(seq))));
            using var batch = await reader.ReadAsync(cancellationToken) ?? throw new LoadException("A batch was empty.");
            batches.Add(preparer.Prepare(batch, run));
        }

        return new PreparedBatches(batches);
    }

    private sealed record PreparedBatches(IReadOnlyList<PreparedBatch> Items) : IDisposable
    {
        public void Dispose()
        {
            foreach (var item in Items) item.Dispose();
        }
    }

    private sealed class Inserter(SqliteConnection connection, RunId run, IReadOnlyList<PreparedBatch> batches)
    {
        private readonly string _run = run.ToString();
        private long _seq;

        public long Rows { get; private set; }

        public void Run(TimeSpan time)
        {
            var handle = connection.Handle!;
            raw.sqlite3_prepare_v2(handle, InsertBatchSql, out var insertBatch);
            raw.sqlite3_prepare_v2(handle, InsertEventSql, out var insertEvent);
            using (insertBatch)
            using (insertEvent)
            {
                var began = TimeProvider.System.GetTimestamp();
                while (TimeProvider.System.GetElapsedTime(began) < time)
                {
                    Check(raw.sqlite3_exec(handle, "BEGIN IMMEDIATE"));
                    for (var rows = 0; rows < RowsPerCommit; rows += batches[0].Events.Length)
                        Insert(batches[(int)(++_seq % batches.Count)], insertBatch, insertEvent);
                    Check(raw.sqlite3_exec(handle, "COMMIT"));
                }
            }
        }

        private void Insert(PreparedBatch batch, sqlite3_stmt insertBatch, sqlite3_stmt insertEvent)
        {
            raw.sqlite3_bind_text(insertBatch, 1, _run);
            raw.sqlite3_bind_int64(insertBatch, 2, _seq);
            raw.sqlite3_bind_int64(insertBatch, 3, Rows + 1);
            raw.sqlite3_bind_int64(insertBatch, 4, batch.Events.Length);
            Step(insertBatch);
            raw.sqlite3_bind_text(insertEvent, 2, _run);
            raw.sqlite3_bind_int64(insertEvent, 3, 1_800_000_000_000_000_000);
            raw.sqlite3_bind_int64(insertEvent, 7, _seq);
            foreach (var e in batch.Events)
            {
                raw.sqlite3_bind_int64(insertEvent, 1, ++Rows);
                raw.sqlite3_bind_text(insertEvent, 4, e.TypeName);
                raw.sqlite3_bind_text(insertEvent, 5, batch.PayloadOf(e).Span);
                raw.sqlite3_bind_int64(insertEvent, 6, e.KtimeNs ?? 0);
                Step(insertEvent);
            }
        }

        private static void Step(sqlite3_stmt statement)
        {
            if (raw.sqlite3_step(statement) != raw.SQLITE_DONE) throw new LoadException("SQLite did not take a row.");
            raw.sqlite3_reset(statement);
        }

        private static void Check(int code)
        {
            if (code != raw.SQLITE_OK) throw new LoadException($"SQLite answered {code}.");
        }
    }
}
