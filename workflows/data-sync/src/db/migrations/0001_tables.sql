-- Times are milliseconds since 1970-01-01T00:00:00Z. IDs are those of the other side.

CREATE TABLE contacts (
    id         TEXT   PRIMARY KEY,
    name       TEXT   NOT NULL,
    email      TEXT   NOT NULL,
    company    TEXT   NOT NULL,
    city       TEXT   NOT NULL,
    updated_at BIGINT NOT NULL
);

-- What the change notifications told us.
CREATE TABLE orders (
    id         TEXT   PRIMARY KEY,
    data       TEXT   NOT NULL,
    updated_at BIGINT NOT NULL
);

-- The notifications that took effect: a delivery that comes again is known by its ID.
CREATE TABLE processed_notifications (
    delivery_id  TEXT   PRIMARY KEY,
    record_id    TEXT   NOT NULL,
    processed_at BIGINT NOT NULL
);

-- A product that the other side no longer has is marked, never deleted.
CREATE TABLE products (
    id          TEXT   PRIMARY KEY,
    data        TEXT   NOT NULL,
    updated_at  BIGINT NOT NULL,
    archived_at BIGINT
);
