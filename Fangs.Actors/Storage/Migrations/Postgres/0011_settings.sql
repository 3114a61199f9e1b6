-- The settings by which runs are judged, as the orchestrator was last started with them: commands that judge while it is down use the same,
-- and a start with others judges again what they may concern. One row at most.
CREATE TABLE analysis_settings (
  one INTEGER PRIMARY KEY CHECK (one = 1),
  min_runs INTEGER NOT NULL CHECK (min_runs > 0),
  cdn_enabled BOOLEAN NOT NULL,
  -- Ranges separated by spaces.
  cdn_extra TEXT COLLATE "C" NOT NULL,
  changed_at TIMESTAMPTZ NOT NULL
);

-- Whether the runs from which an expired entry had hidden something were marked to be judged again.
ALTER TABLE allowlists ADD COLUMN is_over BOOLEAN NOT NULL DEFAULT FALSE;
CREATE INDEX allowlists_expiry ON allowlists (expires_at) WHERE expires_at IS NOT NULL AND NOT is_over;
