-- One text for SQLite and PostgreSQL: INTEGER, BIGINT, DOUBLE PRECISION and TEXT only. Times are
-- UTC seconds; `body` is a whole value as JSON, the columns beside it are what is searched and shown.
CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL);

CREATE TABLE lease (
  id INTEGER PRIMARY KEY CHECK (id = 1),
  epoch BIGINT NOT NULL,
  beat BIGINT NOT NULL,
  holder TEXT NOT NULL
);

CREATE TABLE service (
  name TEXT PRIMARY KEY,
  project TEXT NOT NULL,
  environment TEXT NOT NULL,
  stable TEXT,
  stable_digest TEXT,
  previous TEXT,
  active TEXT,
  last TEXT,
  revision BIGINT NOT NULL,
  next_number BIGINT NOT NULL,
  is_down INTEGER NOT NULL,
  body TEXT NOT NULL
);

CREATE TABLE delivery (
  source TEXT NOT NULL,
  id TEXT NOT NULL,
  at_s DOUBLE PRECISION NOT NULL,
  request TEXT,
  PRIMARY KEY (source, id)
);

CREATE TABLE request (
  key TEXT PRIMARY KEY,
  service TEXT NOT NULL REFERENCES service (name),
  version TEXT NOT NULL,
  digest TEXT NOT NULL,
  asked_by TEXT NOT NULL,
  human INTEGER NOT NULL,
  state TEXT NOT NULL
    CHECK (state IN ('nothing_to_do', 'queued', 'taken', 'refused', 'superseded')),
  release TEXT,
  behind TEXT,
  why TEXT NOT NULL,
  at_s DOUBLE PRECISION NOT NULL,
  body TEXT NOT NULL
);
CREATE UNIQUE INDEX request_one_queued ON request (service) WHERE state = 'queued';

CREATE TABLE release (
  id TEXT PRIMARY KEY,
  service TEXT NOT NULL REFERENCES service (name),
  number BIGINT NOT NULL,
  environment TEXT NOT NULL,
  version TEXT NOT NULL,
  digest TEXT NOT NULL,
  stable TEXT,
  phase TEXT NOT NULL,
  step INTEGER NOT NULL,
  weight_bp INTEGER NOT NULL CHECK (weight_bp BETWEEN 0 AND 10000),
  paused TEXT,
  outcome TEXT,
  why TEXT NOT NULL,
  asked_by TEXT NOT NULL,
  reason TEXT NOT NULL,
  created_at_s DOUBLE PRECISION NOT NULL,
  entered_at_s DOUBLE PRECISION NOT NULL,
  wall_s DOUBLE PRECISION NOT NULL,
  revision BIGINT NOT NULL,
  edition BIGINT NOT NULL,
  epoch BIGINT NOT NULL,
  due_s DOUBLE PRECISION,
  body TEXT NOT NULL,
  UNIQUE (service, number)
);
CREATE UNIQUE INDEX release_one_active ON release (service)
  WHERE phase NOT IN ('promoted', 'rolled_back');
CREATE INDEX release_due ON release (due_s) WHERE due_s IS NOT NULL;
CREATE INDEX release_by_age ON release (created_at_s, number);

CREATE TABLE command (
  id BIGINT PRIMARY KEY,
  release TEXT NOT NULL REFERENCES release (id),
  verb TEXT NOT NULL,
  digest TEXT NOT NULL,
  given_by TEXT NOT NULL,
  why TEXT NOT NULL,
  key TEXT NOT NULL UNIQUE,
  at_s DOUBLE PRECISION NOT NULL,
  taken BIGINT
);
CREATE INDEX command_open ON command (release, id) WHERE taken IS NULL;

CREATE TABLE decision (
  release TEXT NOT NULL REFERENCES release (id),
  edition BIGINT NOT NULL,
  at_s DOUBLE PRECISION NOT NULL,
  code TEXT NOT NULL,
  body TEXT NOT NULL,
  PRIMARY KEY (release, edition)
);

CREATE TABLE judge (
  release TEXT PRIMARY KEY REFERENCES release (id),
  cursor TEXT,
  at_s DOUBLE PRECISION NOT NULL,
  body TEXT NOT NULL
);

CREATE TABLE "window" (
  release TEXT NOT NULL REFERENCES release (id),
  number BIGINT NOT NULL,
  body TEXT NOT NULL,
  PRIMARY KEY (release, number)
);

CREATE TABLE once (
  key TEXT PRIMARY KEY,
  state TEXT NOT NULL CHECK (state IN ('started', 'done', 'unknown')),
  result TEXT,
  at_s DOUBLE PRECISION NOT NULL
);

CREATE TABLE outbox (
  key TEXT PRIMARY KEY,
  kind TEXT NOT NULL,
  body TEXT NOT NULL,
  tries INTEGER NOT NULL,
  due_s DOUBLE PRECISION,
  done_s DOUBLE PRECISION
);
CREATE INDEX outbox_due ON outbox (due_s) WHERE due_s IS NOT NULL;

CREATE TABLE quarantine (
  service TEXT NOT NULL REFERENCES service (name),
  digest TEXT NOT NULL,
  why TEXT NOT NULL,
  at_s DOUBLE PRECISION NOT NULL,
  release TEXT NOT NULL,
  lifted_by TEXT NOT NULL,
  PRIMARY KEY (service, digest)
);

CREATE TABLE version (
  service TEXT NOT NULL REFERENCES service (name),
  digest TEXT NOT NULL,
  name TEXT NOT NULL,
  artifact_digest TEXT,
  status TEXT NOT NULL CHECK (status IN ('candidate', 'stable', 'superseded', 'failed')),
  at_s DOUBLE PRECISION NOT NULL,
  added_at_s DOUBLE PRECISION NOT NULL,
  release TEXT NOT NULL,
  body TEXT NOT NULL,
  PRIMARY KEY (service, digest)
);

CREATE TABLE audit (
  seq BIGINT PRIMARY KEY,
  at_s DOUBLE PRECISION NOT NULL,
  actor TEXT NOT NULL,
  action TEXT NOT NULL,
  object TEXT NOT NULL,
  body TEXT NOT NULL,
  prev TEXT NOT NULL,
  hash TEXT NOT NULL
);
CREATE INDEX audit_object ON audit (object, seq);

CREATE TABLE audit_head (
  id INTEGER PRIMARY KEY CHECK (id = 1),
  seq BIGINT NOT NULL,
  hash TEXT NOT NULL
);

CREATE TABLE checkpoint (
  size BIGINT PRIMARY KEY,
  root TEXT NOT NULL,
  at_s DOUBLE PRECISION NOT NULL,
  key_id TEXT NOT NULL,
  signature TEXT NOT NULL
);

INSERT INTO lease (id, epoch, beat, holder) VALUES (1, 0, 0, '');
INSERT INTO audit_head (id, seq, hash) VALUES (1, 0, '');
INSERT INTO meta (key, value) VALUES ('schema', '1');
