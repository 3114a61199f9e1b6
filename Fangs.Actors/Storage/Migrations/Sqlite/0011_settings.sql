-- The settings by which runs are judged, as the orchestrator was last started with them: commands that judge while it is down use the same,
-- and a start with others judges again what they may concern. One row at most.
CREATE TABLE analysis_settings (
  one INTEGER PRIMARY KEY CHECK (one = 1),
  min_runs INTEGER NOT NULL CHECK (min_runs > 0),
  cdn_enabled INTEGER NOT NULL CHECK (cdn_enabled IN (0, 1)),
  -- Ranges separated by spaces.
  cdn_extra TEXT NOT NULL,
  changed_at TEXT NOT NULL
);

-- Whether the runs from which an expired entry had hidden something were marked to be judged again.
ALTER TABLE allowlists ADD COLUMN is_over INTEGER NOT NULL DEFAULT 0 CHECK (is_over IN (0, 1));
CREATE INDEX allowlists_expiry ON allowlists (expires_at) WHERE expires_at IS NOT NULL AND is_over = 0;
