-- The warehouse: what lies there and is free, what is kept for orders, and how often it was packed.
CREATE TABLE IF NOT EXISTS stock (item TEXT PRIMARY KEY, pieces INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS reservations (
    number       INTEGER PRIMARY KEY,
    order_number INTEGER NOT NULL,
    item         TEXT    NOT NULL,
    pieces       INTEGER NOT NULL,
    packed       INTEGER NOT NULL DEFAULT 0
);
CREATE INDEX IF NOT EXISTS reservations_by_order ON reservations (order_number);

-- What orders asked to take back, and how much there was of it. What is here is not reserved any more.
CREATE TABLE IF NOT EXISTS releases (
    number       INTEGER PRIMARY KEY,
    order_number INTEGER NOT NULL,
    item         TEXT    NOT NULL,
    pieces       INTEGER NOT NULL
);
CREATE INDEX IF NOT EXISTS releases_by_order ON releases (order_number);

-- The payment service: what it charged and gave back, and which orders it declined to charge.
CREATE TABLE IF NOT EXISTS charges (
    number       INTEGER PRIMARY KEY,
    order_number INTEGER NOT NULL,
    card         TEXT    NOT NULL,
    cents        INTEGER NOT NULL
);
CREATE TABLE IF NOT EXISTS refunds (
    number       INTEGER PRIMARY KEY,
    order_number INTEGER NOT NULL,
    cents        INTEGER NOT NULL
);
CREATE TABLE IF NOT EXISTS declines (number INTEGER PRIMARY KEY, order_number INTEGER NOT NULL);

-- Which orders somebody has to look at before they are refunded, under which key that was asked for, and how often it
-- was asked for under another one then.
CREATE TABLE IF NOT EXISTS locks (
    order_number INTEGER PRIMARY KEY,
    key          TEXT    NOT NULL,
    others       INTEGER NOT NULL DEFAULT 0
);

-- The orders that are settled: nothing is charged for them any more, and nothing else given back.
CREATE TABLE IF NOT EXISTS settlements (order_number INTEGER PRIMARY KEY);

-- The carrier: what it was given, and where that goes.
CREATE TABLE IF NOT EXISTS shipments (
    number       INTEGER PRIMARY KEY,
    order_number INTEGER NOT NULL,
    street       TEXT    NOT NULL,
    city         TEXT    NOT NULL
);

-- What it did not take, because it does not go there, and what it was told not to take, or to bring back.
CREATE TABLE IF NOT EXISTS refusals (number INTEGER PRIMARY KEY, order_number INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS recalls (order_number INTEGER PRIMARY KEY);
