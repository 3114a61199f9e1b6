-- Stored once: a batch is known by (run_id, seq). Its events have the ids first_event_id .. first_event_id + events - 1.
CREATE TABLE event_batches (
  run_id TEXT NOT NULL REFERENCES runs(id) ON DELETE CASCADE,
  seq INTEGER NOT NULL,
  received_at TEXT NOT NULL,
  first_event_id INTEGER NOT NULL,
  events INTEGER NOT NULL,
  PRIMARY KEY (run_id, seq)
) WITHOUT ROWID;

ALTER TABLE events ADD COLUMN ktime_ns INTEGER;
ALTER TABLE events ADD COLUMN seq INTEGER;

-- What a run did, kept up to date in the transaction that stores the events.
CREATE TABLE run_fingerprints (
  run_id TEXT NOT NULL REFERENCES runs(id) ON DELETE CASCADE,
  category TEXT NOT NULL,
  value TEXT NOT NULL,
  role TEXT NOT NULL DEFAULT '',
  phase TEXT NOT NULL DEFAULT '',
  count INTEGER NOT NULL,
  first_event_id INTEGER NOT NULL,
  first_ktime_ns INTEGER NOT NULL,
  tags INTEGER NOT NULL DEFAULT 0,
  PRIMARY KEY (run_id, category, value, role, phase)
) WITHOUT ROWID;

-- Events of a run by type; counting rows of a large run takes too long for a list.
CREATE TABLE run_event_counts (
  run_id TEXT NOT NULL REFERENCES runs(id) ON DELETE CASCADE,
  type TEXT NOT NULL,
  count INTEGER NOT NULL,
  PRIMARY KEY (run_id, type)
) WITHOUT ROWID;

CREATE TABLE run_history (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  run_id TEXT NOT NULL REFERENCES runs(id) ON DELETE CASCADE,
  at TEXT NOT NULL,
  what TEXT NOT NULL,
  detail TEXT NOT NULL DEFAULT ''
);
CREATE INDEX run_history_run ON run_history (run_id, id);

ALTER TABLE runs ADD COLUMN retry_of TEXT;
ALTER TABLE runs ADD COLUMN runner_id TEXT NOT NULL DEFAULT '';
ALTER TABLE runs ADD COLUMN job_kind TEXT NOT NULL DEFAULT '';
ALTER TABLE runs ADD COLUMN queued_at TEXT;
ALTER TABLE runs ADD COLUMN result_digest TEXT NOT NULL DEFAULT '';
ALTER TABLE runs ADD COLUMN interrupted INTEGER NOT NULL DEFAULT 0;
ALTER TABLE runs ADD COLUMN npm_exit INTEGER;
ALTER TABLE runs ADD COLUMN output_tail TEXT NOT NULL DEFAULT '';
ALTER TABLE runs ADD COLUMN image_digest TEXT NOT NULL DEFAULT '';
ALTER TABLE runs ADD COLUMN events_over_cap INTEGER NOT NULL DEFAULT 0;
ALTER TABLE runs ADD COLUMN seq_gaps INTEGER NOT NULL DEFAULT 0;
ALTER TABLE runs ADD COLUMN saw_exec INTEGER NOT NULL DEFAULT 0;
ALTER TABLE runs ADD COLUMN bad_batches INTEGER NOT NULL DEFAULT 0;
ALTER TABLE runs ADD COLUMN conclusive INTEGER;
ALTER TABLE runs ADD COLUMN inconclusive_reason TEXT NOT NULL DEFAULT '';
CREATE INDEX runs_started ON runs (started_at);
