-- +goose Up
-- Forms that were taken, so that one that is sent again is answered with what it did the first time. The row is written in the
-- transaction of what was asked for, and goes after a day; without a reference to the person, which would lock them.
CREATE TABLE slips (
  person_id uuid NOT NULL,
  id uuid NOT NULL, -- made when the form was shown
  route text NOT NULL CHECK (length(route) BETWEEN 1 AND 2000),
  digest bytea NOT NULL CHECK (octet_length(digest) = 32),
  at timestamptz NOT NULL,
  location text CHECK (length(location) <= 2000), -- where the answer led; empty: it was a page; NULL: nobody noted it
  notice text CHECK (length(notice) <= 300),
  PRIMARY KEY (person_id, id)
);
CREATE INDEX slips_by_time ON slips (at);
