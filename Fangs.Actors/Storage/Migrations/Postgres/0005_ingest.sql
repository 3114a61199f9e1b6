-- Texts are compared byte by byte, as in SQLite: ids, versions and prefixes must not sort by the customs of a country. Nothing is rewritten
-- by this but the indexes.
DO $$
DECLARE c RECORD;
BEGIN
  FOR c IN SELECT table_name, column_name FROM information_schema.columns
    WHERE table_schema = current_schema() AND data_type = 'text' AND collation_name IS DISTINCT FROM 'C'
      AND table_name IN ('packages', 'releases', 'runs', 'events', 'baseline_fingerprints', 'deviations', 'notifiers', 'notifications', 'allowlists')
  LOOP
    EXECUTE format('ALTER TABLE %I ALTER COLUMN %I TYPE TEXT COLLATE "C"', c.table_name, c.column_name);
  END LOOP;
END $$;

-- A payload is kept as it came. JSONB is another text of the same object, and refuses strings that JSON allows (half of a surrogate pair):
-- whoever makes a package emit one could have its events refused.
ALTER TABLE events ALTER COLUMN data TYPE JSON USING data::text::json;

-- Stored once: a batch is known by (run_id, seq). Its events have the ids first_event_id .. first_event_id + events - 1.
CREATE TABLE event_batches (
  run_id TEXT COLLATE "C" NOT NULL REFERENCES runs(id) ON DELETE CASCADE,
  seq BIGINT NOT NULL,
  received_at TIMESTAMPTZ NOT NULL,
  first_event_id BIGINT NOT NULL,
  events BIGINT NOT NULL,
  PRIMARY KEY (run_id, seq)
);

ALTER TABLE events ADD COLUMN ktime_ns BIGINT;
ALTER TABLE events ADD COLUMN seq BIGINT;

-- What a run did, kept up to date in the transaction that stores the events.
CREATE TABLE run_fingerprints (
  run_id TEXT COLLATE "C" NOT NULL REFERENCES runs(id) ON DELETE CASCADE,
  category TEXT COLLATE "C" NOT NULL,
  value TEXT COLLATE "C" NOT NULL,
  role TEXT COLLATE "C" NOT NULL DEFAULT '',
  phase TEXT COLLATE "C" NOT NULL DEFAULT '',
  count BIGINT NOT NULL,
  first_event_id BIGINT NOT NULL,
  first_ktime_ns BIGINT NOT NULL,
  tags INTEGER NOT NULL DEFAULT 0,
  PRIMARY KEY (run_id, category, value, role, phase)
);

-- Events of a run by type; counting rows of a large run takes too long for a list.
CREATE TABLE run_event_counts (
  run_id TEXT COLLATE "C" NOT NULL REFERENCES runs(id) ON DELETE CASCADE,
  type TEXT COLLATE "C" NOT NULL,
  count BIGINT NOT NULL,
  PRIMARY KEY (run_id, type)
);

CREATE TABLE run_history (
  id BIGSERIAL PRIMARY KEY,
  run_id TEXT COLLATE "C" NOT NULL REFERENCES runs(id) ON DELETE CASCADE,
  at TIMESTAMPTZ NOT NULL,
  what TEXT COLLATE "C" NOT NULL,
  detail TEXT COLLATE "C" NOT NULL DEFAULT ''
);
CREATE INDEX run_history_run ON run_history (run_id, id);

ALTER TABLE runs ADD COLUMN retry_of TEXT COLLATE "C";
ALTER TABLE runs ADD COLUMN runner_id TEXT COLLATE "C" NOT NULL DEFAULT '';
ALTER TABLE runs ADD COLUMN job_kind TEXT COLLATE "C" NOT NULL DEFAULT '';
ALTER TABLE runs ADD COLUMN queued_at TIMESTAMPTZ;
ALTER TABLE runs ADD COLUMN result_digest TEXT COLLATE "C" NOT NULL DEFAULT '';
ALTER TABLE runs ADD COLUMN interrupted BOOLEAN NOT NULL DEFAULT FALSE;
ALTER TABLE runs ADD COLUMN npm_exit INTEGER;
ALTER TABLE runs ADD COLUMN output_tail TEXT COLLATE "C" NOT NULL DEFAULT '';
ALTER TABLE runs ADD COLUMN image_digest TEXT COLLATE "C" NOT NULL DEFAULT '';
ALTER TABLE runs ADD COLUMN events_over_cap BIGINT NOT NULL DEFAULT 0;
ALTER TABLE runs ADD COLUMN seq_gaps BIGINT NOT NULL DEFAULT 0;
ALTER TABLE runs ADD COLUMN saw_exec BOOLEAN NOT NULL DEFAULT FALSE;
ALTER TABLE runs ADD COLUMN bad_batches BIGINT NOT NULL DEFAULT 0;
ALTER TABLE runs ADD COLUMN conclusive BOOLEAN;
ALTER TABLE runs ADD COLUMN inconclusive_reason TEXT COLLATE "C" NOT NULL DEFAULT '';
CREATE INDEX runs_started ON runs (started_at DESC NULLS LAST, id DESC);
