-- What retention has taken from a run. The numbers keep the judgement of gaps and the de-duplication right after the batches are gone.
ALTER TABLE runs ADD COLUMN pruned_at TIMESTAMPTZ;
ALTER TABLE runs ADD COLUMN pruned_batches BIGINT NOT NULL DEFAULT 0;
-- Highest number of a batch that is gone: whatever comes with this number or a lower one is not stored again.
ALTER TABLE runs ADD COLUMN pruned_seq BIGINT NOT NULL DEFAULT 0;
