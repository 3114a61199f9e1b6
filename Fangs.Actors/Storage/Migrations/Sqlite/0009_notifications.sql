-- Alerts that are to be delivered, written with the deviations that they tell of. A row goes when its alert is delivered or given up.
CREATE TABLE notification_outbox (
  run_id TEXT NOT NULL REFERENCES runs(id) ON DELETE CASCADE,
  notifier_name TEXT NOT NULL REFERENCES notifiers(name) ON DELETE CASCADE,
  -- Which alert of the run it is, see runs.alert_revision.
  revision INTEGER NOT NULL,
  -- Attempts made so far.
  attempt INTEGER NOT NULL DEFAULT 0,
  next_attempt_at TEXT NOT NULL,
  created_at TEXT NOT NULL,
  PRIMARY KEY (run_id, notifier_name, revision)
);
CREATE INDEX notification_outbox_due ON notification_outbox (notifier_name, next_attempt_at);

-- How often new deviations have appeared in the run; each time is worth one alert per target.
ALTER TABLE runs ADD COLUMN alert_revision INTEGER NOT NULL DEFAULT 0;
