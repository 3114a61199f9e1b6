-- The watcher: when each package is polled, what the last poll learned, and what became of each release.
ALTER TABLE packages ADD COLUMN next_check_at TIMESTAMPTZ;
-- Failed polls in a row, and what the last of them said; 0 and '' after one that went well.
ALTER TABLE packages ADD COLUMN failure_count INTEGER NOT NULL DEFAULT 0;
ALTER TABLE packages ADD COLUMN last_error TEXT COLLATE "C" NOT NULL DEFAULT '';
-- The registry's tag of the document that is recorded completely.
ALTER TABLE packages ADD COLUMN etag TEXT COLLATE "C" NOT NULL DEFAULT '';
-- What the registry calls latest; last_seen_version follows when its scan is queued.
ALTER TABLE packages ADD COLUMN latest_version TEXT COLLATE "C" NOT NULL DEFAULT '';
-- Since when every version of the registry is recorded, so that whatever is not recorded is new; null before the first poll.
ALTER TABLE packages ADD COLUMN complete_since TIMESTAMPTZ;

-- '': recorded by somebody else ('package add', upstream); 'waiting': to be scanned; 'queueing': run_id is given, the job queue may or may not
-- have its job; 'queued': the run exists; 'skipped': is not scanned, skip_reason says why.
ALTER TABLE releases ADD COLUMN state TEXT COLLATE "C" NOT NULL DEFAULT '' CHECK (state IN ('', 'waiting', 'queueing', 'queued', 'skipped'));
ALTER TABLE releases ADD COLUMN run_id TEXT COLLATE "C" NOT NULL DEFAULT '';
ALTER TABLE releases ADD COLUMN skip_reason TEXT COLLATE "C" NOT NULL DEFAULT '';
-- What upstream's column tarball_sha256 holds, under its right name.
ALTER TABLE releases ADD COLUMN tarball_sha1 TEXT COLLATE "C" NOT NULL DEFAULT '';
UPDATE releases SET tarball_sha1 = tarball_sha256 WHERE length(tarball_sha256) = 40;

-- Upstream marked a release as seen before its scan was submitted, so some were never scanned. The last one still is.
UPDATE releases SET
  run_id = coalesce((SELECT id FROM runs r WHERE r.package_name = releases.package_name AND r.version = releases.version AND r.state <> 'failed'
    ORDER BY started_at DESC NULLS LAST, id DESC LIMIT 1), '');
UPDATE releases SET
  state = CASE WHEN run_id <> '' THEN 'queued'
    WHEN version = (SELECT last_seen_version FROM packages WHERE name = releases.package_name) THEN 'waiting'
    ELSE 'skipped' END;
UPDATE releases SET skip_reason = 'recorded but never scanned by an earlier version' WHERE state = 'skipped';
CREATE INDEX releases_open ON releases (package_name) WHERE state IN ('', 'waiting', 'queueing');

-- Finds the runs of a release.
CREATE INDEX runs_release ON runs (package_name, version);
-- Subresource integrity of the package as npm recorded what it installed.
ALTER TABLE runs ADD COLUMN npm_integrity TEXT COLLATE "C" NOT NULL DEFAULT '';
