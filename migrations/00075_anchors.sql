-- +goose Up
-- Heads of journals that leave the database. The audit run of a day that found the ledger whole writes down all heads, once for everybody and
-- once for each provider its own; a worker signs each list, and then it is published and mailed. What is written and signed stays.
CREATE TABLE anchors (
  id uuid PRIMARY KEY,
  day date NOT NULL, -- UTC, of the audit run
  provider_id uuid REFERENCES providers, -- null: all journals, for everybody
  journals int NOT NULL CHECK (journals >= 0),
  heads text NOT NULL CHECK (octet_length(heads) <= 33554432), -- as it is signed; billing.WriteHeads
  created_at timestamptz NOT NULL DEFAULT now(),
  key_id uuid REFERENCES certificate_keys, -- of the platform
  envelope text CHECK (octet_length(envelope) <= 67108864),
  signed_at timestamptz,
  UNIQUE NULLS NOT DISTINCT (day, provider_id),
  CHECK ((envelope IS NULL) = (signed_at IS NULL) AND (envelope IS NULL) = (key_id IS NULL))
);
CREATE INDEX ON anchors (created_at) WHERE envelope IS NULL;

-- +goose StatementBegin
CREATE FUNCTION refuse_anchor_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF OLD.envelope IS NOT NULL OR (NEW.id, NEW.day, NEW.provider_id, NEW.journals, NEW.heads, NEW.created_at)
     IS DISTINCT FROM (OLD.id, OLD.day, OLD.provider_id, OLD.journals, OLD.heads, OLD.created_at) THEN
    RAISE EXCEPTION 'anchor of %: it is signed once, and nothing else of it changes', OLD.day USING ERRCODE = 'restrict_violation';
  END IF;
  RETURN NEW;
END $$;
-- +goose StatementEnd
CREATE TRIGGER signed_once BEFORE UPDATE ON anchors FOR EACH ROW EXECUTE FUNCTION refuse_anchor_change();
CREATE TRIGGER keep_anchors BEFORE DELETE OR TRUNCATE ON anchors EXECUTE FUNCTION refuse_ledger_change();
