-- A database as the original leaves it: its four migrations and rows in every table. Written from its documented schema.
-- What makes it hard: times without trailing zeros, a year-1 publish date, duplicates, values that older rules left.
PRAGMA journal_mode = WAL;

CREATE TABLE schema_migrations (version TEXT PRIMARY KEY, applied_at TEXT NOT NULL DEFAULT CURRENT_TIMESTAMP);
INSERT INTO schema_migrations VALUES
  ('0001_init', '2026-01-01 00:00:00'), ('0002_notifiers', '2026-01-01 00:00:00'),
  ('0003_run_result', '2026-01-01 00:00:00'), ('0004_allowlists', '2026-01-01 00:00:00');

CREATE TABLE packages (
  name TEXT PRIMARY KEY,
  added_at TEXT NOT NULL,
  last_checked_at TEXT,
  last_seen_version TEXT
);
CREATE TABLE releases (
  package_name TEXT NOT NULL REFERENCES packages(name) ON DELETE CASCADE,
  version TEXT NOT NULL,
  tarball_sha256 TEXT NOT NULL,
  npm_integrity TEXT NOT NULL,
  published_at TEXT NOT NULL,
  discovered_at TEXT NOT NULL,
  PRIMARY KEY (package_name, version)
);
CREATE TABLE runs (
  id TEXT PRIMARY KEY,
  package_name TEXT NOT NULL DEFAULT '',
  version TEXT NOT NULL DEFAULT '',
  tarball_sha256 TEXT NOT NULL DEFAULT '',
  lockfile_sha256 TEXT NOT NULL DEFAULT '',
  node_version TEXT NOT NULL DEFAULT '',
  npm_version TEXT NOT NULL DEFAULT '',
  state TEXT NOT NULL,
  attempt INTEGER NOT NULL DEFAULT 1,
  is_baseline INTEGER NOT NULL DEFAULT 0,
  started_at TEXT,
  finished_at TEXT,
  failure_reason TEXT NOT NULL DEFAULT ''
);
CREATE INDEX idx_runs_package_state ON runs (package_name, state);
CREATE INDEX idx_runs_finished_at ON runs (finished_at);
CREATE TABLE events (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  run_id TEXT NOT NULL REFERENCES runs(id) ON DELETE CASCADE,
  ts_ns INTEGER NOT NULL,
  type TEXT NOT NULL,
  data TEXT NOT NULL
);
CREATE INDEX idx_events_run_ts ON events (run_id, ts_ns);
CREATE TABLE baseline_fingerprints (
  package_name TEXT NOT NULL,
  category TEXT NOT NULL,
  value TEXT NOT NULL,
  first_seen_run_id TEXT NOT NULL,
  last_seen_run_id TEXT NOT NULL,
  occurrence_count INTEGER NOT NULL,
  PRIMARY KEY (package_name, category, value)
);
CREATE TABLE deviations (
  id TEXT PRIMARY KEY,
  run_id TEXT NOT NULL REFERENCES runs(id) ON DELETE CASCADE,
  category TEXT NOT NULL,
  value TEXT NOT NULL,
  evidence_event_id INTEGER NOT NULL REFERENCES events(id) ON DELETE CASCADE,
  severity TEXT NOT NULL,
  detected_at TEXT NOT NULL,
  notified_at TEXT,
  suppressed INTEGER NOT NULL DEFAULT 0
);
CREATE INDEX idx_deviations_run ON deviations (run_id);

CREATE TABLE notifiers (
  name TEXT PRIMARY KEY,
  url TEXT NOT NULL,
  template TEXT NOT NULL,
  secret_env TEXT,
  headers TEXT,
  min_severity TEXT,
  enabled INTEGER NOT NULL DEFAULT 1,
  created_at TEXT NOT NULL,
  updated_at TEXT NOT NULL
);
CREATE TABLE notifications (
  id TEXT PRIMARY KEY,
  run_id TEXT NOT NULL REFERENCES runs(id) ON DELETE CASCADE,
  notifier_name TEXT NOT NULL REFERENCES notifiers(name) ON DELETE CASCADE,
  attempt INTEGER NOT NULL,
  status TEXT NOT NULL,
  last_attempted_at TEXT,
  next_attempt_at TEXT,
  response_code INTEGER,
  response_body TEXT,
  error_msg TEXT,
  deviation_count INTEGER NOT NULL DEFAULT 0,
  created_at TEXT NOT NULL
);
CREATE INDEX idx_notifications_status_next ON notifications (status, next_attempt_at);
CREATE INDEX idx_notifications_run ON notifications (run_id);

ALTER TABLE runs ADD COLUMN events_emitted INTEGER NOT NULL DEFAULT 0;
ALTER TABLE runs ADD COLUMN events_dropped INTEGER NOT NULL DEFAULT 0;
ALTER TABLE runs ADD COLUMN duration_ns INTEGER NOT NULL DEFAULT 0;

CREATE TABLE allowlists (
  id TEXT PRIMARY KEY,
  scope TEXT NOT NULL CHECK (scope IN ('global', 'package')),
  package_name TEXT,
  kind TEXT NOT NULL CHECK (kind IN ('cidr', 'path', 'sni')),
  value TEXT NOT NULL,
  note TEXT NOT NULL DEFAULT '',
  created_at TEXT NOT NULL,
  CHECK ((scope = 'global' AND package_name IS NULL) OR (scope = 'package' AND package_name IS NOT NULL))
);
CREATE INDEX idx_allowlists_package ON allowlists (package_name);
CREATE INDEX idx_allowlists_scope ON allowlists (scope);

INSERT INTO packages VALUES
  ('left-thing', '2026-01-02T03:00:00Z', '2026-01-02T03:04:06.5Z', '2.0.1'),
  ('@scope/never-checked', '2026-01-02T03:00:00.123456789Z', NULL, NULL);

INSERT INTO releases VALUES
  ('left-thing', '2.0.0', 'a9993e364706816aba3e25717850c26c9cd0d89d', 'sha512-AAAA', '2025-12-30T10:00:00.25Z', '2026-01-02T03:00:01Z'),
  ('left-thing', '2.0.1', 'da39a3ee5e6b4b0d3255bfef95601890afd80709', 'sha512-BBBB', '0001-01-01T00:00:00Z', '2026-01-02T03:00:01.5Z');

-- Ids are the clock in nanoseconds and zeros. The first two began in the same second; as text the later one sorts first.
INSERT INTO runs (id, package_name, version, state, is_baseline, started_at, finished_at, failure_reason, events_emitted, events_dropped, duration_ns) VALUES
  ('1886d1b1a3c5e0000000000000000000', 'left-thing', '2.0.0', 'done', 1, '2026-01-02T03:04:05Z', '2026-01-02T03:05:05.75Z', '', 3, 0, 60000000000),
  ('1886d1b1a3c5e1000000000000000000', 'left-thing', '2.0.1', 'done', 0, '2026-01-02T03:04:05.5Z', '2026-01-02T03:05:05.123456Z', '', 5, 2, 60500000000),
  ('1886d1b1a3c5e2000000000000000000', 'left-thing', '2.0.2', 'failed', 0, '2026-01-02T04:00:00.000000001Z', '2026-01-02T04:00:09Z', 'exit status 1', 1, 0, 9000000000),
  ('1886d1b1a3c5e3000000000000000000', '', '', 'done', 0, '2026-01-02T05:00:00Z', '2026-01-02T05:00:10Z', '', 1, 0, 10000000000),
  ('1886d1b1a3c5e4000000000000000000', '@scope/never-checked', '1.0.0', 'pending', 0, '2026-01-02T06:00:00.1Z', NULL, '', 0, 0, 0);

INSERT INTO events (id, run_id, ts_ns, type, data) VALUES
  (1, '1886d1b1a3c5e0000000000000000000', 1767323046000000000, 'exec', '{"Header":{"TsNs":18446744073709551615,"PID":10},"BinaryPathStr":"/usr/bin/node","ArgvStrs":["node","-v"],"CommStr":"node"}'),
  (2, '1886d1b1a3c5e0000000000000000000', 1767323046000000001, 'dns_query', '{"QName":"registry.example","QType":1,"ParseErr":null,"CommStr":"node"}'),
  (3, '1886d1b1a3c5e0000000000000000000', 1767323046000000002, 'file_access', '{"PathName":"/etc/hosts","Flags":0,"Path":[47,101,116,99,0],"CommStr":"node"}'),
  (4, '1886d1b1a3c5e1000000000000000000', 1767323047000000000, 'exec', '{"BinaryPathStr":"/usr/bin/node","CommStr":"node"}'),
  (5, '1886d1b1a3c5e1000000000000000000', 1767323047000000001, 'tls_sni', '{"SNI":"exfil.example","CommStr":"node"}'),
  (6, '1886d1b1a3c5e1000000000000000000', 1767323047000000002, 'net_connect', '{"DestIP":"1.1.1.1","DestPort":31337,"CommStr":"node"}'),
  (7, '1886d1b1a3c5e1000000000000000000', 1767323047000000003, 'file_access', '{"PathName":"/root/.ssh/id_rsa","Flags":0,"CommStr":"node"}'),
  (8, '1886d1b1a3c5e1000000000000000000', 1767323047000000004, 'unknown', '{}'),
  (9, '1886d1b1a3c5e2000000000000000000', 1767326400000000000, 'exec', '{"BinaryPathStr":"/bin/sh","CommStr":"sh"}'),
  (12, '1886d1b1a3c5e3000000000000000000', 1767330000000000000, 'exec', '{"BinaryPathStr":"/bin/true","CommStr":"true"}');

INSERT INTO baseline_fingerprints VALUES
  ('left-thing', 'proc_new_exec', '/usr/bin/node', '1886d1b1a3c5e0000000000000000000', '1886d1b1a3c5e1000000000000000000', 2),
  ('left-thing', 'fs_new_path_read', '/etc/hosts', '1886d1b1a3c5e0000000000000000000', '1886d1b1a3c5e0000000000000000000', 1),
  -- One file under two names. The first that was learned is the one that is not normal.
  ('left-thing', 'fs_new_path_read', '/usr/lib/node/../x.so', '1886d1b1a3c5e0000000000000000000', '1886d1b1a3c5e0000000000000000000', 4),
  ('left-thing', 'fs_new_path_read', '/usr/lib/x.so', '1886d1b1a3c5e1000000000000000000', '1886d1b1a3c5e1000000000000000000', 3),
  -- Threads and files of an installed package, each a value of its own.
  ('left-thing', 'fs_new_path_read', '/proc/<PID>/task/4711/stat', '1886d1b1a3c5e0000000000000000000', '1886d1b1a3c5e0000000000000000000', 1),
  ('left-thing', 'fs_new_path_read', '/proc/<PID>/task/4712/stat', '1886d1b1a3c5e1000000000000000000', '1886d1b1a3c5e1000000000000000000', 1),
  ('left-thing', 'fs_new_path_write', '/tmp/test/node_modules/left-thing/a.js', '1886d1b1a3c5e0000000000000000000', '1886d1b1a3c5e0000000000000000000', 1),
  ('left-thing', 'fs_new_path_write', '/tmp/test/node_modules/left-thing/lib/b.js', '1886d1b1a3c5e0000000000000000000', '1886d1b1a3c5e1000000000000000000', 2),
  -- The same in another category stays by itself.
  ('left-thing', 'fs_new_path_read', '/tmp/test/node_modules/left-thing/a.js', '1886d1b1a3c5e0000000000000000000', '1886d1b1a3c5e0000000000000000000', 1),
  ('left-thing', 'fs_new_path_read', 'relative/path', '1886d1b1a3c5e0000000000000000000', '1886d1b1a3c5e0000000000000000000', 1),
  ('left-thing', 'fs_new_path_write', '/tmp/<RAND>/x', '1886d1b1a3c5e0000000000000000000', '1886d1b1a3c5e0000000000000000000', 1),
  ('left-thing', 'net_new_destination', '2001:db8::1:443', '1886d1b1a3c5e0000000000000000000', '1886d1b1a3c5e0000000000000000000', 1),
  ('left-thing', 'net_new_destination', '192.0.2.1:443', '1886d1b1a3c5e0000000000000000000', '1886d1b1a3c5e0000000000000000000', 1),
  ('left-thing', 'net_new_destination', 'nonsense', '1886d1b1a3c5e0000000000000000000', '1886d1b1a3c5e0000000000000000000', 1),
  ('left-thing', 'net_new_dns', 'Registry.Example.', '1886d1b1a3c5e0000000000000000000', '1886d1b1a3c5e0000000000000000000', 1),
  ('left-thing', 'net_new_dns', 'registry.example', '1886d1b1a3c5e1000000000000000000', '1886d1b1a3c5e1000000000000000000', 1),
  ('left-thing', 'net_new_https_host', 'registry.example', '1886d1b1a3c5e0000000000000000000', '1886d1b1a3c5e1000000000000000000', 2),
  -- Its run is gone from the table of runs.
  ('gone', 'fs_new_path_read', '/a//b', 'ffffffffffffffffffffffffffffffff', 'ffffffffffffffffffffffffffffffff', 1);

-- The first two are the same finding: two analyses ran at once.
INSERT INTO deviations VALUES
  ('00000000000000000000000000000001', '1886d1b1a3c5e1000000000000000000', 'net_new_https_host', 'exfil.example', 5, 'warn', '2026-01-02T03:05:07Z', NULL, 0),
  ('00000000000000000000000000000002', '1886d1b1a3c5e1000000000000000000', 'net_new_https_host', 'exfil.example', 5, 'warn', '2026-01-02T03:05:07.25Z', NULL, 0),
  ('00000000000000000000000000000003', '1886d1b1a3c5e1000000000000000000', 'net_new_destination', '1.1.1.1:31337', 6, 'warn', '2026-01-02T03:05:07.1Z', NULL, 0),
  ('00000000000000000000000000000004', '1886d1b1a3c5e1000000000000000000', 'fs_new_path_read', '/root/.ssh/id_rsa', 7, 'info', '2026-01-02T03:05:07.123456789Z', '2026-01-02T03:05:08Z', 0);

INSERT INTO notifiers VALUES
  ('soc', 'https://hooks.example/in', 'generic', 'SOC_HMAC', '{"X-Team":"a"}', 'high', 1, '2026-01-01T00:00:00Z', '2026-01-01T00:00:00.5Z'),
  ('chat', 'https://chat.example/x', 'slack', NULL, NULL, NULL, 0, '2026-01-01T00:00:00Z', '2026-01-01T00:00:00Z');
INSERT INTO notifications VALUES
  ('0123456789abcdef-1', '1886d1b1a3c5e1000000000000000000', 'soc', 1, 'failed', '2026-01-02T03:05:08Z', '2026-01-02T03:05:09.5Z', 500, 'oops', 'status 500', 4, '2026-01-02T03:05:08Z'),
  ('0123456789abcdef-2', '1886d1b1a3c5e1000000000000000000', 'soc', 2, 'sent', '2026-01-02T03:05:09.5Z', NULL, 200, 'ok', NULL, 4, '2026-01-02T03:05:09.5Z');

-- The second repeats the first, which is how it was before anything checked.
INSERT INTO allowlists VALUES
  ('aaaaaaaaaaaaaaaa', 'global', NULL, 'sni', 'metrics.example', 'first', '2026-01-02T03:00:00.5Z'),
  ('bbbbbbbbbbbbbbbb', 'global', NULL, 'sni', 'metrics.example', 'again', '2026-01-02T03:00:01Z'),
  ('cccccccccccccccc', 'package', 'left-thing', 'path', '/opt/cache/', '', '2026-01-02T03:00:02Z'),
  ('dddddddddddddddd', 'package', 'left-thing', 'sni', 'metrics.example', 'for one package', '2026-01-02T03:00:03Z'),
  ('cfge1d6a348b3f8', 'global', NULL, 'cidr', '192.0.2.0/24', 'lab network', '2026-01-02T03:00:04Z');
