-- Times are milliseconds since 1970-01-01T00:00:00Z.

CREATE TABLE IF NOT EXISTS contacts (
    number     INTEGER PRIMARY KEY,
    name       TEXT    NOT NULL,
    email      TEXT    NOT NULL,
    company    TEXT    NOT NULL,
    city       TEXT    NOT NULL,
    updated_at INTEGER NOT NULL
);
CREATE INDEX IF NOT EXISTS contacts_by_change ON contacts (updated_at);

CREATE TABLE IF NOT EXISTS orders (number INTEGER PRIMARY KEY, data TEXT NOT NULL, updated_at INTEGER NOT NULL);

CREATE TABLE IF NOT EXISTS products (
    number     INTEGER PRIMARY KEY,
    data       TEXT    NOT NULL,
    updated_at INTEGER NOT NULL,
    removed    INTEGER NOT NULL DEFAULT 0
);

-- The records API: what waits to be sent to the destination.
CREATE TABLE IF NOT EXISTS records (number INTEGER PRIMARY KEY, data TEXT NOT NULL);

-- The destination: what it took, how many requests took effect on it, and what it refused.
CREATE TABLE IF NOT EXISTS received (id TEXT PRIMARY KEY, data TEXT NOT NULL, writes INTEGER NOT NULL DEFAULT 1);
CREATE TABLE IF NOT EXISTS refused (id TEXT PRIMARY KEY, reason TEXT NOT NULL);

CREATE TABLE IF NOT EXISTS invoices (
    number       INTEGER PRIMARY KEY,
    key          TEXT    NOT NULL UNIQUE,
    customer_id  TEXT    NOT NULL,
    amount_cents INTEGER NOT NULL
);

CREATE TABLE IF NOT EXISTS subscriptions (url TEXT PRIMARY KEY);

-- A notification is due until the subscriber has acknowledged it as often as it is owed.
CREATE TABLE IF NOT EXISTS notifications (
    number     INTEGER PRIMARY KEY,
    url        TEXT    NOT NULL,
    order_id   TEXT    NOT NULL,
    body       TEXT    NOT NULL,
    owed       INTEGER NOT NULL,
    due_at     INTEGER NOT NULL,
    failures   INTEGER NOT NULL DEFAULT 0,
    deliveries INTEGER NOT NULL DEFAULT 0
);
CREATE INDEX IF NOT EXISTS notifications_due ON notifications (due_at) WHERE owed > 0;
