-- Alerts that are to be delivered, written with the deviations that they tell of. A row goes when its alert is delivered or given up.
CREATE TABLE notification_outbox (
  run_id TEXT COLLATE "C" NOT NULL REFERENCES runs(id) ON DELETE CASCADE,
  notifier_name TEXT COLLATE "C" NOT NULL REFERENCES notifiers(name) ON DELETE CASCADE,
  -- Which alert of the run it is, see runs.alert_revision.
  revision BIGINT NOT NULL,
  -- Attempts made so far.
  attempt INTEGER NOT NULL DEFAULT 0,
  next_attempt_at TIMESTAMPTZ NOT NULL,
  created_at TIMESTAMPTZ NOT NULL,
  PRIMARY KEY (run_id, notifier_name, revision)
);
CREATE INDEX notification_outbox_due ON notification_outbox (notifier_name, next_attempt_at);

-- How often new deviations have appeared in the run; each time is worth one alert per target.
ALTER TABLE runs ADD COLUMN alert_revision BIGINT NOT NULL DEFAULT 0;
