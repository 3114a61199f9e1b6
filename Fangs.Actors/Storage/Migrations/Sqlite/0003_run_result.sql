-- Upstream's schema: what the result of a run says.
ALTER TABLE runs ADD COLUMN events_emitted INTEGER NOT NULL DEFAULT 0;
ALTER TABLE runs ADD COLUMN events_dropped INTEGER NOT NULL DEFAULT 0;
ALTER TABLE runs ADD COLUMN duration_ns INTEGER NOT NULL DEFAULT 0;
