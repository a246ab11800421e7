-- +goose Up
-- Who waits longest is fetched next, and an address that was given stays known after its server led elsewhere.
ALTER TABLE upload_sources
  ADD COLUMN waits_since  timestamptz,              -- for its turn, or for a store that is away: no time of its fetching; null: it does not
  ADD COLUMN given        text NOT NULL DEFAULT '', -- as it was typed, without its query, where address is what its server led to; empty: it is address
  ADD COLUMN given_sealed bytea,                    -- the whole of that, once the worker has followed; gone with sealed
  ADD COLUMN back         boolean NOT NULL DEFAULT false; -- somebody said to begin again at what was given
