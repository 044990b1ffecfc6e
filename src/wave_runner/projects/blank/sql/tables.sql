-- The tables of this project. They run once, in one transaction, after the engine's own.

CREATE TABLE items (
    item_id  bigint PRIMARY KEY REFERENCES records (record_id),
    name     text NOT NULL UNIQUE CHECK (name <> ''),
    text     text NOT NULL,
    words    integer CHECK (words >= 0)
);
