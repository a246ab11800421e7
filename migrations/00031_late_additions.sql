-- +goose Up
-- An entry takes what is added in its own transaction. Its transaction's number is known by the server it was booked on
-- alone: on one that a backup was restored to, another transaction comes to the same number, and could add to it. So the
-- row itself has to be of the transaction, too: by xmin, which is its number there, or a later one where a savepoint stood
-- before it. Numbers of rows have 32 bits and go round; of two, the one within half a round is the later.
-- +goose StatementBegin
CREATE OR REPLACE FUNCTION refuse_late_addition() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
  now_at bigint := pg_current_xact_id()::text::bigint & 4294967295;
BEGIN
  IF EXISTS (SELECT FROM (SELECT DISTINCT wallet_id, seq FROM added) a JOIN ledger_entries e USING (wallet_id, seq)
              WHERE e.booked_in <> pg_current_xact_id()
                 OR ((e.xmin::text::bigint - now_at) & 4294967295) >= 2147483648) THEN
    RAISE EXCEPTION '%: an entry that is booked takes nothing more', TG_TABLE_NAME USING ERRCODE = 'restrict_violation';
  END IF;
  RETURN NULL;
END $$;
-- +goose StatementEnd
