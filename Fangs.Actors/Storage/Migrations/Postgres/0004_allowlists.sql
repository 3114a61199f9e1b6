-- Upstream's schema: what operators have declared to be noise.
CREATE TABLE allowlists (
  id TEXT PRIMARY KEY,
  scope TEXT NOT NULL CHECK (scope IN ('global', 'package')),
  package_name TEXT,
  kind TEXT NOT NULL CHECK (kind IN ('cidr', 'path', 'sni')),
  value TEXT NOT NULL,
  note TEXT NOT NULL DEFAULT '',
  created_at TIMESTAMPTZ NOT NULL,
  CHECK ((scope = 'global') = (package_name IS NULL))
);
CREATE INDEX allowlists_package ON allowlists (package_name);
CREATE INDEX allowlists_scope ON allowlists (scope);
