-- Analysis and the operator's decisions.
ALTER TABLE runs ADD COLUMN analyzed_at TIMESTAMPTZ;
ALTER TABLE runs ADD COLUMN rules_version INTEGER NOT NULL DEFAULT 0;
-- Who put the run into the baseline: 'auto' (seeded or without deviation), 'manual', or '' when it is not in it. 'manual' on a run that
-- is not in it: a person has taken it out, and analysis leaves it out.
ALTER TABLE runs ADD COLUMN baseline_by TEXT COLLATE "C" NOT NULL DEFAULT '';
UPDATE runs SET baseline_by = 'auto' WHERE is_baseline;
-- Runs that upstream has ended were analysed by it; they have no fingerprints of their own to do it again.
UPDATE runs SET analyzed_at = coalesce(finished_at, started_at) WHERE state IN ('done', 'failed') AND result_digest = '';
UPDATE runs SET inconclusive_reason = 'recorded by the original, which does not tell whether events are missing'
  WHERE state IN ('done', 'failed') AND result_digest = '' AND conclusive IS NULL;
CREATE INDEX runs_to_analyse ON runs (package_name) WHERE analyzed_at IS NULL;

-- Version of the rules (PathRules.Version) under which the value was normalised; 0: by upstream.
ALTER TABLE baseline_fingerprints ADD COLUMN rules_version INTEGER NOT NULL DEFAULT 0;

-- Runs that are counted in occurrence_count, so that none counts twice.
CREATE TABLE baseline_runs (
  package_name TEXT COLLATE "C" NOT NULL,
  run_id TEXT COLLATE "C" NOT NULL REFERENCES runs(id) ON DELETE CASCADE,
  PRIMARY KEY (package_name, run_id)
);
INSERT INTO baseline_runs (package_name, run_id) SELECT package_name, id FROM runs WHERE is_baseline AND package_name <> '';

-- Deleting an event must not delete the finding that it proves: upstream cascades.
ALTER TABLE deviations DROP CONSTRAINT IF EXISTS deviations_evidence_event_id_fkey;
ALTER TABLE deviations ADD CONSTRAINT deviations_evidence_event_id_fkey FOREIGN KEY (evidence_event_id) REFERENCES events(id) ON DELETE RESTRICT;
-- 'open'; 'note': learned, but shown because it touched credentials; 'accepted'; 'rejected'.
ALTER TABLE deviations ADD COLUMN status TEXT COLLATE "C" NOT NULL DEFAULT 'open' CHECK (status IN ('open', 'note', 'accepted', 'rejected'));
ALTER TABLE deviations ADD COLUMN decided_by TEXT COLLATE "C" NOT NULL DEFAULT '';
ALTER TABLE deviations ADD COLUMN decided_at TIMESTAMPTZ;
ALTER TABLE deviations ADD COLUMN note TEXT COLLATE "C" NOT NULL DEFAULT '';
ALTER TABLE deviations ADD COLUMN credential BOOLEAN NOT NULL DEFAULT FALSE;
-- Who did it and in which phase, as far as the runner tells; those of the evidence.
ALTER TABLE deviations ADD COLUMN role TEXT COLLATE "C" NOT NULL DEFAULT '';
ALTER TABLE deviations ADD COLUMN phase TEXT COLLATE "C" NOT NULL DEFAULT '';
ALTER TABLE deviations ADD COLUMN count BIGINT NOT NULL DEFAULT 1;
-- True: stands for further deviations of the category beyond the limit of a run.
ALTER TABLE deviations ADD COLUMN is_summary BOOLEAN NOT NULL DEFAULT FALSE;
CREATE INDEX deviations_detected ON deviations (detected_at);
CREATE INDEX deviations_open ON deviations (run_id) WHERE status IN ('open', 'note');
-- The foreign key to events is checked from the other side when retention deletes an event.
CREATE INDEX deviations_evidence ON deviations (evidence_event_id);

-- Upstream's check does not know kind 'dns'. Duplicates of upstream collapse into the oldest.
ALTER TABLE allowlists DROP CONSTRAINT IF EXISTS allowlists_kind_check;
ALTER TABLE allowlists ADD CONSTRAINT allowlists_kind_check CHECK (kind IN ('cidr', 'path', 'sni', 'dns'));
ALTER TABLE allowlists ADD COLUMN expires_at TIMESTAMPTZ;
ALTER TABLE allowlists ADD COLUMN created_by TEXT COLLATE "C" NOT NULL DEFAULT '';
DELETE FROM allowlists a USING allowlists older
  WHERE (older.scope, coalesce(older.package_name, ''), older.kind, older.value) = (a.scope, coalesce(a.package_name, ''), a.kind, a.value)
    AND (older.created_at, older.id) < (a.created_at, a.id);
CREATE UNIQUE INDEX allowlists_entry ON allowlists (scope, coalesce(package_name, ''), kind, value);

-- The registry does not tell when every version was published; upstream stores year 1 then.
ALTER TABLE releases ALTER COLUMN published_at DROP NOT NULL;
UPDATE releases SET published_at = NULL WHERE published_at < '0002-01-01T00:00:00Z';

-- Every change by an operator or by the configuration file.
CREATE TABLE audit_log (
  id BIGSERIAL PRIMARY KEY,
  at TIMESTAMPTZ NOT NULL,
  actor TEXT COLLATE "C" NOT NULL,
  action TEXT COLLATE "C" NOT NULL,
  subject TEXT COLLATE "C" NOT NULL,
  detail JSON NOT NULL DEFAULT '{}'
);
CREATE INDEX audit_log_subject ON audit_log (subject, id);
