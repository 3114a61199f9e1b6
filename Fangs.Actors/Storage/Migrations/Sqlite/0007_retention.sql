-- What retention has taken from a run. The numbers keep the judgement of gaps and the de-duplication right after the batches are gone.
ALTER TABLE runs ADD COLUMN pruned_at TEXT;
ALTER TABLE runs ADD COLUMN pruned_batches INTEGER NOT NULL DEFAULT 0;
-- Highest number of a batch that is gone: whatever comes with this number or a lower one is not stored again.
ALTER TABLE runs ADD COLUMN pruned_seq INTEGER NOT NULL DEFAULT 0;
