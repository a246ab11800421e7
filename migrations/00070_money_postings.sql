-- +goose Up
-- Journal 2: money moves in the same entries as hours, and what an amount follows from is under the entries' hashes.

-- Encoding 2 of the hashed bytes. Entries of 1 stay as they are and verify as before; none is added to them.
ALTER TABLE ledger_entries
  ADD COLUMN version int NOT NULL DEFAULT 1 CHECK (version IN (1, 2)),
  ADD COLUMN accounting_date date, -- of the event, in the provider's zone
  ADD COLUMN period date,          -- the first day of the month in whose accounts it is
  ADD COLUMN corrects bigint,      -- the entry of this journal that a correction takes back something of
  ADD COLUMN reason text NOT NULL DEFAULT '' CHECK (length(reason) <= 500),
  ADD COLUMN signed_by uuid REFERENCES people; -- the second signature; the first is person_id
ALTER TABLE ledger_entries ALTER COLUMN version SET DEFAULT 2;
ALTER TABLE ledger_entries DISABLE TRIGGER insert_only;
UPDATE ledger_entries e SET accounting_date = d.day, period = date_trunc('month', d.day)
  FROM (SELECT n.wallet_id, n.seq, (coalesce(n.period_to - interval '1 microsecond', n.at) AT TIME ZONE p.accounting_zone)::date AS day
          FROM ledger_entries n JOIN wallets w ON w.id = n.wallet_id JOIN providers p ON p.id = w.provider_id) d
 WHERE d.wallet_id = e.wallet_id AND d.seq = e.seq;
ALTER TABLE ledger_entries ENABLE TRIGGER insert_only;
ALTER TABLE ledger_entries
  ALTER COLUMN accounting_date SET NOT NULL,
  ALTER COLUMN period SET NOT NULL,
  ADD CONSTRAINT ledger_entries_period CHECK (extract(day FROM period) = 1 AND (period + interval '1 month')::date > accounting_date),
  DROP CONSTRAINT ledger_entries_kind_check,
  ADD CONSTRAINT ledger_entries_kind_check CHECK (kind IN ('grant', 'hold', 'use', 'release', 'expire', 'opening', 'payment', 'refund',
    'credit_note', 'write_off', 'goodwill', 'correction')),
  ADD CONSTRAINT ledger_entries_corrects FOREIGN KEY (wallet_id, corrects) REFERENCES ledger_entries,
  ADD CONSTRAINT ledger_entries_correction CHECK (
    (kind = 'correction') = (corrects IS NOT NULL) AND (kind = 'correction') = (reason <> '') AND (kind = 'correction') = (signed_by IS NOT NULL)
    AND (kind <> 'correction' OR corrects < seq AND person_id IS NOT NULL AND person_id <> signed_by));
CREATE INDEX ON ledger_entries (wallet_id, corrects) WHERE corrects IS NOT NULL;

-- +goose StatementBegin
CREATE OR REPLACE FUNCTION continue_journal() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
  IF NEW.version < 2 THEN
    RAISE EXCEPTION 'entry % of journal % is in an encoding that no new one has', NEW.seq, NEW.wallet_id USING ERRCODE = 'restrict_violation';
  END IF;
  UPDATE journal_heads SET seq = NEW.seq, hash = NEW.hash, at = NEW.at
   WHERE wallet_id = NEW.wallet_id AND seq = NEW.seq - 1 AND hash = NEW.previous AND (at IS NULL OR at < NEW.at);
  IF NOT FOUND THEN
    RAISE EXCEPTION 'entry % of % does not continue journal %, whose last entry is of %', NEW.seq, NEW.at, NEW.wallet_id,
      (SELECT at FROM journal_heads WHERE wallet_id = NEW.wallet_id) USING ERRCODE = 'restrict_violation';
  END IF;
  RETURN NULL;
END $$;
-- +goose StatementEnd

-- Which account each kind debits, and which it credits for that. A correction turns round a pair of the kind that it corrects.
-- The table in billing/accounts.go is the same; a test compares them.
CREATE TABLE money_moves (
  kind text NOT NULL,
  debit text NOT NULL,
  credit text NOT NULL,
  PRIMARY KEY (kind, debit, credit)
);
INSERT INTO money_moves VALUES
  ('grant', 'receivable', 'deferred'), ('grant', 'receivable', 'tax'),
  ('use', 'deferred', 'revenue'),
  ('expire', 'deferred', 'breakage'),
  ('opening', 'receivable', 'deferred'), ('opening', 'receivable', 'revenue'), ('opening', 'receivable', 'breakage'),
  ('payment', 'bank', 'receivable'), ('payment', 'bank', 'credit'), ('payment', 'credit', 'receivable'),
  ('refund', 'credit', 'bank'),
  ('credit_note', 'deferred', 'receivable'), ('credit_note', 'deferred', 'credit'),
  ('credit_note', 'tax', 'receivable'), ('credit_note', 'tax', 'credit'),
  ('write_off', 'goodwill', 'receivable'), ('write_off', 'tax', 'receivable'), ('write_off', 'rounding', 'receivable'),
  ('goodwill', 'goodwill', 'credit');

-- What a provider calls an account in its own books; where there is no row, by our word.
CREATE TABLE account_codes (
  provider_id uuid NOT NULL REFERENCES providers,
  account text NOT NULL CHECK (account IN ('receivable', 'bank', 'credit', 'deferred', 'revenue', 'breakage', 'tax', 'goodwill', 'rounding')),
  code text NOT NULL CHECK (code ~ '^[A-Za-z0-9][A-Za-z0-9._-]{0,19}$'),
  PRIMARY KEY (provider_id, account)
);

-- Amounts are minor units; a debit is above zero, a credit below.
CREATE TABLE money_postings (
  wallet_id uuid NOT NULL,
  seq bigint NOT NULL,
  number int NOT NULL CHECK (number > 0),
  account text NOT NULL CHECK (account IN ('receivable', 'bank', 'credit', 'deferred', 'revenue', 'breakage', 'tax', 'goodwill', 'rounding')),
  lot_id uuid, -- whose amount it is part of
  currency text NOT NULL CHECK (currency ~ '^[A-Z]{3}$'),
  amount bigint NOT NULL CHECK (amount <> 0),
  PRIMARY KEY (wallet_id, seq, number),
  FOREIGN KEY (wallet_id, seq) REFERENCES ledger_entries,
  FOREIGN KEY (lot_id, wallet_id) REFERENCES lots (id, wallet_id),
  CHECK ((account IN ('deferred', 'revenue', 'breakage')) = (lot_id IS NOT NULL))
);
CREATE INDEX ON money_postings (lot_id) WHERE lot_id IS NOT NULL;
CREATE TRIGGER insert_only BEFORE UPDATE OR DELETE OR TRUNCATE ON money_postings EXECUTE FUNCTION refuse_ledger_change();
CREATE TRIGGER no_late_addition AFTER INSERT ON money_postings REFERENCING NEW TABLE AS added
  FOR EACH STATEMENT EXECUTE FUNCTION refuse_late_addition();

-- Two more sums of a lot: hours that a credit note took back, and what of its amount is not earned yet.
ALTER TABLE ledger_postings
  DROP CONSTRAINT ledger_postings_account_check,
  ADD CONSTRAINT ledger_postings_account_check CHECK (account IN ('bought', 'available', 'held', 'used', 'expired', 'refunded'));
ALTER TABLE lots
  ADD COLUMN refunded bigint NOT NULL DEFAULT 0 CHECK (refunded >= 0),
  ADD COLUMN deferred bigint NOT NULL DEFAULT 0 CHECK (deferred >= 0),
  DROP CONSTRAINT lots_check,
  ADD CONSTRAINT lots_check CHECK (available = bought - used - held - expired - refunded);
DROP TRIGGER starts_at_zero ON lots;
CREATE TRIGGER starts_at_zero BEFORE INSERT ON lots FOR EACH ROW
  WHEN ((NEW.bought, NEW.available, NEW.held, NEW.used, NEW.expired, NEW.refunded, NEW.deferred) <> (0, 0, 0, 0, 0, 0, 0))
  EXECUTE FUNCTION refuse_first_sums();

-- +goose StatementBegin
CREATE OR REPLACE FUNCTION apply_postings() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
  UPDATE lots l
     SET bought = l.bought + d.bought, available = l.available + d.available, held = l.held + d.held,
         used = l.used + d.used, expired = l.expired + d.expired, refunded = l.refunded + d.refunded
    FROM (SELECT lot_id,
                 coalesce(-sum(hours) FILTER (WHERE account = 'bought'), 0) AS bought,
                 coalesce(sum(hours) FILTER (WHERE account = 'available'), 0) AS available,
                 coalesce(sum(hours) FILTER (WHERE account = 'held'), 0) AS held,
                 coalesce(sum(hours) FILTER (WHERE account = 'used'), 0) AS used,
                 coalesce(sum(hours) FILTER (WHERE account = 'expired'), 0) AS expired,
                 coalesce(sum(hours) FILTER (WHERE account = 'refunded'), 0) AS refunded
            FROM added GROUP BY lot_id) d
   WHERE l.id = d.lot_id;
  -- Zero rows first: an upsert checks its proposed row, which a use or release alone would not pass.
  INSERT INTO holds (cluster_id, lot_id)
  SELECT DISTINCT cluster_id, lot_id FROM added WHERE account = 'held'
  ON CONFLICT DO NOTHING;
  UPDATE holds h
     SET set_aside = h.set_aside + d.set_aside, used = h.used + d.used, released = h.released + d.released
    FROM (SELECT a.cluster_id, a.lot_id,
                 coalesce(sum(a.hours) FILTER (WHERE e.kind = 'hold'), 0) AS set_aside,
                 coalesce(-sum(a.hours) FILTER (WHERE e.kind = 'use'), 0) AS used,
                 coalesce(-sum(a.hours) FILTER (WHERE e.kind = 'release'), 0) AS released
            FROM added a JOIN ledger_entries e USING (wallet_id, seq)
           WHERE a.account = 'held' GROUP BY a.cluster_id, a.lot_id) d
   WHERE h.cluster_id = d.cluster_id AND h.lot_id = d.lot_id;
  RETURN NULL;
END $$;
-- +goose StatementEnd

-- +goose StatementBegin
CREATE FUNCTION apply_money() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
  UPDATE lots l SET deferred = l.deferred + d.deferred
    FROM (SELECT lot_id, -sum(amount) AS deferred FROM added WHERE account = 'deferred' GROUP BY lot_id) d
   WHERE l.id = d.lot_id;
  RETURN NULL;
END $$;
-- +goose StatementEnd
CREATE TRIGGER sums AFTER INSERT ON money_postings REFERENCING NEW TABLE AS added
  FOR EACH STATEMENT EXECUTE FUNCTION apply_money();

-- What part of a whole is of an amount, rounded half to even: billing's share.
CREATE FUNCTION share_of(minor bigint, part bigint, whole bigint) RETURNS bigint LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
  SELECT (q + (2 * r > whole OR 2 * r = whole AND mod(q, 2) = 1)::int)::bigint
    FROM (SELECT div(minor::numeric * part, whole::numeric) AS q, mod(minor::numeric * part, whole::numeric) AS r) x
$$;

-- billing makes entries that balance per lot in hours and per currency in money; this refuses any other at commit, whoever
-- wrote it. What a lot has deferred is its amount's share of what is neither used nor gone (billing.Parts), so that all parts
-- of a finished lot sum to what was paid.
-- +goose StatementBegin
CREATE OR REPLACE FUNCTION refuse_unbalanced() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
  postings bigint;
  balanced boolean;
  lined bigint;
  tied boolean;
  moneys bigint;
  paired_as text := NEW.kind;
BEGIN
  SELECT coalesce(sum(n), 0), coalesce(bool_and(total = 0), true) INTO postings, balanced
    FROM (SELECT count(*) AS n, sum(hours) AS total FROM ledger_postings WHERE wallet_id = NEW.wallet_id AND seq = NEW.seq GROUP BY lot_id) p;
  IF NOT balanced OR postings = 0 AND NEW.kind IN ('grant', 'hold', 'use', 'release', 'expire')
     OR postings > 0 AND NEW.kind IN ('opening', 'payment', 'refund', 'write_off', 'goodwill') THEN
    RAISE EXCEPTION 'entry % of journal % does not balance', NEW.seq, NEW.wallet_id USING ERRCODE = 'check_violation';
  END IF;
  SELECT count(*), coalesce(bool_and(total = 0), true) INTO moneys, balanced
    FROM (SELECT sum(amount) AS total FROM money_postings WHERE wallet_id = NEW.wallet_id AND seq = NEW.seq GROUP BY currency) m;
  IF NOT balanced OR postings + moneys = 0 AND NEW.kind <> 'opening' THEN
    RAISE EXCEPTION 'entry % of journal % does not balance in money', NEW.seq, NEW.wallet_id USING ERRCODE = 'check_violation';
  END IF;

  SELECT coalesce(sum(u.lines), 0), coalesce(bool_and(u.hours IS NOT DISTINCT FROM p.hours AND coalesce(u.cost, 0) = coalesce(m.cost, 0)
         AND u.priced = CASE WHEN l.amount IS NULL THEN 0 ELSE u.lines END), true) INTO lined, tied
    FROM (SELECT lot_id, count(*) AS lines, sum(hours) AS hours, sum(cost) AS cost, count(cost) AS priced
            FROM usage_lines WHERE wallet_id = NEW.wallet_id AND seq = NEW.seq GROUP BY lot_id) u
    FULL JOIN (SELECT lot_id, sum(hours) AS hours FROM ledger_postings
                WHERE wallet_id = NEW.wallet_id AND seq = NEW.seq AND account = 'used' AND NEW.kind = 'use' GROUP BY lot_id) p USING (lot_id)
    FULL JOIN (SELECT lot_id, sum(amount) AS cost FROM money_postings
                WHERE wallet_id = NEW.wallet_id AND seq = NEW.seq AND account = 'deferred' AND NEW.kind = 'use' GROUP BY lot_id) m USING (lot_id)
    LEFT JOIN lots l ON l.id = lot_id;
  IF NOT tied OR lined <> NEW.lines THEN
    RAISE EXCEPTION 'entry % of journal % differs from its usage lines', NEW.seq, NEW.wallet_id USING ERRCODE = 'check_violation';
  END IF;

  IF NEW.kind = 'correction' THEN
    SELECT kind INTO paired_as FROM ledger_entries WHERE wallet_id = NEW.wallet_id AND seq = NEW.corrects;
    IF EXISTS ( -- what a correction takes back was moved there, and not taken back before
      SELECT FROM (SELECT lot_id, account, sum(hours) AS hours FROM ledger_postings p JOIN ledger_entries e USING (wallet_id, seq)
                    WHERE wallet_id = NEW.wallet_id AND (seq = NEW.corrects OR e.corrects = NEW.corrects AND seq <= NEW.seq) AND account <> 'available'
                    GROUP BY lot_id, account) p
       WHERE account IN ('used', 'expired', 'refunded') AND hours < 0) OR paired_as NOT IN ('use', 'expire', 'payment', 'refund', 'credit_note', 'write_off', 'goodwill') THEN
      RAISE EXCEPTION 'entry % of journal % takes back what entry % did not move', NEW.seq, NEW.wallet_id, NEW.corrects USING ERRCODE = 'check_violation';
    END IF;
  END IF;
  IF moneys > 0 AND EXISTS (
    SELECT FROM money_postings m WHERE m.wallet_id = NEW.wallet_id AND m.seq = NEW.seq AND NOT EXISTS (
      SELECT FROM money_postings o JOIN money_moves r ON r.kind = paired_as AND CASE WHEN (m.amount > 0) <> (NEW.kind = 'correction')
               THEN r.debit = m.account AND r.credit = o.account ELSE r.credit = m.account AND r.debit = o.account END
       WHERE o.wallet_id = m.wallet_id AND o.seq = m.seq AND o.currency = m.currency AND (o.amount > 0) <> (m.amount > 0)
         AND (o.lot_id = m.lot_id OR o.lot_id IS NULL OR m.lot_id IS NULL))) THEN
    RAISE EXCEPTION 'entry % of journal % moves money as no % does', NEW.seq, NEW.wallet_id, paired_as USING ERRCODE = 'check_violation';
  END IF;
  IF EXISTS (
    SELECT FROM (SELECT lot_id, NULL AS currency FROM ledger_postings WHERE wallet_id = NEW.wallet_id AND seq = NEW.seq AND account NOT IN ('available', 'held')
                 UNION SELECT lot_id, currency FROM money_postings WHERE wallet_id = NEW.wallet_id AND seq = NEW.seq AND lot_id IS NOT NULL) t
      JOIN lots l ON l.id = t.lot_id
     WHERE l.deferred <> coalesce(share_of(l.amount, l.bought - l.expired - l.refunded, l.bought) - share_of(l.amount, l.used, l.bought), 0)
        OR t.currency IS DISTINCT FROM l.currency AND t.currency IS NOT NULL) THEN
    RAISE EXCEPTION 'entry % of journal % leaves of a lot''s amount something else than what its hours are worth', NEW.seq, NEW.wallet_id
      USING ERRCODE = 'check_violation';
  END IF;
  RETURN NULL;
END $$;
-- +goose StatementEnd

-- What a settling books of many runs at once is looked at as a set. A line refers to its run, with that one's cluster, node and
-- journal, to a lot and an entry of the same journal: none of these rows is ever removed or renamed (triggers of 00003), so one look
-- at the end of the statement keeps what five foreign keys kept line by line, and more.
ALTER TABLE usage_lines
  DROP CONSTRAINT usage_lines_run_id_fkey, DROP CONSTRAINT usage_lines_lot_id_fkey, DROP CONSTRAINT usage_lines_cluster_id_fkey,
  DROP CONSTRAINT usage_lines_node_id_fkey, DROP CONSTRAINT usage_lines_wallet_id_seq_fkey;
-- +goose StatementBegin
CREATE OR REPLACE FUNCTION continue_runs() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
  wrong uuid;
  moved bigint;
BEGIN
  IF (SELECT count(*) FROM added) <> (
    SELECT count(*) FROM added a
      JOIN runs r ON r.id = a.run_id AND (r.cluster_id, r.node_id, r.wallet_id) = (a.cluster_id, a.node_id, a.wallet_id)
      JOIN lots l ON l.id = a.lot_id AND l.wallet_id = a.wallet_id
      JOIN ledger_entries e ON e.wallet_id = a.wallet_id AND e.seq = a.seq) THEN
    RAISE EXCEPTION 'usage lines are not of their run, lot and entry' USING ERRCODE = 'foreign_key_violation';
  END IF;
  SELECT a.run_id INTO wrong FROM (
    SELECT run_id, from_at, to_at, sum(hours) AS hours, min(rate) AS least, max(rate) AS most,
           lag(to_at) OVER (PARTITION BY run_id ORDER BY from_at, to_at) AS reached
      FROM added GROUP BY run_id, from_at, to_at) a
    JOIN runs r ON r.id = a.run_id
   WHERE a.from_at <> a.reached OR a.to_at > r.ended_at OR a.least <> r.rate OR a.most <> r.rate
      OR a.hours <> extract(epoch FROM a.to_at - a.from_at) * r.rate
   LIMIT 1;
  IF FOUND THEN
    RAISE EXCEPTION 'run %: its lines are not each of its proven seconds once, at its rate', wrong USING ERRCODE = 'restrict_violation';
  END IF;
  UPDATE run_bookings b SET booked_until = a.until
    FROM (SELECT run_id, min(from_at) AS since, max(to_at) AS until FROM added GROUP BY run_id) a
   WHERE b.run_id = a.run_id AND b.booked_until = a.since;
  GET DIAGNOSTICS moved = ROW_COUNT;
  IF moved <> (SELECT count(DISTINCT run_id) FROM added) THEN
    RAISE EXCEPTION 'usage lines do not begin where their runs are booked to' USING ERRCODE = 'restrict_violation';
  END IF;
  RETURN NULL;
END $$;
-- +goose StatementEnd
DROP TRIGGER only_grows ON run_bookings;
-- +goose StatementBegin
CREATE OR REPLACE FUNCTION refuse_booking_change() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  wrong uuid;
BEGIN
  SELECT o.run_id INTO wrong FROM before o LEFT JOIN after n ON n.run_id = o.run_id AND n.wallet_id = o.wallet_id
   WHERE n.run_id IS NULL OR n.booked_until < o.booked_until OR n.booked_until > o.booked_until AND pg_trigger_depth() < 2 OR o.done AND NOT n.done
   LIMIT 1;
  IF FOUND THEN
    RAISE EXCEPTION 'run %: how far it is booked follows from its lines, and only grows', wrong USING ERRCODE = 'restrict_violation';
  END IF;
  RETURN NULL;
END $$;
-- +goose StatementEnd
CREATE TRIGGER only_grows AFTER UPDATE ON run_bookings REFERENCING OLD TABLE AS before NEW TABLE AS after
  FOR EACH STATEMENT EXECUTE FUNCTION refuse_booking_change();

-- Digests of what an entry follows from: the terms of a lot, the order it came of, its invoice; of an opening also the uses that
-- were booked in encoding 1, which has neither costs nor lots. billing/facts.go has their bytes.
CREATE TABLE ledger_facts (
  wallet_id uuid NOT NULL,
  seq bigint NOT NULL,
  number int NOT NULL CHECK (number > 0),
  what text NOT NULL CHECK (what IN ('lot', 'order', 'invoice', 'uses')),
  subject_id uuid NOT NULL, -- of uses their lot
  digest bytea NOT NULL CHECK (length(digest) = 32),
  PRIMARY KEY (wallet_id, seq, number),
  UNIQUE (what, subject_id), -- each is said once
  FOREIGN KEY (wallet_id, seq) REFERENCES ledger_entries
);
CREATE TRIGGER insert_only BEFORE UPDATE OR DELETE OR TRUNCATE ON ledger_facts EXECUTE FUNCTION refuse_ledger_change();
CREATE TRIGGER no_late_addition AFTER INSERT ON ledger_facts REFERENCING NEW TABLE AS added
  FOR EACH STATEMENT EXECUTE FUNCTION refuse_late_addition();

-- An opening for each journal that has lots: what their amounts became so far, and the digests of what they follow from. Its bytes
-- are those of billing/canonical.go.
CREATE FUNCTION pg_temp.instant(t timestamptz) RETURNS text LANGUAGE sql AS $$
  SELECT coalesce(to_char(t AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'), '-') $$;
CREATE FUNCTION pg_temp.hex(t text) RETURNS text LANGUAGE sql AS $$ SELECT encode(sha256(convert_to(t, 'UTF8')), 'hex') $$;

CREATE TEMPORARY TABLE opening_money ON COMMIT DROP AS
SELECT wallet_id, row_number() OVER (PARTITION BY wallet_id ORDER BY rank, lot_id, currency)::int AS number, account, lot_id, currency, amount
  FROM (
    SELECT wallet_id, 1 AS rank, 'receivable' AS account, NULL::uuid AS lot_id, currency, sum(amount)::bigint AS amount
      FROM lots WHERE amount IS NOT NULL GROUP BY wallet_id, currency
    UNION ALL
    SELECT wallet_id, 2, t.account, id, currency, -t.amount FROM lots
     CROSS JOIN LATERAL (VALUES ('deferred', share_of(amount, bought - expired, bought) - share_of(amount, used, bought)),
                                ('revenue', share_of(amount, used, bought)),
                                ('breakage', amount - share_of(amount, bought - expired, bought))) t (account, amount)
     WHERE lots.amount IS NOT NULL) m
 WHERE amount <> 0;

CREATE TEMPORARY TABLE opening_facts ON COMMIT DROP AS
WITH facts AS (
  SELECT wallet_id, 1 AS rank, 'lot' AS what, id, E'volary-lot-1\nlot ' || id || E'\norder ' || coalesce(order_id::text, '-') || E'\npool ' || coalesce(pool_id::text, '-')
         || E'\nby ' || coalesce(created_by::text, '-') || E'\nmade ' || pg_temp.instant(created_at) || E'\nexpires ' || pg_temp.instant(expires_at)
         || E'\namount ' || coalesce(amount || ' ' || currency, '- -') || E'\npurpose ' || pg_temp.hex(purpose) || E'\n' AS text
    FROM lots
  UNION ALL
  SELECT l.wallet_id, 2, 'order', r.id, E'volary-order-1\norder ' || r.id || ' ' || r.number || E'\noffer ' || r.offer_id || E'\nprice ' || r.price_id || ' ' || p.price
         || E'\nhours ' || r.hours || E'\namount ' || r.amount || ' ' || r.currency || E'\nordered ' || pg_temp.instant(r.created_at)
         || E'\npurchase_order ' || pg_temp.hex(r.purchase_order) || E'\ncost_centre ' || pg_temp.hex(r.cost_centre)
         || E'\ngrant_number ' || pg_temp.hex(r.grant_number) || E'\n'
    FROM lots l JOIN orders r ON r.id = l.order_id JOIN offer_prices p ON p.id = r.price_id
  UNION ALL
  SELECT w.id, 3, 'invoice', i.id, E'volary-invoice-1\ninvoice ' || i.id || ' ' || i.number || ' ' || i.year || ' ' || i.serial || E'\nissued ' || pg_temp.instant(i.issued_at)
         || E'\nnet ' || i.net || ' ' || i.currency || E'\nseller ' || pg_temp.hex(i.seller) || E'\ntax_id ' || pg_temp.hex(i.tax_id)
         || E'\nbuyer ' || pg_temp.hex(i.buyer) || E'\n'
         || (SELECT coalesce(string_agg('line ' || n.number || ' ' || n.order_id || ' ' || n.hours || ' ' || n.price || ' ' || n.amount || ' '
                                        || pg_temp.hex(n.description) || E'\n', '' ORDER BY n.number), '') FROM invoice_lines n WHERE n.invoice_id = i.id)
    FROM invoices i JOIN wallets w ON w.provider_id = i.provider_id AND w.organization_id = i.organization_id
  UNION ALL
  SELECT u.wallet_id, 4, 'uses', u.lot_id, E'volary-uses-1\n' || string_agg(u.seq || ' ' || pg_temp.hex(u.text) || E'\n', '' ORDER BY u.seq)
    FROM (SELECT wallet_id, seq, lot_id, E'volary-usage-2\n' || string_agg(run_id || ' ' || cluster_id || ' ' || node_id || ' ' || pg_temp.instant(from_at) || ' '
                 || pg_temp.instant(to_at) || ' ' || rate || ' ' || hours || ' ' || lot_id || ' ' || coalesce(cost::text, '-') || E'\n', '' ORDER BY run_id, from_at) AS text
            FROM usage_lines GROUP BY wallet_id, seq, lot_id) u
   GROUP BY u.wallet_id, u.lot_id)
SELECT wallet_id, row_number() OVER (PARTITION BY wallet_id ORDER BY rank, id)::int AS number, what, id, sha256(convert_to(text, 'UTF8')) AS digest FROM facts;

-- +goose StatementBegin
DO $$
DECLARE
  w record;
  booked timestamptz;
  day date;
  bytes text;
BEGIN
  FOR w IN
    SELECT x.id, x.provider_id, x.organization_id, p.accounting_zone, h.seq + 1 AS seq, h.hash, h.at
      FROM wallets x JOIN providers p ON p.id = x.provider_id JOIN journal_heads h ON h.wallet_id = x.id
     WHERE EXISTS (SELECT FROM opening_facts f WHERE f.wallet_id = x.id) ORDER BY x.id
  LOOP
    booked := greatest(now(), w.at + interval '1 microsecond');
    day := (booked AT TIME ZONE w.accounting_zone)::date;
    bytes := E'volary-ledger-2\njournal ' || w.provider_id || ' ' || w.organization_id || E'\nseq ' || w.seq || E'\nprevious ' || encode(w.hash, 'hex')
      || E'\nkind opening\nat ' || pg_temp.instant(booked) || E'\nkey opening:' || w.id || E'\nby -\nexpires -\nperiod - -\nlines 0 -\ndate ' || day || ' '
      || to_char(day, 'YYYY-MM') || E'\ncorrects - - -\n'
      || (SELECT string_agg('fact ' || what || ' ' || id || ' ' || encode(digest, 'hex') || E'\n', '' ORDER BY number) FROM opening_facts f WHERE f.wallet_id = w.id)
      || (SELECT coalesce(string_agg('money ' || account || ' ' || coalesce(lot_id::text, '-') || ' ' || currency || ' ' || amount || E'\n', '' ORDER BY number), '')
            FROM opening_money m WHERE m.wallet_id = w.id);
    INSERT INTO ledger_entries (wallet_id, seq, version, kind, at, key, accounting_date, period, previous, hash)
    VALUES (w.id, w.seq, 2, 'opening', booked, 'opening:' || w.id, day, date_trunc('month', day), w.hash, sha256(convert_to(bytes, 'UTF8')));
    INSERT INTO money_postings (wallet_id, seq, number, account, lot_id, currency, amount)
    SELECT w.id, w.seq, number, account, lot_id, currency, amount FROM opening_money m WHERE m.wallet_id = w.id;
    INSERT INTO ledger_facts (wallet_id, seq, number, what, subject_id, digest)
    SELECT w.id, w.seq, number, what, id, digest FROM opening_facts f WHERE f.wallet_id = w.id;
  END LOOP;
END $$;
-- +goose StatementEnd
