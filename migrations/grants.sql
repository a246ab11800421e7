-- What the two servers may do, whole: store.Migrate runs this file after the migrations, every time, as the owner of the
-- tables. Nobody else may do anything. A new table gets its lines here, or its name among those at the end; a new column
-- of a table whose columns are named gets its place in their list. A test lists what comes of it against schema.sql.
--
-- Locking a row (FOR UPDATE, FOR SHARE) takes the right to update one of its columns. Where a server locks what it must
-- not change, that column is one by which nothing can be won, and said so.

-- The roles are the server's, not the database's: one who may not make them is told what to ask for.
DO $$
DECLARE
  name text;
BEGIN
  FOREACH name IN ARRAY ARRAY['volary_web', 'volary_worker'] LOOP
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = name) THEN
      EXECUTE format('CREATE ROLE %I NOLOGIN', name);
    END IF;
  END LOOP;
EXCEPTION
  WHEN duplicate_object OR unique_violation THEN NULL; -- made meanwhile, for another database of this server
  WHEN insufficient_privilege THEN
    RAISE EXCEPTION 'the roles volary_web and volary_worker are missing, and % may not make them', current_user
      USING HINT = 'A superuser makes them once: CREATE ROLE volary_web; CREATE ROLE volary_worker;', ERRCODE = 'insufficient_privilege';
END $$;

-- Everything is taken away first. Temporary tables too: by triggers of its own on one, a server could call what refuses a
-- direct change as if it came from the table that may make it.
DO $$
DECLARE
  ours record;
BEGIN
  EXECUTE format('REVOKE CREATE, TEMPORARY ON DATABASE %I FROM PUBLIC, volary_web, volary_worker', current_database());
  REVOKE CREATE ON SCHEMA public FROM PUBLIC, volary_web, volary_worker;
  FOR ours IN SELECT oid::regclass AS name, relkind FROM pg_class
    WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p', 'v', 'S') AND pg_has_role(relowner, 'USAGE') LOOP
    EXECUTE format('REVOKE ALL ON %s %s FROM PUBLIC, volary_web, volary_worker', CASE ours.relkind WHEN 'S' THEN 'SEQUENCE' ELSE 'TABLE' END, ours.name);
  END LOOP;
  FOR ours IN SELECT oid::regprocedure AS name FROM pg_proc
    WHERE pronamespace = 'public'::regnamespace AND prosecdef AND pg_has_role(proowner, 'USAGE') LOOP
    EXECUTE format('REVOKE ALL ON FUNCTION %s FROM PUBLIC, volary_web, volary_worker', ours.name);
  END LOOP;
END $$;
GRANT USAGE ON SCHEMA public TO volary_web, volary_worker;

-- People ------------------------------------------------------------------------------------------------------------

GRANT SELECT, INSERT, UPDATE (email, name, password_hash, platform_admin, platform_auditor, confirmed_at, suspended_at, suspended_reason) ON people TO volary_web;
GRANT SELECT (id, email, name, platform_admin, suspended_at) ON people TO volary_worker;
GRANT SELECT, INSERT, UPDATE (suspended_at, suspended_reason, quota, starters, legal_name, paper_name, address, country, vat_id, contact) ON organizations TO volary_web;
GRANT SELECT, UPDATE (created_at) ON organizations TO volary_worker; -- created_at: to be locked
GRANT SELECT, INSERT, UPDATE ON providers TO volary_web;
GRANT SELECT ON providers TO volary_worker;
GRANT SELECT, INSERT, UPDATE (role, cap, cap_since), DELETE ON memberships TO volary_web;
GRANT SELECT (organization_id, person_id, role, cap, cap_since), UPDATE (created_at) ON memberships TO volary_worker; -- a lease that extends itself keeps to caps; created_at: to be locked
GRANT SELECT, INSERT, DELETE ON left_caps TO volary_web;
GRANT SELECT, INSERT, UPDATE (role), DELETE ON staff TO volary_web;
GRANT SELECT (provider_id, person_id, role) ON staff TO volary_worker;

-- Sessions and what opens one are web's alone. The worker sees whether the session of a console is still there.
GRANT SELECT, INSERT, UPDATE (organization_id, provider_id, seen_at, expires_at, fresh_at), DELETE ON sessions TO volary_web; -- expires_at: a check bounds it
GRANT SELECT (id, person_id, organization_id, provider_id, expires_at) ON sessions TO volary_worker;
GRANT SELECT, INSERT, UPDATE (seen_at), DELETE ON devices TO volary_web;
GRANT SELECT, INSERT, DELETE, UPDATE (at) ON sign_in_failures TO volary_web; -- at: to be locked
GRANT SELECT, INSERT, UPDATE (token_hash, expires_at, completed_at) ON sign_ups TO volary_web;
GRANT SELECT, INSERT, UPDATE (used_at), DELETE ON mail_tokens TO volary_web;
GRANT SELECT, INSERT, UPDATE (token_hash, expires_at, invited_by, accepted_at, accepted_by, revoked_at) ON invitations TO volary_web;
GRANT SELECT, INSERT, DELETE ON ssh_keys TO volary_web;
GRANT SELECT, INSERT, DELETE ON taken_names TO volary_web;
GRANT SELECT, INSERT, UPDATE (route, digest, at, location, notice), DELETE ON slips TO volary_web; -- each by its person
GRANT SELECT (at), DELETE ON slips TO volary_worker;

-- Web seals links and does not get them back.
GRANT INSERT (id, to_address, kind, data, sealed, created_at, caused_by, invitation_id),
  SELECT (id, to_address, kind, data, subject, body, state, error, attempts, created_at, sent_at, has_link, caused_by, invitation_id, refused_by, refused),
  UPDATE (state, error) ON mails TO volary_web;
GRANT SELECT, INSERT, UPDATE ON mails TO volary_worker;
GRANT SELECT, INSERT, UPDATE (scope), DELETE ON mail_choices TO volary_web;
GRANT SELECT ON mail_choices TO volary_worker;
-- Web tells; what becomes of a notice is the worker's.
GRANT SELECT (person_id, event, subject_id, mark, group_id, due_at, ended_at), INSERT (person_id, event, subject_id, mark, kind, place_id, group_id, data, created_at, due_at) ON notices TO volary_web;
GRANT SELECT, INSERT, UPDATE (due_at, mail_id, ended_at), DELETE ON notices TO volary_worker;
GRANT SELECT, INSERT, DELETE ON told TO volary_worker;
GRANT SELECT, INSERT, UPDATE (ended_at) ON announcements TO volary_web;
GRANT SELECT, INSERT, UPDATE (created_at) ON announcement_dismissals TO volary_web;

-- Insert-only: nobody changes or removes what was done.
GRANT SELECT, INSERT ON audit TO volary_web;
GRANT INSERT ON audit TO volary_worker;

-- Books -------------------------------------------------------------------------------------------------------------

-- Insert-only. Sums and heads follow from what is inserted, by triggers that run as the owner; the columns of lots that
-- hold sums cannot be given with the row.
GRANT SELECT, INSERT ON ledger_entries, ledger_postings, money_postings, ledger_facts, usage_lines TO volary_web, volary_worker;
GRANT SELECT ON money_moves, account_codes TO volary_web, volary_worker;
GRANT INSERT, DELETE ON account_codes TO volary_web;
-- A month begins with its first entry, by a function that locks it; triggers keep what is closed.
GRANT SELECT, UPDATE (closed_at, closed_by) ON periods TO volary_web;
GRANT SELECT ON periods TO volary_worker;
GRANT EXECUTE ON FUNCTION open_period(uuid, date) TO volary_web, volary_worker;
GRANT SELECT, INSERT ON period_balances, period_files, period_file_parts, statements, statement_uses TO volary_web;
GRANT SELECT ON holds TO volary_web, volary_worker;
GRANT SELECT, INSERT (id, wallet_id, expires_at, note, created_by, created_at, order_id, pool_id, amount, currency, purpose), UPDATE (note) ON lots TO volary_web; -- note: to be locked; a trigger refuses
GRANT SELECT, UPDATE (note) ON lots TO volary_worker; -- the same
GRANT SELECT, INSERT (wallet_id), UPDATE (wallet_id) ON journal_heads TO volary_web, volary_worker; -- UPDATE: to be locked; a trigger refuses
GRANT SELECT, INSERT (id, provider_id, organization_id), UPDATE (created_at) ON wallets TO volary_web, volary_worker; -- created_at: to be locked; nothing reads it
GRANT SELECT, INSERT, UPDATE ON hour_marks TO volary_web;
GRANT SELECT, UPDATE (told, told_at, number) ON hour_marks TO volary_worker;
GRANT SELECT, INSERT ON invoices, invoice_lines TO volary_web;
GRANT SELECT ON invoices, invoice_lines TO volary_worker;
GRANT SELECT, INSERT ON payments, payment_allocations, credit_notes, credit_note_lines, invoice_taxes, credit_note_taxes TO volary_web;
GRANT SELECT ON payments, payment_allocations, credit_notes, credit_note_lines, invoice_taxes, credit_note_taxes TO volary_worker;
GRANT SELECT, INSERT ON tax_rates, tax_exemptions TO volary_web;
GRANT SELECT, INSERT, UPDATE (last) ON credit_note_numbers TO volary_web;
GRANT SELECT ON credit_note_numbers TO volary_worker;
GRANT SELECT ON invoice_balances, wallet_money TO volary_web, volary_worker; -- triggers keep them
GRANT SELECT, INSERT, UPDATE (last) ON invoice_numbers TO volary_web;
GRANT SELECT ON invoice_numbers TO volary_worker; -- for the proof

-- What was agreed stays: only that it ended, or how it was decided, is added.
GRANT SELECT, INSERT, UPDATE (ended_at) ON offers TO volary_web;
GRANT SELECT, INSERT, UPDATE (during), DELETE ON offer_prices TO volary_web; -- a trigger keeps all that has begun
GRANT SELECT, INSERT, UPDATE (state, reason, decided_by, decided_at, lot_id, good_until) ON orders TO volary_web;
GRANT SELECT ON offers, offer_prices, orders TO volary_worker;
GRANT USAGE ON SEQUENCE orders_number_seq TO volary_web;
GRANT SELECT, INSERT, UPDATE (state, reason, decided_by, decided_at, cluster_id) ON launch_requests TO volary_web;

-- Web extends a run with its lease, and bounds it with a pause; a lease that extends itself is the worker's, and so is that a run lived, and ended.
GRANT SELECT, UPDATE (ends_by) ON runs TO volary_web;
GRANT SELECT, INSERT, UPDATE (ends_by, ended_at, proven_at, proofs, longest_gap, closed_at, close_reason, span) ON runs TO volary_worker;
GRANT SELECT ON run_bookings TO volary_web;
GRANT SELECT, UPDATE (done, aside_reason) ON run_bookings TO volary_worker; -- triggers begin and move it
GRANT SELECT ON audit_runs TO volary_web;
GRANT SELECT, INSERT, UPDATE ON audit_runs TO volary_worker;
GRANT SELECT ON anchors TO volary_web;
GRANT SELECT, INSERT (id, day, provider_id, journals, heads), UPDATE (envelope, key_id, signed_at) ON anchors TO volary_worker; -- a trigger keeps what is signed

-- Images and models -------------------------------------------------------------------------------------------------

-- What an upload is, and which images come of it, is the worker's verdict. Web has it checked, and says why it is not.
GRANT SELECT, INSERT (id, organization_id, person_id, filename, name, size, fingerprint, sender, expected_digest, created_at),
  UPDATE (finished_at, finished_by, sender, expected_digest, state, reason), DELETE ON uploads TO volary_web;
GRANT EXECUTE ON FUNCTION refuse_upload(text, text, jsonb) TO volary_web;
GRANT SELECT, UPDATE (state, reason, checks, progress, format, digest, verified_at, size, finished_at, finished_by), DELETE ON uploads TO volary_worker;
-- Web seals addresses and does not get them back; what is fetched is the worker's word.
GRANT INSERT (upload_id, address, asked_by, sealed), SELECT (upload_id, address, given, asked_by, state, advice, leads, length, received, rate),
  UPDATE (address, given, asked_by, state, advice, leads, follow, back, cuts, begun, started_at, waits_since) ON upload_sources TO volary_web;
GRANT SELECT, UPDATE ON upload_sources TO volary_worker;
GRANT SELECT, UPDATE (created_at), DELETE ON images TO volary_web; -- created_at: to be locked; foreign keys keep what is used
GRANT SELECT, INSERT, UPDATE (lost, lost_at) ON images TO volary_worker; -- an image never changes, what is left of its bytes does
GRANT SELECT, INSERT, UPDATE (holder, confirmed_at, wanted), DELETE ON upload_locks TO volary_web;
GRANT SELECT, INSERT, UPDATE (holder, confirmed_at, wanted), DELETE ON upload_locks TO volary_worker; -- what stood still is discarded under its lock
GRANT SELECT, INSERT ON model_clusters TO volary_web;
-- A share is a row: withdrawn, it goes. What web clones and gives, functions look through that know shares.
GRANT SELECT, INSERT, DELETE ON model_shares TO volary_web;
GRANT SELECT, INSERT ON model_origins, foreign_certificates TO volary_web;
GRANT SELECT ON given_certificates TO volary_web;
GRANT EXECUTE ON FUNCTION clone_image(uuid, uuid, int, uuid, uuid, text), give_certificates(uuid, uuid) TO volary_web;
GRANT SELECT ON bundles TO volary_web;
GRANT SELECT, INSERT ON bundles TO volary_worker;
GRANT SELECT, INSERT, UPDATE ON model_versions TO volary_web; -- a trigger keeps what is published, and its groups
GRANT SELECT, INSERT, UPDATE, DELETE ON version_roles TO volary_web;
GRANT SELECT ON model_clusters, model_versions, version_roles TO volary_worker;
GRANT SELECT, INSERT, UPDATE (state, report, ended_at, place, waits_for, ended_why) ON acceptance_tests TO volary_web;
-- A test that waited is begun by the worker, cluster and all.
GRANT SELECT, UPDATE (state, report, ended_at, evidence, cluster_id, begun_at, place, waits_for, ended_why) ON acceptance_tests TO volary_worker;
-- Insert-only. The worker alone makes keys and signs; web says what ends a key, and never had what was sealed.
GRANT SELECT (id, provider_id, key_id, public_key, created_at) ON certificate_keys TO volary_web;
GRANT SELECT, INSERT (id, provider_id, public_key, sealed, created_at) ON certificate_keys TO volary_worker;
GRANT SELECT, INSERT (key_id, kind, reason, person_id) ON certificate_key_ends TO volary_web;
GRANT SELECT ON certificate_key_ends TO volary_worker;
GRANT SELECT, INSERT ON certificate_claims TO volary_worker;
GRANT SELECT ON certificates TO volary_web;
GRANT SELECT, INSERT ON certificates TO volary_worker;
GRANT SELECT, INSERT, UPDATE (job_id) ON verification_turns TO volary_worker;
GRANT SELECT (canonical_digest), INSERT, UPDATE (gone_at) ON gone_images TO volary_web;
GRANT SELECT ON gone_images TO volary_worker;

-- Machines ----------------------------------------------------------------------------------------------------------

GRANT SELECT, INSERT, UPDATE (retired_at) ON shapes TO volary_web;
GRANT SELECT ON shapes TO volary_worker;
GRANT SELECT, INSERT, UPDATE ON pools TO volary_web;
GRANT SELECT, UPDATE (created_at) ON pools TO volary_worker; -- created_at: to be locked, where nodes are placed elsewhere; nothing reads it
-- What a host is and has, is what the worker found on it.
GRANT SELECT, INSERT (id, provider_id, pool_id, name, scheme, address, port, underlay, offered_vcpus, labels, state, created_at, enrol_code, enrol_until),
  UPDATE (state, state_reason, check_state, check_report, checked_at, claimed_by, claimed_until, removed_at, enrol_code, enrol_until, enrol_seen) ON hosts TO volary_web;
GRANT SELECT, UPDATE ON hosts TO volary_worker;
GRANT SELECT ON host_silences, host_pairs TO volary_web;
GRANT SELECT, DELETE ON base_images TO volary_web; -- with their host
GRANT SELECT, INSERT, UPDATE, DELETE ON base_images TO volary_worker;
GRANT SELECT, INSERT, UPDATE (passed, detail, at) ON host_pairs TO volary_worker;
GRANT SELECT, INSERT, UPDATE (until_at, rounds, why), DELETE ON host_silences TO volary_worker;

-- A cluster's secret is written by web and read by the worker, who gives it to the nodes.
GRANT INSERT,
  SELECT (id, organization_id, provider_id, pool_id, version_id, person_id, kind, name, desired, reason, reason_detail, generation,
    reconciled_generation, claimed_by, claimed_until, retry_at, attempts, vni, subnet, network_generation, lease_seconds,
    lease_ends_at, start_count, created_at, ready_at, ended_at, purchase_order, cost_centre, grant_number, ssh_keys_left_out, document_digest,
    barred_at, barred_by, barred_why, disks_until, paused_at, paused_by, paused_why, paused_until,
    lease_until, until_stopped, lease_stays, lease_tried_at, at_end, keep_days, kept_until),
  UPDATE (lease_until, until_stopped, lease_stays, lease_tried_at, at_end, keep_days, kept_until, barred_at, barred_by, barred_why, disks_until, paused_at, paused_by, paused_why, paused_until, network_generation, desired, reason, reason_detail, generation, retry_at, attempts,
    ssh_keys_left_out, lease_seconds, lease_ends_at, start_count, ready_at)
  ON clusters TO volary_web;
GRANT SELECT, INSERT, UPDATE ON clusters TO volary_worker;
GRANT USAGE ON SEQUENCE vnis TO volary_web, volary_worker;
GRANT SELECT, INSERT ON cluster_starts TO volary_web;
GRANT SELECT ON cluster_starts TO volary_worker;
-- Who has which login follows from who becomes a member, and how often rights changed from their changes: by triggers.
GRANT SELECT ON logins, access_changes TO volary_web, volary_worker;
GRANT SELECT ON rightful_keys TO volary_web, volary_worker; -- of ssh_keys the worker sees no more
GRANT SELECT ON node_access TO volary_web;
GRANT SELECT, INSERT, UPDATE ON node_access TO volary_worker;
-- Insert-only: who was let in stays known.
GRANT SELECT, INSERT ON cluster_keys TO volary_web;
GRANT SELECT, INSERT ON cluster_keys TO volary_worker;
GRANT SELECT, INSERT, UPDATE ON nodes TO volary_web;
GRANT SELECT, INSERT, UPDATE ON nodes TO volary_worker;
GRANT SELECT, INSERT, UPDATE (held, gate_deadline, ended_at, reason, reason_detail) ON batches TO volary_web;
GRANT SELECT, INSERT, UPDATE ON batches TO volary_worker;
-- Web asks for a drain and ends it; what became of its command is the worker's word.
GRANT SELECT, INSERT, UPDATE (closed_at, outcome) ON drains TO volary_web;
GRANT SELECT, UPDATE (begun_at, claimed_by, claimed_until, asked_at, problem, closed_at, outcome) ON drains TO volary_worker;
-- A trigger writes each state that a node comes to; that it was made, and that its gate was met, is the worker's word.
GRANT SELECT ON node_steps TO volary_web;
GRANT SELECT, INSERT (cluster_id, node_id, host_id, step, at, since) ON node_steps TO volary_worker;

-- Web makes tickets and cannot find out about those that it made; the worker redeems them.
GRANT SELECT, INSERT, UPDATE (revoked_at) ON console_consents TO volary_web;
GRANT SELECT ON console_consents TO volary_worker;
GRANT INSERT ON console_tickets TO volary_web;
GRANT SELECT, UPDATE (redeemed_at) ON console_tickets TO volary_worker;

-- Spent secrets go without being read.
GRANT EXECUTE ON FUNCTION forget_secrets(int) TO volary_worker;

-- Jobs --------------------------------------------------------------------------------------------------------------

-- River's tables are the worker's. Web asks by functions, and sees no arguments.
GRANT SELECT ON jobs TO volary_web, volary_worker;
GRANT EXECUTE ON FUNCTION enqueue(text, jsonb, text, int, int, timestamptz) TO volary_web, volary_worker;
GRANT EXECUTE ON FUNCTION retry_job(bigint), cancel_job(bigint) TO volary_web, volary_worker;
GRANT SELECT, INSERT, UPDATE, DELETE ON river_job, river_leader, river_queue, river_notification TO volary_worker;
GRANT USAGE ON SEQUENCE river_job_id_seq, river_notification_id_seq TO volary_worker;

-- Which version the schema is of.
GRANT SELECT ON goose_db_version, river_migration TO volary_web, volary_worker;
