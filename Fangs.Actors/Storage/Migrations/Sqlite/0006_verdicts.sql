-- Analysis and the operator's decisions.
ALTER TABLE runs ADD COLUMN analyzed_at TEXT;
ALTER TABLE runs ADD COLUMN rules_version INTEGER NOT NULL DEFAULT 0;
-- Who put the run into the baseline: 'auto' (seeded or without deviation), 'manual', or '' when it is not in it. 'manual' on a run that
-- is not in it: a person has taken it out, and analysis leaves it out.
ALTER TABLE runs ADD COLUMN baseline_by TEXT NOT NULL DEFAULT '';
UPDATE runs SET baseline_by = 'auto' WHERE is_baseline = 1;
-- Runs that upstream has ended were analysed by it; they have no fingerprints of their own to do it again.
UPDATE runs SET analyzed_at = coalesce(finished_at, started_at) WHERE state IN ('done', 'failed') AND result_digest = '';
UPDATE runs SET inconclusive_reason = 'recorded by the original, which does not tell whether events are missing'
  WHERE state IN ('done', 'failed') AND result_digest = '' AND conclusive IS NULL;
CREATE INDEX runs_to_analyse ON runs (package_name) WHERE analyzed_at IS NULL;

-- Version of the rules (PathRules.Version) under which the value was normalised; 0: by upstream.
ALTER TABLE baseline_fingerprints ADD COLUMN rules_version INTEGER NOT NULL DEFAULT 0;

-- Runs that are counted in occurrence_count, so that none counts twice.
CREATE TABLE baseline_runs (
  package_name TEXT NOT NULL,
  run_id TEXT NOT NULL REFERENCES runs(id) ON DELETE CASCADE,
  PRIMARY KEY (package_name, run_id)
) WITHOUT ROWID;
INSERT INTO baseline_runs (package_name, run_id) SELECT package_name, id FROM runs WHERE is_baseline = 1 AND package_name <> '';

-- Rebuilt, because deleting an event must not delete the finding that it proves: upstream cascades.
CREATE TABLE deviations_rebuilt (
  id TEXT PRIMARY KEY,
  run_id TEXT NOT NULL REFERENCES runs(id) ON DELETE CASCADE,
  category TEXT NOT NULL,
  value TEXT NOT NULL,
  evidence_event_id INTEGER NOT NULL REFERENCES events(id) ON DELETE RESTRICT,
  severity TEXT NOT NULL,
  detected_at TEXT NOT NULL,
  notified_at TEXT,
  suppressed INTEGER NOT NULL DEFAULT 0,
  -- 'open'; 'note': learned, but shown because it touched credentials; 'accepted'; 'rejected'.
  status TEXT NOT NULL DEFAULT 'open' CHECK (status IN ('open', 'note', 'accepted', 'rejected')),
  decided_by TEXT NOT NULL DEFAULT '',
  decided_at TEXT,
  note TEXT NOT NULL DEFAULT '',
  credential INTEGER NOT NULL DEFAULT 0,
  -- Who did it and in which phase, as far as the runner tells; those of the evidence.
  role TEXT NOT NULL DEFAULT '',
  phase TEXT NOT NULL DEFAULT '',
  count INTEGER NOT NULL DEFAULT 1,
  -- 1: stands for further deviations of the category beyond the limit of a run.
  is_summary INTEGER NOT NULL DEFAULT 0
);
INSERT INTO deviations_rebuilt (id, run_id, category, value, evidence_event_id, severity, detected_at, notified_at, suppressed)
  SELECT id, run_id, category, value, evidence_event_id, severity, detected_at, notified_at, suppressed FROM deviations;
DROP TABLE deviations;
ALTER TABLE deviations_rebuilt RENAME TO deviations;
CREATE INDEX deviations_run ON deviations (run_id);
CREATE INDEX deviations_detected ON deviations (detected_at);
CREATE INDEX deviations_open ON deviations (run_id) WHERE status IN ('open', 'note');
-- The foreign key to events is checked from the other side when retention deletes an event.
CREATE INDEX deviations_evidence ON deviations (evidence_event_id);

-- Rebuilt, because upstream's check does not know kind 'dns'. Duplicates of upstream collapse into the oldest.
CREATE TABLE allowlists_rebuilt (
  id TEXT PRIMARY KEY,
  scope TEXT NOT NULL CHECK (scope IN ('global', 'package')),
  package_name TEXT,
  kind TEXT NOT NULL CHECK (kind IN ('cidr', 'path', 'sni', 'dns')),
  value TEXT NOT NULL,
  note TEXT NOT NULL DEFAULT '',
  created_at TEXT NOT NULL,
  expires_at TEXT,
  created_by TEXT NOT NULL DEFAULT '',
  CHECK ((scope = 'global') = (package_name IS NULL))
);
CREATE UNIQUE INDEX allowlists_entry ON allowlists_rebuilt (scope, coalesce(package_name, ''), kind, value);
INSERT OR IGNORE INTO allowlists_rebuilt (id, scope, package_name, kind, value, note, created_at)
  SELECT id, scope, package_name, kind, value, note, created_at FROM allowlists ORDER BY created_at, id;
DROP TABLE allowlists;
ALTER TABLE allowlists_rebuilt RENAME TO allowlists;
CREATE INDEX allowlists_package ON allowlists (package_name);
CREATE INDEX allowlists_scope ON allowlists (scope);

-- Rebuilt, because the registry does not tell when every version was published; upstream stores year 1 then.
CREATE TABLE releases_rebuilt (
  package_name TEXT NOT NULL REFERENCES packages(name) ON DELETE CASCADE,
  version TEXT NOT NULL,
  -- Upstream's name; what it holds is npm's shasum, a SHA-1.
  tarball_sha256 TEXT NOT NULL,
  npm_integrity TEXT NOT NULL,
  published_at TEXT,
  discovered_at TEXT NOT NULL,
  PRIMARY KEY (package_name, version)
);
INSERT INTO releases_rebuilt (package_name, version, tarball_sha256, npm_integrity, published_at, discovered_at)
  SELECT package_name, version, tarball_sha256, npm_integrity, iif(published_at LIKE '0001-%', NULL, published_at), discovered_at FROM releases;
DROP TABLE releases;
ALTER TABLE releases_rebuilt RENAME TO releases;

-- Every change by an operator or by the configuration file.
CREATE TABLE audit_log (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  at TEXT NOT NULL,
  actor TEXT NOT NULL,
  action TEXT NOT NULL,
  subject TEXT NOT NULL,
  detail TEXT NOT NULL DEFAULT '{}'
);
CREATE INDEX audit_log_subject ON audit_log (subject, id);

-- Upstream drops trailing zeros of the fraction, so that the order of its texts is not the order of time. From here on: nine digits.
UPDATE packages SET added_at = substr(added_at, 1, 19) || '.' || substr(iif(substr(added_at, 20, 1) = '.', rtrim(substr(added_at, 21), 'Z'), '') || '000000000', 1, 9) || 'Z'
  WHERE added_at GLOB '????-??-??T??:??:??*Z' AND length(added_at) <> 30;
UPDATE packages SET last_checked_at = substr(last_checked_at, 1, 19) || '.' || substr(iif(substr(last_checked_at, 20, 1) = '.', rtrim(substr(last_checked_at, 21), 'Z'), '') || '000000000', 1, 9) || 'Z'
  WHERE last_checked_at GLOB '????-??-??T??:??:??*Z' AND length(last_checked_at) <> 30;
UPDATE releases SET published_at = substr(published_at, 1, 19) || '.' || substr(iif(substr(published_at, 20, 1) = '.', rtrim(substr(published_at, 21), 'Z'), '') || '000000000', 1, 9) || 'Z'
  WHERE published_at GLOB '????-??-??T??:??:??*Z' AND length(published_at) <> 30;
UPDATE releases SET discovered_at = substr(discovered_at, 1, 19) || '.' || substr(iif(substr(discovered_at, 20, 1) = '.', rtrim(substr(discovered_at, 21), 'Z'), '') || '000000000', 1, 9) || 'Z'
  WHERE discovered_at GLOB '????-??-??T??:??:??*Z' AND length(discovered_at) <> 30;
UPDATE runs SET started_at = substr(started_at, 1, 19) || '.' || substr(iif(substr(started_at, 20, 1) = '.', rtrim(substr(started_at, 21), 'Z'), '') || '000000000', 1, 9) || 'Z'
  WHERE started_at GLOB '????-??-??T??:??:??*Z' AND length(started_at) <> 30;
UPDATE runs SET finished_at = substr(finished_at, 1, 19) || '.' || substr(iif(substr(finished_at, 20, 1) = '.', rtrim(substr(finished_at, 21), 'Z'), '') || '000000000', 1, 9) || 'Z'
  WHERE finished_at GLOB '????-??-??T??:??:??*Z' AND length(finished_at) <> 30;
UPDATE runs SET analyzed_at = coalesce(finished_at, started_at) WHERE analyzed_at IS NOT NULL;
UPDATE deviations SET detected_at = substr(detected_at, 1, 19) || '.' || substr(iif(substr(detected_at, 20, 1) = '.', rtrim(substr(detected_at, 21), 'Z'), '') || '000000000', 1, 9) || 'Z'
  WHERE detected_at GLOB '????-??-??T??:??:??*Z' AND length(detected_at) <> 30;
UPDATE deviations SET notified_at = substr(notified_at, 1, 19) || '.' || substr(iif(substr(notified_at, 20, 1) = '.', rtrim(substr(notified_at, 21), 'Z'), '') || '000000000', 1, 9) || 'Z'
  WHERE notified_at GLOB '????-??-??T??:??:??*Z' AND length(notified_at) <> 30;
UPDATE notifiers SET created_at = substr(created_at, 1, 19) || '.' || substr(iif(substr(created_at, 20, 1) = '.', rtrim(substr(created_at, 21), 'Z'), '') || '000000000', 1, 9) || 'Z'
  WHERE created_at GLOB '????-??-??T??:??:??*Z' AND length(created_at) <> 30;
UPDATE notifiers SET updated_at = substr(updated_at, 1, 19) || '.' || substr(iif(substr(updated_at, 20, 1) = '.', rtrim(substr(updated_at, 21), 'Z'), '') || '000000000', 1, 9) || 'Z'
  WHERE updated_at GLOB '????-??-??T??:??:??*Z' AND length(updated_at) <> 30;
UPDATE notifications SET last_attempted_at = substr(last_attempted_at, 1, 19) || '.' || substr(iif(substr(last_attempted_at, 20, 1) = '.', rtrim(substr(last_attempted_at, 21), 'Z'), '') || '000000000', 1, 9) || 'Z'
  WHERE last_attempted_at GLOB '????-??-??T??:??:??*Z' AND length(last_attempted_at) <> 30;
UPDATE notifications SET next_attempt_at = substr(next_attempt_at, 1, 19) || '.' || substr(iif(substr(next_attempt_at, 20, 1) = '.', rtrim(substr(next_attempt_at, 21), 'Z'), '') || '000000000', 1, 9) || 'Z'
  WHERE next_attempt_at GLOB '????-??-??T??:??:??*Z' AND length(next_attempt_at) <> 30;
UPDATE notifications SET created_at = substr(created_at, 1, 19) || '.' || substr(iif(substr(created_at, 20, 1) = '.', rtrim(substr(created_at, 21), 'Z'), '') || '000000000', 1, 9) || 'Z'
  WHERE created_at GLOB '????-??-??T??:??:??*Z' AND length(created_at) <> 30;
UPDATE allowlists SET created_at = substr(created_at, 1, 19) || '.' || substr(iif(substr(created_at, 20, 1) = '.', rtrim(substr(created_at, 21), 'Z'), '') || '000000000', 1, 9) || 'Z'
  WHERE created_at GLOB '????-??-??T??:??:??*Z' AND length(created_at) <> 30;
