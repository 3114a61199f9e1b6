-- Upstream's schema: what the result of a run says.
ALTER TABLE runs ADD COLUMN events_emitted BIGINT NOT NULL DEFAULT 0;
ALTER TABLE runs ADD COLUMN events_dropped BIGINT NOT NULL DEFAULT 0;
ALTER TABLE runs ADD COLUMN duration_ns BIGINT NOT NULL DEFAULT 0;
