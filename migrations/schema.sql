-- The schema that the migrations make. Written by `go run ./cmd/dev gen`; never edited.

CREATE EXTENSION btree_gist;

CREATE SEQUENCE vnis;

CREATE OR REPLACE FUNCTION public.apply_allocation()
 RETURNS trigger
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'public', 'pg_temp'
AS $function$
BEGIN
  UPDATE invoice_balances b SET paid = b.paid + NEW.amount
    FROM payments p WHERE b.invoice_id = NEW.invoice_id AND p.id = NEW.payment_id AND p.kind <> 'repaid'
     AND (b.provider_id, b.organization_id, b.currency) = (p.provider_id, p.organization_id, p.currency);
  IF NOT FOUND OR (SELECT sum(a.amount) > p.amount FROM payments p JOIN payment_allocations a ON a.payment_id = p.id WHERE p.id = NEW.payment_id GROUP BY p.amount) THEN
    RAISE EXCEPTION 'payment % does not pay invoice %', NEW.payment_id, NEW.invoice_id USING ERRCODE = 'check_violation';
  END IF;
  RETURN NULL;
END $function$;

CREATE OR REPLACE FUNCTION public.apply_costs()
 RETURNS trigger
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'public', 'pg_temp'
AS $function$
BEGIN
  UPDATE holds h SET cost = coalesce(h.cost, 0) + a.cost
    FROM (SELECT cluster_id, lot_id, sum(cost) AS cost FROM added WHERE cost IS NOT NULL GROUP BY cluster_id, lot_id) a
   WHERE h.cluster_id = a.cluster_id AND h.lot_id = a.lot_id;
  RETURN NULL;
END $function$;

CREATE OR REPLACE FUNCTION public.apply_money()
 RETURNS trigger
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'public', 'pg_temp'
AS $function$
BEGIN
  UPDATE lots l SET deferred = l.deferred + d.deferred
    FROM (SELECT lot_id, -sum(amount) AS deferred FROM added WHERE account = 'deferred' GROUP BY lot_id) d
   WHERE l.id = d.lot_id;
  -- Zero rows first: an upsert checks its proposed row, which credit that is used would not pass.
  INSERT INTO wallet_money (wallet_id, currency)
  SELECT DISTINCT wallet_id, currency FROM added WHERE account IN ('receivable', 'credit') ON CONFLICT DO NOTHING;
  UPDATE wallet_money w SET receivable = w.receivable + d.receivable, credit = w.credit + d.credit
    FROM (SELECT wallet_id, currency, coalesce(sum(amount) FILTER (WHERE account = 'receivable'), 0) AS receivable,
                 coalesce(-sum(amount) FILTER (WHERE account = 'credit'), 0) AS credit
            FROM added WHERE account IN ('receivable', 'credit') GROUP BY wallet_id, currency) d
   WHERE w.wallet_id = d.wallet_id AND w.currency = d.currency;
  RETURN NULL;
END $function$;

CREATE OR REPLACE FUNCTION public.apply_postings()
 RETURNS trigger
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'public', 'pg_temp'
AS $function$
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
END $function$;

CREATE OR REPLACE FUNCTION public.begin_balance()
 RETURNS trigger
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'public', 'pg_temp'
AS $function$
BEGIN
  INSERT INTO invoice_balances (invoice_id, provider_id, organization_id, currency, due_on, total)
  VALUES (NEW.id, NEW.provider_id, NEW.organization_id, NEW.currency, NEW.due_on, NEW.net + NEW.tax);
  RETURN NULL;
END $function$;

CREATE OR REPLACE FUNCTION public.begin_booking()
 RETURNS trigger
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'public', 'pg_temp'
AS $function$
BEGIN
  INSERT INTO run_bookings (run_id, wallet_id, booked_until) VALUES (NEW.id, NEW.wallet_id, NEW.started_at);
  RETURN NULL;
END $function$;

CREATE OR REPLACE FUNCTION public.cancel_job(job bigint)
 RETURNS text
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'public', 'pg_temp'
AS $function$
DECLARE
  was text;
  lane text;
BEGIN
  SELECT state::text, queue INTO was, lane FROM river_job WHERE id = job FOR UPDATE;
  IF was IN ('available', 'pending', 'retryable', 'running', 'scheduled') THEN
    UPDATE river_job SET metadata = jsonb_set(metadata, '{cancel_attempted_at}', to_jsonb(now())),
           state = CASE was WHEN 'running' THEN 'running' ELSE 'cancelled' END::river_job_state,
           finalized_at = CASE was WHEN 'running' THEN NULL ELSE now() END
     WHERE id = job;
    PERFORM pg_notify('public.river_control', json_build_object('action', 'cancel', 'job_id', job, 'queue', lane)::text);
  END IF;
  RETURN was;
END $function$;

CREATE OR REPLACE FUNCTION public.clone_image(made uuid, source uuid, at_position integer, taker uuid, person uuid, called text)
 RETURNS boolean
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'public', 'pg_temp'
AS $function$
BEGIN
  -- The lock is the one that the deletion of an image waits for: its bytes have the clone's row by then, and stay.
  INSERT INTO images (id, organization_id, person_id, name, virtual_size, canonical_size, canonical_digest, guest_digest, proposed_vcpus, proposed_memory_mib,
    firmware, lost, lost_at, cloned, created_at)
  SELECT made, taker, person, called, i.virtual_size, i.canonical_size, i.canonical_digest, i.guest_digest, i.proposed_vcpus, i.proposed_memory_mib,
    i.firmware, i.lost, i.lost_at, true, now()
  FROM version_roles r JOIN model_versions v ON v.id = r.version_id JOIN organizations o ON o.id = v.organization_id JOIN images i ON i.id = r.image_id
  WHERE r.version_id = source AND r.position = at_position AND v.state = 'published' AND v.organization_id <> taker AND o.suspended_at IS NULL
    AND EXISTS (SELECT FROM model_shares s WHERE s.model_cluster_id = v.model_cluster_id AND (s.with_id = taker OR s.with_id IS NULL))
  FOR KEY SHARE OF i;
  RETURN FOUND;
END $function$;

CREATE OR REPLACE FUNCTION public.cluster_state(paused boolean, desired text[], states text[])
 RETURNS text
 LANGUAGE sql
 IMMUTABLE PARALLEL SAFE
AS $function$
  SELECT CASE
    WHEN count(*) = 0 THEN 'gone'
    WHEN count(*) FILTER (WHERE want <> 'gone') = 0 THEN 'stopping'
    WHEN NOT paused AND bool_or(want = 'running' AND state = 'failed') THEN 'failed'
    WHEN paused THEN 'paused'
    WHEN bool_and(state = 'stopped') FILTER (WHERE want <> 'gone') THEN 'stopped'
    WHEN count(*) FILTER (WHERE want = 'running') = 0 THEN 'stopping'
    WHEN bool_and(state = 'reserved') FILTER (WHERE want = 'running') THEN 'waiting'
    WHEN bool_and(state IN ('reserved', 'starting')) FILTER (WHERE want = 'running') THEN 'starting'
    WHEN bool_and(state = 'ready') FILTER (WHERE want = 'running' AND state NOT IN ('reserved', 'starting')) THEN 'ready'
    ELSE 'degraded' END
    FROM unnest(desired, states) AS n (want, state) WHERE state <> 'gone'
$function$;

CREATE OR REPLACE FUNCTION public.continue_journal()
 RETURNS trigger
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'public', 'pg_temp'
AS $function$
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
END $function$;

CREATE OR REPLACE FUNCTION public.continue_runs()
 RETURNS trigger
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'public', 'pg_temp'
AS $function$
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
END $function$;

CREATE OR REPLACE FUNCTION public.enqueue(wanted text, arguments jsonb, lane text, rank integer, attempts integer, due timestamp with time zone)
 RETURNS void
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'public', 'pg_temp'
AS $function$
DECLARE
  subject text;
  own_lane text;
  most int;
  about uuid;
BEGIN
  SELECT k.subject, k.lane, k.most INTO subject, own_lane, most FROM (VALUES
    ('verify_upload', 'upload_id', 'verify', 3), ('discard_upload', 'upload_id', 'hosts', 12), ('fetch_upload', 'upload_id', 'fetch', 12),
    ('delete_image', 'image_id', 'hosts', 12),
    ('run_acceptance', 'test_id', 'acceptance', 3), ('check_host', 'host_id', 'hosts', 3), ('send_mail', 'mail_id', 'mail', 12)) AS k (kind, subject, lane, most) WHERE kind = wanted;
  about := (arguments ->> subject)::uuid;
  IF about IS NULL THEN
    RAISE EXCEPTION 'there is no job %, or it is not said for what', wanted USING ERRCODE = 'invalid_parameter_value';
  END IF;
  IF lane IS DISTINCT FROM own_lane OR attempts IS NULL OR attempts NOT BETWEEN 1 AND most OR rank IS DISTINCT FROM 1 THEN
    RAISE EXCEPTION 'job % waits in the queue %, not %, with priority 1, and is tried at most % times', wanted, own_lane, lane, most
      USING ERRCODE = 'invalid_parameter_value';
  END IF;
  IF octet_length(arguments::text) > 2000 OR due > now() + interval '1 day' THEN
    RAISE EXCEPTION 'job % has arguments of at most 2000 bytes and begins within a day', wanted USING ERRCODE = 'invalid_parameter_value';
  END IF;
  INSERT INTO river_job (kind, args, queue, priority, max_attempts, state, scheduled_at, unique_key, unique_states)
  VALUES (wanted, arguments, own_lane, 1, attempts,
          CASE WHEN due > now() THEN 'scheduled' ELSE 'available' END::river_job_state, coalesce(due, now()),
          sha256(convert_to(format('&kind=%s&args={"%s":"%s"}', wanted, subject, about), 'UTF8')),
          B'11110001') -- available, pending, retryable, running, scheduled
  ON CONFLICT (unique_key) WHERE unique_key IS NOT NULL AND unique_states IS NOT NULL AND river_job_state_in_bitmask(unique_states, state)
  DO NOTHING;
  IF FOUND THEN
    PERFORM pg_notify('public.river_insert', json_build_object('queue', own_lane)::text);
  END IF;
END $function$;

CREATE OR REPLACE FUNCTION public.forget_secrets(most integer)
 RETURNS integer
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'public', 'pg_temp'
AS $function$
DECLARE
  n int;
  largest int := 0;
BEGIN
  DELETE FROM sessions WHERE ctid IN (
    SELECT ctid FROM sessions WHERE expires_at < now() LIMIT most FOR UPDATE SKIP LOCKED);
  GET DIAGNOSTICS n = ROW_COUNT; largest := greatest(largest, n);
  DELETE FROM console_tickets WHERE ctid IN (
    SELECT ctid FROM console_tickets WHERE expires_at < now() LIMIT most FOR UPDATE SKIP LOCKED);
  GET DIAGNOSTICS n = ROW_COUNT; largest := greatest(largest, n);
  DELETE FROM mail_tokens WHERE ctid IN (
    SELECT ctid FROM mail_tokens WHERE expires_at < now() - interval '1 day' LIMIT most FOR UPDATE SKIP LOCKED);
  GET DIAGNOSTICS n = ROW_COUNT; largest := greatest(largest, n);
  DELETE FROM sign_ups WHERE ctid IN (
    SELECT ctid FROM sign_ups WHERE expires_at < now() - interval '7 days' LIMIT most FOR UPDATE SKIP LOCKED);
  GET DIAGNOSTICS n = ROW_COUNT; largest := greatest(largest, n);
  UPDATE sign_ups SET password_hash = '' WHERE ctid IN (
    SELECT ctid FROM sign_ups WHERE password_hash <> '' AND completed_at IS NOT NULL LIMIT most FOR UPDATE SKIP LOCKED);
  GET DIAGNOSTICS n = ROW_COUNT; largest := greatest(largest, n);
  UPDATE invitations SET token_hash = NULL WHERE ctid IN (
    SELECT ctid FROM invitations WHERE token_hash IS NOT NULL AND (
      expires_at < now() - interval '1 day' OR accepted_at < now() - interval '1 day' OR revoked_at < now() - interval '1 day')
    LIMIT most FOR UPDATE SKIP LOCKED);
  GET DIAGNOSTICS n = ROW_COUNT; largest := greatest(largest, n);
  -- No link is good for longer than an invitation's fourteen days, and none but those than a sign-up's three.
  UPDATE mails SET sealed = NULL WHERE ctid IN (
    SELECT ctid FROM mails WHERE sealed IS NOT NULL AND created_at < now() - CASE kind WHEN 'invitation' THEN interval '15 days' ELSE interval '4 days' END LIMIT most FOR UPDATE SKIP LOCKED);
  GET DIAGNOSTICS n = ROW_COUNT; largest := greatest(largest, n);
  RETURN largest;
END $function$;

CREATE OR REPLACE FUNCTION public.give_certificates(source uuid, taker uuid)
 RETURNS void
 LANGUAGE sql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'public', 'pg_temp'
AS $function$
  INSERT INTO given_certificates (organization_id, certificate_id)
  SELECT taker, c.id FROM model_versions v JOIN organizations o ON o.id = v.organization_id JOIN certificates c ON c.document_digest = v.document_digest
  WHERE v.id = source AND v.state = 'published' AND v.organization_id <> taker AND c.organization_id <> taker AND o.suspended_at IS NULL
    AND EXISTS (SELECT FROM model_shares s WHERE s.model_cluster_id = v.model_cluster_id AND (s.with_id = taker OR s.with_id IS NULL))
    AND (c.organization_id = v.organization_id OR EXISTS (SELECT FROM given_certificates g WHERE g.certificate_id = c.id AND g.organization_id = v.organization_id))
  ON CONFLICT DO NOTHING
$function$;

CREATE OR REPLACE FUNCTION public.give_login()
 RETURNS trigger
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'public', 'pg_temp'
AS $function$
BEGIN
  PERFORM make_login(NEW.organization_id, NEW.person_id);
  RETURN NULL;
END $function$;

CREATE OR REPLACE FUNCTION public.keep_periods()
 RETURNS trigger
 LANGUAGE plpgsql
 SET search_path TO 'pg_catalog', 'public', 'pg_temp'
AS $function$
BEGIN
  IF TG_OP = 'INSERT' THEN
    IF NEW.closed_at IS NULL THEN
      RETURN NEW;
    END IF;
    RAISE EXCEPTION 'period % begins open', NEW.month USING ERRCODE = 'restrict_violation';
  END IF;
  IF TG_OP = 'DELETE' OR OLD.closed_at IS NOT NULL OR (NEW.provider_id, NEW.month) <> (OLD.provider_id, OLD.month) THEN
    RAISE EXCEPTION 'period % stays, and is closed once', OLD.month USING ERRCODE = 'restrict_violation';
  END IF;
  IF EXISTS (SELECT FROM periods WHERE provider_id = NEW.provider_id AND month < NEW.month AND closed_at IS NULL) THEN
    RAISE EXCEPTION 'period % is closed after those before it', NEW.month USING ERRCODE = 'restrict_violation';
  END IF;
  RETURN NEW;
END $function$;

CREATE OR REPLACE FUNCTION public.make_login(of_organization uuid, of_person uuid)
 RETURNS void
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'public', 'pg_temp'
AS $function$
DECLARE
  base text;
  chosen text;
  number int;
  tries int := 1;
BEGIN
  -- Two at once would choose the same. Members of an organization come one after another anyway.
  PERFORM FROM organizations WHERE id = of_organization FOR NO KEY UPDATE;
  IF EXISTS (SELECT FROM logins WHERE organization_id = of_organization AND person_id = of_person) THEN
    RETURN;
  END IF;
  SELECT coalesce(max(uid), 69999) + 1 INTO number FROM logins WHERE organization_id = of_organization;
  IF number > 99999 THEN
    RETURN; -- a membership does not fail for it
  END IF;
  SELECT regexp_replace(split_part(email, '@', 1), '[^a-z0-9]+', '-', 'g') INTO base FROM people WHERE id = of_person;
  base := trim(BOTH '-' FROM left(regexp_replace(trim(BOTH '-' FROM base), '^([^a-z]|$|systemd-)', 'u\1'), 24));
  chosen := base;
  WHILE chosen IN ('root', 'toor', 'admin', 'administrator', 'adm', 'wheel', 'sudo', 'daemon', 'bin', 'sys', 'sync', 'games', 'man', 'lp', 'mail', 'news',
      'uucp', 'proxy', 'www-data', 'backup', 'list', 'irc', 'gnats', 'nobody', 'nogroup', 'messagebus', 'sshd', 'ssh', 'ntp', 'chrony', 'tss', 'uuidd', 'polkitd',
      'dnsmasq', 'libvirt-qemu', 'postfix', 'statd', 'rpc', 'rpcuser', 'nfsnobody', 'operator', 'halt', 'shutdown', 'ftp', 'users', 'user', 'guest', 'dbus', 'docker',
      'debian', 'ubuntu', 'centos', 'rocky', 'almalinux', 'fedora', 'opensuse', 'arch', 'alpine', 'ec2-user', 'cloud-user', 'core', 'vagrant', 'volary',
      'slurm', 'munge', 'condor', 'htcondor', 'mpi', 'mysql', 'postgres', 'redis', 'nginx', 'apache', 'git', 'ansible')
      OR EXISTS (SELECT FROM logins WHERE organization_id = of_organization AND login = chosen) LOOP
    tries := tries + 1;
    chosen := base || '-' || tries;
  END LOOP;
  INSERT INTO logins (organization_id, person_id, login, uid, created_at) VALUES (of_organization, of_person, chosen, number, now());
END $function$;

CREATE OR REPLACE FUNCTION public.note_access_change()
 RETURNS trigger
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'public', 'pg_temp'
AS $function$
DECLARE
  changed jsonb;
  who uuid;
  place uuid;
BEGIN
  IF TG_OP = 'DELETE' THEN
    changed := to_jsonb(OLD);
  ELSE
    changed := to_jsonb(NEW);
  END IF;
  who := (CASE WHEN TG_TABLE_NAME = 'people' THEN changed ->> 'id' ELSE changed ->> 'person_id' END)::uuid;
  place := (changed ->> 'organization_id')::uuid; -- of a membership alone
  INSERT INTO access_changes AS a (organization_id, generation, at)
    SELECT o.id, 1, now() FROM organizations o
     WHERE o.id = place OR place IS NULL AND EXISTS (SELECT FROM memberships m WHERE m.organization_id = o.id AND m.person_id = who)
     ORDER BY o.id -- so that two who change several lock them in one order
    ON CONFLICT (organization_id) DO UPDATE SET generation = a.generation + 1, at = now();
  RETURN NULL;
END $function$;

CREATE OR REPLACE FUNCTION public.note_node_step()
 RETURNS trigger
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'public', 'pg_temp'
AS $function$
DECLARE
  began timestamptz;
BEGIN
  IF TG_OP = 'UPDATE' AND (OLD.state = 'starting' AND NEW.state IN ('ready', 'failed') OR OLD.state IN ('lost', 'paused') AND NEW.state = 'ready'
      OR OLD.state = 'stopping' AND NEW.state IN ('stopped', 'gone') OR OLD.state = 'pausing' AND NEW.state = 'paused') THEN
    began := OLD.state_at;
  END IF;
  INSERT INTO node_steps (cluster_id, node_id, host_id, step, at, since, reason, reason_detail)
  VALUES (NEW.cluster_id, NEW.id, NEW.host_id, NEW.state, NEW.state_at, began, NEW.reason, NEW.reason_detail);
  RETURN NULL;
END $function$;

CREATE OR REPLACE FUNCTION public.notify_access()
 RETURNS trigger
 LANGUAGE plpgsql
 SET search_path TO 'pg_catalog', 'public', 'pg_temp'
AS $function$
BEGIN
  PERFORM pg_notify('volary_changes', json_build_object('organization', NEW.organization_id, 'kind', 'cluster', 'id', NEW.cluster_id)::text);
  RETURN NULL;
END $function$;

CREATE OR REPLACE FUNCTION public.notify_certificate()
 RETURNS trigger
 LANGUAGE plpgsql
AS $function$
BEGIN
  PERFORM pg_notify('volary_changes', json_build_object('organization', NEW.organization_id, 'provider', NEW.provider_id, 'kind', 'test', 'id', NEW.test_id)::text);
  RETURN NULL;
END $function$;

CREATE OR REPLACE FUNCTION public.notify_change()
 RETURNS trigger
 LANGUAGE plpgsql
AS $function$
DECLARE
  changed jsonb := to_jsonb(NEW);
BEGIN
  PERFORM pg_notify('volary_changes', json_build_object(
    'organization', changed ->> 'organization_id', 'provider', changed ->> 'provider_id',
    'kind', CASE WHEN TG_NARGS > 0 THEN TG_ARGV[0] WHEN TG_TABLE_NAME = 'images' THEN 'image'
                 WHEN TG_TABLE_NAME = 'acceptance_tests' THEN 'test' ELSE 'cluster' END,
    'id', CASE WHEN TG_TABLE_NAME IN ('nodes', 'drains') THEN changed ->> 'cluster_id' ELSE changed ->> 'id' END)::text);
  RETURN NULL;
END $function$;

CREATE OR REPLACE FUNCTION public.notify_image_gone()
 RETURNS trigger
 LANGUAGE plpgsql
AS $function$
BEGIN
  PERFORM pg_notify('volary_changes', json_build_object('organization', OLD.organization_id, 'kind', 'image', 'id', OLD.id)::text);
  RETURN NULL;
END $function$;

CREATE OR REPLACE FUNCTION public.notify_job()
 RETURNS trigger
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'public', 'pg_temp'
AS $function$
BEGIN
  IF TG_OP = 'UPDATE' AND NEW.kind = 'run_acceptance' AND OLD.attempted_at IS NOT NULL
     AND OLD.state IN ('available', 'scheduled', 'running') AND NEW.state IN ('available', 'scheduled', 'running') THEN
    RETURN NULL;
  END IF;
  PERFORM pg_notify('volary_changes', json_build_object('kind', 'job', 'provider', CASE NEW.kind
    WHEN 'check_host' THEN (SELECT provider_id FROM hosts WHERE id = (NEW.args ->> 'host_id')::uuid)
    WHEN 'run_acceptance' THEN (SELECT provider_id FROM acceptance_tests WHERE id = (NEW.args ->> 'test_id')::uuid) END)::text);
  RETURN NULL;
END $function$;

CREATE OR REPLACE FUNCTION public.notify_request()
 RETURNS trigger
 LANGUAGE plpgsql
AS $function$
BEGIN
  PERFORM pg_notify('volary_changes', json_build_object('organization', NEW.organization_id, 'kind', 'request', 'id', NEW.id)::text);
  RETURN NULL;
END $function$;

CREATE OR REPLACE FUNCTION public.notify_rights()
 RETURNS trigger
 LANGUAGE plpgsql
AS $function$
BEGIN
  PERFORM pg_notify('volary_rights', CASE WHEN TG_TABLE_NAME = 'people' THEN to_jsonb(OLD) ->> 'id'
                                     WHEN TG_TABLE_NAME IN ('console_consents', 'organizations', 'providers') THEN ''
                                     ELSE to_jsonb(OLD) ->> 'person_id' END);
  RETURN NULL;
END $function$;

CREATE OR REPLACE FUNCTION public.notify_step()
 RETURNS trigger
 LANGUAGE plpgsql
AS $function$
BEGIN
  PERFORM pg_notify('volary_changes', json_build_object('organization', organization_id, 'provider', provider_id, 'kind', 'cluster', 'id', NEW.cluster_id)::text)
    FROM nodes WHERE id = NEW.node_id;
  RETURN NULL;
END $function$;

CREATE OR REPLACE FUNCTION public.notify_upload()
 RETURNS trigger
 LANGUAGE plpgsql
AS $function$
DECLARE
  changed uploads := CASE TG_OP WHEN 'DELETE' THEN OLD ELSE NEW END;
BEGIN
  PERFORM pg_notify('volary_changes', json_build_object('organization', changed.organization_id, 'kind', 'upload', 'id', changed.id::uuid)::text);
  RETURN NULL;
END $function$;

CREATE OR REPLACE FUNCTION public.notify_upload_source()
 RETURNS trigger
 LANGUAGE plpgsql
AS $function$
BEGIN
  PERFORM pg_notify('volary_changes', json_build_object('organization', u.organization_id, 'kind', 'upload', 'id', u.id::uuid)::text)
    FROM uploads u WHERE u.id = NEW.upload_id;
  RETURN NULL;
END $function$;

CREATE OR REPLACE FUNCTION public.notify_work()
 RETURNS trigger
 LANGUAGE plpgsql
AS $function$
BEGIN
  PERFORM pg_notify('volary_work', NEW.id::text);
  RETURN NULL;
END $function$;

CREATE OR REPLACE FUNCTION public.open_period(provider uuid, wanted date)
 RETURNS date
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'public', 'pg_temp'
AS $function$
DECLARE
  taken date;
  earliest date;
  latest date;
  closed boolean;
BEGIN
  wanted := date_trunc('month', wanted::timestamp)::date;
  LOOP
    SELECT month INTO taken FROM periods WHERE provider_id = provider AND month >= wanted AND closed_at IS NULL ORDER BY month LIMIT 1 FOR SHARE;
    IF taken = wanted THEN
      RETURN taken;
    END IF;
    SELECT min(month), max(month), coalesce(bool_or(closed_at IS NOT NULL), false) INTO earliest, latest, closed FROM periods WHERE provider_id = provider;
    IF taken IS NOT NULL AND (closed OR wanted >= earliest) THEN
      RETURN taken;
    END IF;
    IF taken IS NOT NULL THEN -- before the first month, which is locked: nobody closes it meanwhile
      INSERT INTO periods (provider_id, month) SELECT provider, g::date
        FROM generate_series(wanted::timestamp, earliest - interval '1 month', interval '1 month') g ON CONFLICT DO NOTHING;
    ELSE
      INSERT INTO periods (provider_id, month) SELECT provider, g::date
        FROM generate_series(coalesce(latest + interval '1 month', wanted::timestamp), greatest(wanted::timestamp, latest + interval '1 month'), interval '1 month') g
      ON CONFLICT DO NOTHING;
    END IF;
  END LOOP;
END $function$;

CREATE OR REPLACE FUNCTION public.refuse_anchor_change()
 RETURNS trigger
 LANGUAGE plpgsql
AS $function$
BEGIN
  IF OLD.envelope IS NOT NULL OR (NEW.id, NEW.day, NEW.provider_id, NEW.journals, NEW.heads, NEW.created_at)
     IS DISTINCT FROM (OLD.id, OLD.day, OLD.provider_id, OLD.journals, OLD.heads, OLD.created_at) THEN
    RAISE EXCEPTION 'anchor of %: it is signed once, and nothing else of it changes', OLD.day USING ERRCODE = 'restrict_violation';
  END IF;
  RETURN NEW;
END $function$;

CREATE OR REPLACE FUNCTION public.refuse_booking_change()
 RETURNS trigger
 LANGUAGE plpgsql
AS $function$
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
END $function$;

CREATE OR REPLACE FUNCTION public.refuse_closed_period()
 RETURNS trigger
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'public', 'pg_temp'
AS $function$
BEGIN
  IF open_period((SELECT provider_id FROM wallets WHERE id = NEW.wallet_id), NEW.period) <> NEW.period THEN
    RAISE EXCEPTION 'entry % of journal % is in the accounts of %, which are closed', NEW.seq, NEW.wallet_id, to_char(NEW.period, 'YYYY-MM')
      USING ERRCODE = 'restrict_violation';
  END IF;
  RETURN NEW;
END $function$;

CREATE OR REPLACE FUNCTION public.refuse_currency_change()
 RETURNS trigger
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'public', 'pg_temp'
AS $function$
BEGIN
  IF NEW.currency <> OLD.currency AND EXISTS (SELECT FROM offer_prices WHERE provider_id = OLD.id) THEN
    RAISE EXCEPTION 'provider %: its currency is that of its prices', OLD.id USING ERRCODE = 'restrict_violation';
  END IF;
  RETURN NEW;
END $function$;

CREATE OR REPLACE FUNCTION public.refuse_direct_head()
 RETURNS trigger
 LANGUAGE plpgsql
AS $function$
BEGIN
  IF pg_trigger_depth() < 2 THEN
    RAISE EXCEPTION 'the head of journal % follows from its entries', OLD.wallet_id USING ERRCODE = 'restrict_violation';
  END IF;
  RETURN NEW;
END $function$;

CREATE OR REPLACE FUNCTION public.refuse_direct_sums()
 RETURNS trigger
 LANGUAGE plpgsql
AS $function$
BEGIN
  IF pg_trigger_depth() < 2 THEN
    RAISE EXCEPTION 'the sums of % follow from ledger_postings', TG_TABLE_NAME USING ERRCODE = 'restrict_violation';
  END IF;
  RETURN NEW;
END $function$;

CREATE OR REPLACE FUNCTION public.refuse_early_credit()
 RETURNS trigger
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'public', 'pg_temp'
AS $function$
BEGIN
  IF EXISTS (SELECT FROM credit_notes WHERE provider_id = NEW.provider_id AND year = NEW.year AND serial = NEW.serial - 1 AND issued_at >= NEW.issued_at) THEN
    RAISE EXCEPTION 'credit note % is not issued after the one before it', NEW.number USING ERRCODE = 'restrict_violation';
  END IF;
  UPDATE invoice_balances b SET credited = b.credited + NEW.off
   WHERE b.invoice_id = NEW.invoice_id AND (b.provider_id, b.organization_id, b.currency) = (NEW.provider_id, NEW.organization_id, NEW.currency);
  IF NOT FOUND THEN
    RAISE EXCEPTION 'credit note % is of another''s invoice', NEW.number USING ERRCODE = 'check_violation';
  END IF;
  RETURN NULL;
END $function$;

CREATE OR REPLACE FUNCTION public.refuse_early_paper()
 RETURNS trigger
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'public', 'pg_temp'
AS $function$
BEGIN
  IF EXISTS (SELECT FROM invoices WHERE provider_id = NEW.provider_id AND year = NEW.year AND serial = NEW.serial - 1 AND issued_at >= NEW.issued_at) THEN
    RAISE EXCEPTION 'invoice % is not issued after the one before it', NEW.number USING ERRCODE = 'restrict_violation';
  END IF;
  RETURN NULL;
END $function$;

CREATE OR REPLACE FUNCTION public.refuse_first_sums()
 RETURNS trigger
 LANGUAGE plpgsql
 SET search_path TO 'pg_catalog', 'public', 'pg_temp'
AS $function$
BEGIN
  RAISE EXCEPTION 'the sums of % start at zero', TG_TABLE_NAME USING ERRCODE = 'restrict_violation';
END $function$;

CREATE OR REPLACE FUNCTION public.refuse_late_addition()
 RETURNS trigger
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'public', 'pg_temp'
AS $function$
DECLARE
  now_at bigint := pg_current_xact_id()::text::bigint & 4294967295;
BEGIN
  IF EXISTS (SELECT FROM (SELECT DISTINCT wallet_id, seq FROM added) a JOIN ledger_entries e USING (wallet_id, seq)
              WHERE e.booked_in <> pg_current_xact_id()
                 OR ((e.xmin::text::bigint - now_at) & 4294967295) >= 2147483648) THEN
    RAISE EXCEPTION '%: an entry that is booked takes nothing more', TG_TABLE_NAME USING ERRCODE = 'restrict_violation';
  END IF;
  RETURN NULL;
END $function$;

CREATE OR REPLACE FUNCTION public.refuse_launch()
 RETURNS trigger
 LANGUAGE plpgsql
 SET search_path TO 'pg_catalog', 'public', 'pg_temp'
AS $function$
BEGIN
  IF TG_OP = 'UPDATE' THEN
    RAISE EXCEPTION 'what cluster % is for never changes', OLD.id USING ERRCODE = 'insufficient_privilege';
  END IF;
  IF pg_has_role(current_user, 'volary_worker', 'MEMBER') AND NOT pg_has_role(current_user, 'volary_web', 'MEMBER') THEN
    RAISE EXCEPTION 'the worker launches tests alone, not cluster %', NEW.id USING ERRCODE = 'insufficient_privilege';
  END IF;
  RETURN NEW;
END $function$;

CREATE OR REPLACE FUNCTION public.refuse_ledger_change()
 RETURNS trigger
 LANGUAGE plpgsql
AS $function$
BEGIN
  RAISE EXCEPTION '% is insert-only: % refused', TG_TABLE_NAME, TG_OP USING ERRCODE = 'restrict_violation';
END $function$;

CREATE OR REPLACE FUNCTION public.refuse_login_change()
 RETURNS trigger
 LANGUAGE plpgsql
 SET search_path TO 'pg_catalog', 'public', 'pg_temp'
AS $function$
BEGIN
  RAISE EXCEPTION 'a login is never changed, and its number never given again' USING ERRCODE = 'restrict_violation';
END $function$;

CREATE OR REPLACE FUNCTION public.refuse_much_credit()
 RETURNS trigger
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'public', 'pg_temp'
AS $function$
BEGIN
  IF (SELECT sum(c.hours) > max(l.hours) OR sum(c.amount) > max(l.amount) FROM credit_note_lines c JOIN invoice_lines l ON l.invoice_id = c.invoice_id AND l.number = c.invoice_line
       WHERE c.invoice_id = NEW.invoice_id AND c.invoice_line = NEW.invoice_line)
     OR NOT EXISTS (SELECT FROM credit_notes n JOIN invoice_lines l ON l.invoice_id = n.invoice_id AND l.number = NEW.invoice_line JOIN lots o ON o.order_id = l.order_id
       WHERE n.id = NEW.credit_note_id AND n.invoice_id = NEW.invoice_id AND o.id = NEW.lot_id) THEN
    RAISE EXCEPTION 'line % of credit note %: more than its line of the invoice, or of another', NEW.number, NEW.credit_note_id USING ERRCODE = 'check_violation';
  END IF;
  RETURN NULL;
END $function$;

CREATE OR REPLACE FUNCTION public.refuse_order_change()
 RETURNS trigger
 LANGUAGE plpgsql
AS $function$
BEGIN
  IF TG_OP = 'UPDATE' AND OLD.state = 'waiting'
     AND (NEW.id, NEW.number, NEW.organization_id, NEW.provider_id, NEW.offer_id, NEW.price_id, NEW.hours, NEW.amount, NEW.currency, NEW.created_at)
      IS NOT DISTINCT FROM (OLD.id, OLD.number, OLD.organization_id, OLD.provider_id, OLD.offer_id, OLD.price_id, OLD.hours, OLD.amount, OLD.currency, OLD.created_at) THEN
    RETURN NEW;
  END IF;
  RAISE EXCEPTION 'order %: what was agreed stays, and is decided once', OLD.number USING ERRCODE = 'restrict_violation';
END $function$;

CREATE OR REPLACE FUNCTION public.refuse_price_change()
 RETURNS trigger
 LANGUAGE plpgsql
AS $function$
BEGIN
  IF TG_OP = 'UPDATE' AND (NEW.id, NEW.offer_id, NEW.provider_id, NEW.price, NEW.set_by, NEW.created_at, lower(NEW.during))
       IS NOT DISTINCT FROM (OLD.id, OLD.offer_id, OLD.provider_id, OLD.price, OLD.set_by, OLD.created_at, lower(OLD.during)) THEN
    RETURN NEW;
  END IF;
  IF TG_OP = 'DELETE' AND lower(OLD.during) > now() THEN
    RETURN OLD;
  END IF;
  RAISE EXCEPTION 'price %: prices are ended and replaced, never edited', OLD.id USING ERRCODE = 'restrict_violation';
END $function$;

CREATE OR REPLACE FUNCTION public.refuse_published_change()
 RETURNS trigger
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'public', 'pg_temp'
AS $function$
DECLARE
  stands text;
BEGIN
  IF TG_TABLE_NAME = 'model_versions' THEN
    IF OLD.state = 'draft' THEN
      RETURN CASE WHEN TG_OP = 'DELETE' THEN OLD ELSE NEW END;
    END IF;
    IF TG_OP = 'UPDATE' AND (OLD.state, NEW.state) IN (('published', 'withdrawn'), ('withdrawn', 'published'))
       AND to_jsonb(NEW) - '{state,withdrawn_at,withdrawn_by}'::text[] = to_jsonb(OLD) - '{state,withdrawn_at,withdrawn_by}'::text[]
       AND (NEW.state = 'withdrawn' OR NOT EXISTS (SELECT FROM version_roles WHERE version_id = NEW.id AND image_id IS NULL)) THEN
      RETURN NEW;
    END IF;
    RAISE EXCEPTION 'version % is % and never changes', OLD.id, OLD.state USING ERRCODE = 'restrict_violation';
  END IF;
  SELECT state INTO stands FROM model_versions WHERE id = CASE WHEN TG_OP = 'INSERT' THEN NEW.version_id ELSE OLD.version_id END;
  IF stands = 'published' THEN
    RAISE EXCEPTION 'roles of a published version never change' USING ERRCODE = 'restrict_violation';
  END IF;
  IF stands = 'withdrawn' AND (TG_OP <> 'UPDATE'
      OR to_jsonb(NEW) - '{image_id,image_name,image_digest}'::text[] <> to_jsonb(OLD) - '{image_id,image_name,image_digest}'::text[]
      OR coalesce((SELECT canonical_digest FROM images WHERE id = NEW.image_id), NEW.image_digest)
        <> coalesce((SELECT canonical_digest FROM images WHERE id = OLD.image_id), OLD.image_digest)) THEN
    RAISE EXCEPTION 'roles of a withdrawn version never change' USING ERRCODE = 'restrict_violation';
  END IF;
  RETURN CASE WHEN TG_OP = 'DELETE' THEN OLD ELSE NEW END;
END $function$;

CREATE OR REPLACE FUNCTION public.refuse_run_change()
 RETURNS trigger
 LANGUAGE plpgsql
AS $function$
BEGIN
  IF OLD.closed_at IS NOT NULL OR NEW.ended_at < OLD.ended_at OR NEW.proven_at < OLD.proven_at
     OR NEW.proofs < OLD.proofs OR NEW.longest_gap < OLD.longest_gap OR (NEW.proofs IS NULL) <> (OLD.proofs IS NULL)
     OR NEW.ended_at > OLD.ended_at AND NEW.proofs = OLD.proofs
     OR (NEW.id, NEW.wallet_id, NEW.cluster_id, NEW.node_id, NEW.start_id, NEW.rate, NEW.started_at)
        IS DISTINCT FROM (OLD.id, OLD.wallet_id, OLD.cluster_id, OLD.node_id, OLD.start_id, OLD.rate, OLD.started_at) THEN
    RAISE EXCEPTION 'run %: only the end of an open run may grow, by a proof', OLD.id USING ERRCODE = 'restrict_violation';
  END IF;
  RETURN NEW;
END $function$;

CREATE OR REPLACE FUNCTION public.refuse_unbalanced()
 RETURNS trigger
 LANGUAGE plpgsql
 SET search_path TO 'pg_catalog', 'public', 'pg_temp'
AS $function$
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
END $function$;

CREATE OR REPLACE FUNCTION public.refuse_unwanted_nodes()
 RETURNS trigger
 LANGUAGE plpgsql
AS $function$
BEGIN
  IF EXISTS (
    SELECT FROM clusters c JOIN nodes n ON n.cluster_id = c.id
     WHERE c.id = CASE TG_TABLE_NAME WHEN 'clusters' THEN NEW.id ELSE (to_jsonb(NEW) ->> 'cluster_id')::uuid END
       AND (TG_TABLE_NAME = 'clusters' OR n.id = NEW.id)
       AND (c.desired = 'gone' AND n.desired <> 'gone' OR c.desired = 'stopped' AND n.desired = 'running')) THEN
    RAISE EXCEPTION 'a node is wanted to stay in a cluster that is to stop or to go' USING ERRCODE = 'check_violation';
  END IF;
  RETURN NULL;
END $function$;

CREATE OR REPLACE FUNCTION public.refuse_upload(wanted text, why text, found jsonb)
 RETURNS TABLE(organization_id uuid, name text)
 LANGUAGE sql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'public', 'pg_temp'
AS $function$
  UPDATE uploads u SET state = 'refused', reason = why, checks = found, verified_at = now() WHERE u.id = wanted AND u.state = 'arriving'
  RETURNING u.organization_id, coalesce(nullif(u.name, ''), u.filename)
$function$;

CREATE OR REPLACE FUNCTION public.retry_job(job bigint)
 RETURNS text
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'public', 'pg_temp'
AS $function$
DECLARE
  was text;
BEGIN
  SELECT state::text INTO was FROM river_job WHERE id = job FOR UPDATE;
  IF was IN ('retryable', 'discarded', 'cancelled', 'scheduled') THEN
    UPDATE river_job SET state = 'available', scheduled_at = now(), finalized_at = NULL,
           max_attempts = greatest(max_attempts, attempt + 1), metadata = metadata - 'cancel_attempted_at'
     WHERE id = job;
    PERFORM pg_notify('public.river_insert', json_build_object('queue', queue)::text) FROM river_job WHERE id = job;
  END IF;
  RETURN was;
END $function$;

CREATE OR REPLACE FUNCTION public.share_of(minor bigint, part bigint, whole bigint)
 RETURNS bigint
 LANGUAGE sql
 IMMUTABLE PARALLEL SAFE
AS $function$
  SELECT (q + (2 * r > whole OR 2 * r = whole AND mod(q, 2) = 1)::int)::bigint
    FROM (SELECT div(minor::numeric * part, whole::numeric) AS q, mod(minor::numeric * part, whole::numeric) AS r) x
$function$;

CREATE TABLE acceptance_tests (
  id uuid NOT NULL,
  organization_id uuid NOT NULL,
  provider_id uuid NOT NULL,
  pool_id uuid NOT NULL,
  version_id uuid NOT NULL,
  cluster_id uuid,
  person_id uuid NOT NULL,
  nonce text NOT NULL,
  state text NOT NULL,
  report jsonb DEFAULT '{}'::jsonb NOT NULL,
  created_at timestamp with time zone NOT NULL,
  ended_at timestamp with time zone,
  evidence jsonb DEFAULT '{}'::jsonb NOT NULL,
  document_digest text NOT NULL,
  begun_at timestamp with time zone,
  place integer,
  waits_for text DEFAULT ''::text NOT NULL,
  ended_why text DEFAULT ''::text NOT NULL,
  CONSTRAINT acceptance_tests_begun CHECK ((((cluster_id IS NULL) = (begun_at IS NULL)) AND ((state <> 'waiting'::text) OR (cluster_id IS NULL)) AND ((state <> ALL (ARRAY['running'::text, 'passed'::text, 'failed'::text])) OR (cluster_id IS NOT NULL)))),
  CONSTRAINT acceptance_tests_cancelled CHECK (((state = 'cancelled'::text) = (ended_why <> ''::text))),
  CONSTRAINT acceptance_tests_cluster_id_organization_id_fkey FOREIGN KEY (cluster_id, organization_id) REFERENCES clusters(id, organization_id),
  CONSTRAINT acceptance_tests_document_digest_check CHECK ((document_digest ~ '^[0-9a-f]{64}$'::text)),
  CONSTRAINT acceptance_tests_ended_why_check CHECK ((length(ended_why) <= 1000)),
  CONSTRAINT acceptance_tests_person_id_fkey FOREIGN KEY (person_id) REFERENCES people(id),
  CONSTRAINT acceptance_tests_pkey PRIMARY KEY (id),
  CONSTRAINT acceptance_tests_place_check CHECK ((place > 0)),
  CONSTRAINT acceptance_tests_state_check CHECK ((state = ANY (ARRAY['waiting'::text, 'running'::text, 'passed'::text, 'failed'::text, 'cancelled'::text]))),
  CONSTRAINT acceptance_tests_version_id_organization_id_fkey FOREIGN KEY (version_id, organization_id) REFERENCES model_versions(id, organization_id),
  CONSTRAINT acceptance_tests_waits CHECK ((((state = 'waiting'::text) = (place IS NOT NULL)) AND ((state = 'waiting'::text) OR (waits_for = ''::text)))),
  CONSTRAINT acceptance_tests_waits_for_check CHECK ((length(waits_for) <= 1000))
);

CREATE TABLE access_changes (
  organization_id uuid NOT NULL,
  generation bigint NOT NULL,
  at timestamp with time zone NOT NULL,
  CONSTRAINT access_changes_generation_check CHECK ((generation > 0)),
  CONSTRAINT access_changes_organization_id_fkey FOREIGN KEY (organization_id) REFERENCES organizations(id),
  CONSTRAINT access_changes_pkey PRIMARY KEY (organization_id)
);

CREATE TABLE account_codes (
  provider_id uuid NOT NULL,
  account text NOT NULL,
  code text NOT NULL,
  CONSTRAINT account_codes_account_check CHECK ((account = ANY (ARRAY['receivable'::text, 'bank'::text, 'credit'::text, 'deferred'::text, 'revenue'::text, 'breakage'::text, 'tax'::text, 'goodwill'::text, 'rounding'::text]))),
  CONSTRAINT account_codes_code_check CHECK ((code ~ '^[A-Za-z0-9][A-Za-z0-9._-]{0,19}$'::text)),
  CONSTRAINT account_codes_pkey PRIMARY KEY (provider_id, account),
  CONSTRAINT account_codes_provider_id_fkey FOREIGN KEY (provider_id) REFERENCES providers(id)
);

CREATE TABLE anchors (
  id uuid NOT NULL,
  day date NOT NULL,
  provider_id uuid,
  journals integer NOT NULL,
  heads text NOT NULL,
  created_at timestamp with time zone DEFAULT now() NOT NULL,
  key_id uuid,
  envelope text,
  signed_at timestamp with time zone,
  CONSTRAINT anchors_check CHECK ((((envelope IS NULL) = (signed_at IS NULL)) AND ((envelope IS NULL) = (key_id IS NULL)))),
  CONSTRAINT anchors_day_provider_id_key UNIQUE NULLS NOT DISTINCT (day, provider_id),
  CONSTRAINT anchors_envelope_check CHECK ((octet_length(envelope) <= 67108864)),
  CONSTRAINT anchors_heads_check CHECK ((octet_length(heads) <= 33554432)),
  CONSTRAINT anchors_journals_check CHECK ((journals >= 0)),
  CONSTRAINT anchors_key_id_fkey FOREIGN KEY (key_id) REFERENCES certificate_keys(id),
  CONSTRAINT anchors_pkey PRIMARY KEY (id),
  CONSTRAINT anchors_provider_id_fkey FOREIGN KEY (provider_id) REFERENCES providers(id)
);

CREATE TABLE announcement_dismissals (
  announcement_id uuid NOT NULL,
  person_id uuid NOT NULL,
  created_at timestamp with time zone NOT NULL,
  CONSTRAINT announcement_dismissals_announcement_id_fkey FOREIGN KEY (announcement_id) REFERENCES announcements(id),
  CONSTRAINT announcement_dismissals_person_id_fkey FOREIGN KEY (person_id) REFERENCES people(id),
  CONSTRAINT announcement_dismissals_pkey PRIMARY KEY (announcement_id, person_id)
);

CREATE TABLE announcements (
  id uuid NOT NULL,
  provider_id uuid NOT NULL,
  pool_id uuid,
  title text NOT NULL,
  text text NOT NULL,
  tone text NOT NULL,
  from_at timestamp with time zone NOT NULL,
  until_at timestamp with time zone,
  ended_at timestamp with time zone,
  created_by uuid NOT NULL,
  created_at timestamp with time zone NOT NULL,
  CONSTRAINT announcements_check CHECK ((until_at > from_at)),
  CONSTRAINT announcements_created_by_fkey FOREIGN KEY (created_by) REFERENCES people(id),
  CONSTRAINT announcements_pkey PRIMARY KEY (id),
  CONSTRAINT announcements_pool_id_provider_id_fkey FOREIGN KEY (pool_id, provider_id) REFERENCES pools(id, provider_id),
  CONSTRAINT announcements_provider_id_fkey FOREIGN KEY (provider_id) REFERENCES providers(id),
  CONSTRAINT announcements_text_check CHECK (((length(text) >= 1) AND (length(text) <= 2000))),
  CONSTRAINT announcements_title_check CHECK (((length(title) >= 1) AND (length(title) <= 120))),
  CONSTRAINT announcements_tone_check CHECK ((tone = ANY (ARRAY['note'::text, 'warning'::text])))
);

CREATE TABLE audit (
  id uuid NOT NULL,
  at timestamp with time zone NOT NULL,
  person_id uuid,
  organization_id uuid,
  provider_id uuid,
  verb text NOT NULL,
  subject text NOT NULL,
  subject_id uuid,
  detail jsonb DEFAULT '{}'::jsonb NOT NULL,
  session_id uuid,
  address inet,
  CONSTRAINT audit_organization_id_fkey FOREIGN KEY (organization_id) REFERENCES organizations(id),
  CONSTRAINT audit_person_id_fkey FOREIGN KEY (person_id) REFERENCES people(id),
  CONSTRAINT audit_pkey PRIMARY KEY (id),
  CONSTRAINT audit_provider_id_fkey FOREIGN KEY (provider_id) REFERENCES providers(id)
);

CREATE TABLE audit_runs (
  day date NOT NULL,
  worker text NOT NULL,
  started_at timestamp with time zone NOT NULL,
  ended_at timestamp with time zone,
  journals integer,
  entries bigint,
  difference text,
  CONSTRAINT audit_runs_check CHECK (((ended_at IS NOT NULL) OR (difference IS NULL))),
  CONSTRAINT audit_runs_check1 CHECK ((((ended_at IS NULL) = (journals IS NULL)) AND ((ended_at IS NULL) = (entries IS NULL)))),
  CONSTRAINT audit_runs_pkey PRIMARY KEY (day)
);

CREATE TABLE base_images (
  host_id uuid NOT NULL,
  digest text NOT NULL,
  bytes bigint NOT NULL,
  whole boolean NOT NULL,
  used_at timestamp with time zone NOT NULL,
  brought_until timestamp with time zone,
  going_until timestamp with time zone,
  brought_by uuid,
  CONSTRAINT base_images_bytes_check CHECK ((bytes >= 0)),
  CONSTRAINT base_images_check CHECK (((brought_until IS NULL) OR (going_until IS NULL))),
  CONSTRAINT base_images_digest_check CHECK ((digest ~ '^[0-9a-f]{64}$'::text)),
  CONSTRAINT base_images_host_id_fkey FOREIGN KEY (host_id) REFERENCES hosts(id),
  CONSTRAINT base_images_pkey PRIMARY KEY (host_id, digest)
);

CREATE TABLE batches (
  id uuid NOT NULL,
  cluster_id uuid NOT NULL,
  organization_id uuid NOT NULL,
  kind text NOT NULL,
  held bigint NOT NULL,
  gate_deadline timestamp with time zone,
  created_at timestamp with time zone NOT NULL,
  ready_at timestamp with time zone,
  ended_at timestamp with time zone,
  reason text DEFAULT ''::text NOT NULL,
  reason_detail text DEFAULT ''::text NOT NULL,
  CONSTRAINT batches_check CHECK (((ready_at IS NULL) OR (ended_at IS NULL))),
  CONSTRAINT batches_check1 CHECK (((ended_at IS NULL) = (reason = ''::text))),
  CONSTRAINT batches_cluster_id_organization_id_fkey FOREIGN KEY (cluster_id, organization_id) REFERENCES clusters(id, organization_id),
  CONSTRAINT batches_held_check CHECK ((held >= 0)),
  CONSTRAINT batches_id_cluster_id_key UNIQUE (id, cluster_id),
  CONSTRAINT batches_kind_check CHECK ((kind = ANY (ARRAY['launch'::text, 'scale'::text, 'replace'::text, 'restart'::text]))),
  CONSTRAINT batches_pkey PRIMARY KEY (id)
);

CREATE TABLE bundles (
  upload_id text NOT NULL,
  organization_id uuid NOT NULL,
  whose text NOT NULL,
  model text NOT NULL,
  version text NOT NULL,
  document text NOT NULL,
  document_digest text NOT NULL,
  certificates text[] NOT NULL,
  keys text NOT NULL,
  created_at timestamp with time zone DEFAULT now() NOT NULL,
  CONSTRAINT bundles_certificates_check CHECK ((cardinality(certificates) <= 20)),
  CONSTRAINT bundles_check CHECK ((document_digest = encode(sha256(convert_to(document, 'UTF8'::name)), 'hex'::text))),
  CONSTRAINT bundles_document_check CHECK ((octet_length(document) <= (1 << 20))),
  CONSTRAINT bundles_keys_check CHECK ((octet_length(keys) <= (1 << 20))),
  CONSTRAINT bundles_model_check CHECK (((length(model) >= 1) AND (length(model) <= 80))),
  CONSTRAINT bundles_organization_id_fkey FOREIGN KEY (organization_id) REFERENCES organizations(id),
  CONSTRAINT bundles_pkey PRIMARY KEY (upload_id),
  CONSTRAINT bundles_upload_id_fkey FOREIGN KEY (upload_id) REFERENCES uploads(id) ON DELETE CASCADE,
  CONSTRAINT bundles_version_check CHECK (((length(version) >= 1) AND (length(version) <= 40))),
  CONSTRAINT bundles_whose_check CHECK ((length(whose) <= 300))
);

CREATE TABLE certificate_claims (
  test_id uuid NOT NULL,
  claim jsonb NOT NULL,
  created_at timestamp with time zone DEFAULT now() NOT NULL,
  CONSTRAINT certificate_claims_claim_check CHECK ((octet_length((claim)::text) <= 262144)),
  CONSTRAINT certificate_claims_pkey PRIMARY KEY (test_id),
  CONSTRAINT certificate_claims_test_id_fkey FOREIGN KEY (test_id) REFERENCES acceptance_tests(id)
);

CREATE TABLE certificate_key_ends (
  key_id uuid NOT NULL,
  kind text NOT NULL,
  reason text NOT NULL,
  person_id uuid NOT NULL,
  at timestamp with time zone DEFAULT now() NOT NULL,
  CONSTRAINT certificate_key_ends_check CHECK (((length(reason) <= 500) AND ((reason <> ''::text) OR (kind = 'retired'::text)))),
  CONSTRAINT certificate_key_ends_key_id_fkey FOREIGN KEY (key_id) REFERENCES certificate_keys(id),
  CONSTRAINT certificate_key_ends_kind_check CHECK ((kind = ANY (ARRAY['retired'::text, 'revoked'::text]))),
  CONSTRAINT certificate_key_ends_person_id_fkey FOREIGN KEY (person_id) REFERENCES people(id),
  CONSTRAINT certificate_key_ends_pkey PRIMARY KEY (key_id, kind)
);

CREATE TABLE certificate_keys (
  id uuid NOT NULL,
  provider_id uuid,
  key_id text GENERATED ALWAYS AS (encode(sha256(public_key), 'hex'::text)) STORED NOT NULL,
  public_key bytea NOT NULL,
  sealed bytea NOT NULL,
  created_at timestamp with time zone DEFAULT now() NOT NULL,
  CONSTRAINT certificate_keys_key_id_key UNIQUE (key_id),
  CONSTRAINT certificate_keys_pkey PRIMARY KEY (id),
  CONSTRAINT certificate_keys_provider_id_fkey FOREIGN KEY (provider_id) REFERENCES providers(id),
  CONSTRAINT certificate_keys_public_key_check CHECK ((octet_length(public_key) = 32)),
  CONSTRAINT certificate_keys_sealed_check CHECK (((octet_length(sealed) >= 1) AND (octet_length(sealed) <= 4096)))
);

CREATE TABLE certificates (
  id uuid NOT NULL,
  test_id uuid NOT NULL,
  organization_id uuid NOT NULL,
  provider_id uuid NOT NULL,
  document_digest text NOT NULL,
  provider_key uuid NOT NULL,
  platform_key uuid NOT NULL,
  address text NOT NULL,
  envelope text NOT NULL,
  created_at timestamp with time zone DEFAULT now() NOT NULL,
  CONSTRAINT certificates_address_check CHECK ((address ~ '^[0-9A-Za-z_-]{43}$'::text)),
  CONSTRAINT certificates_address_key UNIQUE (address),
  CONSTRAINT certificates_document_digest_check CHECK ((document_digest ~ '^[0-9a-f]{64}$'::text)),
  CONSTRAINT certificates_envelope_check CHECK ((octet_length(envelope) <= 524288)),
  CONSTRAINT certificates_organization_id_fkey FOREIGN KEY (organization_id) REFERENCES organizations(id),
  CONSTRAINT certificates_pkey PRIMARY KEY (id),
  CONSTRAINT certificates_platform_key_fkey FOREIGN KEY (platform_key) REFERENCES certificate_keys(id),
  CONSTRAINT certificates_provider_id_fkey FOREIGN KEY (provider_id) REFERENCES providers(id),
  CONSTRAINT certificates_provider_key_fkey FOREIGN KEY (provider_key) REFERENCES certificate_keys(id),
  CONSTRAINT certificates_test_id_fkey FOREIGN KEY (test_id) REFERENCES certificate_claims(test_id),
  CONSTRAINT certificates_test_id_key UNIQUE (test_id)
);

CREATE TABLE cluster_keys (
  cluster_id uuid NOT NULL,
  start integer NOT NULL,
  "position" integer NOT NULL,
  person_id uuid,
  name text NOT NULL,
  fingerprint text NOT NULL,
  public_key text NOT NULL,
  CONSTRAINT cluster_keys_cluster_id_fkey FOREIGN KEY (cluster_id) REFERENCES clusters(id),
  CONSTRAINT cluster_keys_person_id_fkey FOREIGN KEY (person_id) REFERENCES people(id),
  CONSTRAINT cluster_keys_pkey PRIMARY KEY (cluster_id, start, "position"),
  CONSTRAINT cluster_keys_position_check CHECK (("position" > 0)),
  CONSTRAINT cluster_keys_start_check CHECK ((start > 0))
);

CREATE TABLE cluster_starts (
  cluster_id uuid NOT NULL,
  number integer NOT NULL,
  organization_id uuid NOT NULL,
  person_id uuid NOT NULL,
  at timestamp with time zone NOT NULL,
  base bigint NOT NULL,
  CONSTRAINT cluster_starts_cluster_id_organization_id_fkey FOREIGN KEY (cluster_id, organization_id) REFERENCES clusters(id, organization_id),
  CONSTRAINT cluster_starts_number_check CHECK ((number > 0)),
  CONSTRAINT cluster_starts_person_id_fkey FOREIGN KEY (person_id) REFERENCES people(id),
  CONSTRAINT cluster_starts_pkey PRIMARY KEY (cluster_id, number)
);

CREATE TABLE clusters (
  id uuid NOT NULL,
  organization_id uuid NOT NULL,
  provider_id uuid NOT NULL,
  pool_id uuid NOT NULL,
  version_id uuid NOT NULL,
  person_id uuid NOT NULL,
  kind text NOT NULL,
  name text NOT NULL,
  desired text NOT NULL,
  reason text DEFAULT ''::text NOT NULL,
  reason_detail text DEFAULT ''::text NOT NULL,
  generation bigint DEFAULT 1 NOT NULL,
  reconciled_generation bigint DEFAULT 0 NOT NULL,
  claimed_by text,
  claimed_until timestamp with time zone,
  retry_at timestamp with time zone,
  attempts integer DEFAULT 0 NOT NULL,
  vni integer,
  subnet cidr,
  network_generation bigint DEFAULT 1 NOT NULL,
  seed_secret text DEFAULT ''::text NOT NULL,
  lease_seconds bigint NOT NULL,
  lease_ends_at timestamp with time zone,
  start_count integer DEFAULT 1 NOT NULL,
  created_at timestamp with time zone NOT NULL,
  ready_at timestamp with time zone,
  ended_at timestamp with time zone,
  purchase_order text DEFAULT ''::text NOT NULL,
  cost_centre text DEFAULT ''::text NOT NULL,
  grant_number text DEFAULT ''::text NOT NULL,
  ssh_keys_left_out jsonb DEFAULT '[]'::jsonb NOT NULL,
  barred_at timestamp with time zone,
  barred_by uuid,
  barred_why text DEFAULT ''::text NOT NULL,
  disks_until timestamp with time zone,
  paused_at timestamp with time zone,
  paused_by uuid,
  paused_why text DEFAULT ''::text NOT NULL,
  paused_until timestamp with time zone,
  document_digest text NOT NULL,
  lease_until timestamp with time zone,
  until_stopped boolean DEFAULT false NOT NULL,
  lease_stays text DEFAULT ''::text NOT NULL,
  lease_tried_at timestamp with time zone,
  at_end text DEFAULT 'keep'::text NOT NULL,
  keep_days integer DEFAULT 1 NOT NULL,
  kept_until timestamp with time zone,
  CONSTRAINT clusters_at_end_check CHECK ((at_end = ANY (ARRAY['keep'::text, 'delete'::text]))),
  CONSTRAINT clusters_barred_by_fkey FOREIGN KEY (barred_by) REFERENCES people(id),
  CONSTRAINT clusters_barred_whole CHECK ((((barred_at IS NULL) = (disks_until IS NULL)) AND ((barred_at IS NULL) = (barred_why = ''::text)))),
  CONSTRAINT clusters_barred_why_check CHECK ((length(barred_why) <= 500)),
  CONSTRAINT clusters_check CHECK (((ended_at IS NULL) OR ((vni IS NULL) AND (subnet IS NULL)))),
  CONSTRAINT clusters_cost_centre_check CHECK ((length(cost_centre) <= 80)),
  CONSTRAINT clusters_desired_check CHECK ((desired = ANY (ARRAY['running'::text, 'paused'::text, 'stopped'::text, 'gone'::text]))),
  CONSTRAINT clusters_document_digest_check CHECK ((document_digest ~ '^[0-9a-f]{64}$'::text)),
  CONSTRAINT clusters_grant_number_check CHECK ((length(grant_number) <= 80)),
  CONSTRAINT clusters_id_organization_id_key UNIQUE (id, organization_id),
  CONSTRAINT clusters_keep_days_check CHECK (((keep_days >= 1) AND (keep_days <= 365))),
  CONSTRAINT clusters_kept_stopped CHECK (((kept_until IS NULL) OR (desired = 'stopped'::text))),
  CONSTRAINT clusters_kind_check CHECK ((kind = ANY (ARRAY['cluster'::text, 'test'::text]))),
  CONSTRAINT clusters_lease_ends_one_way CHECK (((NOT until_stopped) OR (lease_until IS NULL))),
  CONSTRAINT clusters_lease_seconds_check CHECK ((lease_seconds > 0)),
  CONSTRAINT clusters_lease_stays_check CHECK ((length(lease_stays) <= 500)),
  CONSTRAINT clusters_name_check CHECK ((name ~ '^[a-z]([a-z0-9-]{0,38}[a-z0-9])?$'::text)),
  CONSTRAINT clusters_organization_id_fkey FOREIGN KEY (organization_id) REFERENCES organizations(id),
  CONSTRAINT clusters_paused_by_fkey FOREIGN KEY (paused_by) REFERENCES people(id),
  CONSTRAINT clusters_paused_whole CHECK ((((desired = 'paused'::text) = (paused_at IS NOT NULL)) AND ((desired = 'paused'::text) = (paused_until IS NOT NULL)) AND ((desired = 'paused'::text) = (paused_why <> ''::text)))),
  CONSTRAINT clusters_paused_why_check CHECK ((length(paused_why) <= 500)),
  CONSTRAINT clusters_person_id_fkey FOREIGN KEY (person_id) REFERENCES people(id),
  CONSTRAINT clusters_pkey PRIMARY KEY (id),
  CONSTRAINT clusters_pool_id_provider_id_fkey FOREIGN KEY (pool_id, provider_id) REFERENCES pools(id, provider_id),
  CONSTRAINT clusters_pool_id_subnet_excl EXCLUDE USING gist (pool_id WITH =, subnet inet_ops WITH &&) WHERE ((subnet IS NOT NULL)),
  CONSTRAINT clusters_purchase_order_check CHECK ((length(purchase_order) <= 80)),
  CONSTRAINT clusters_seed_secret_check CHECK (((ended_at IS NULL) OR (seed_secret = ''::text))),
  CONSTRAINT clusters_version_id_organization_id_fkey FOREIGN KEY (version_id, organization_id) REFERENCES model_versions(id, organization_id),
  CONSTRAINT clusters_vni_check CHECK (((vni >= 1) AND (vni <= 16777215))),
  CONSTRAINT clusters_vni_key UNIQUE (vni)
);

CREATE TABLE console_consents (
  id uuid NOT NULL,
  cluster_id uuid NOT NULL,
  organization_id uuid NOT NULL,
  person_id uuid NOT NULL,
  created_at timestamp with time zone NOT NULL,
  until_at timestamp with time zone NOT NULL,
  revoked_at timestamp with time zone,
  CONSTRAINT console_consents_check CHECK ((until_at > created_at)),
  CONSTRAINT console_consents_cluster_id_organization_id_fkey FOREIGN KEY (cluster_id, organization_id) REFERENCES clusters(id, organization_id),
  CONSTRAINT console_consents_person_id_fkey FOREIGN KEY (person_id) REFERENCES people(id),
  CONSTRAINT console_consents_pkey PRIMARY KEY (id)
);

CREATE TABLE console_tickets (
  token_hash bytea NOT NULL,
  organization_id uuid NOT NULL,
  node_id uuid NOT NULL,
  person_id uuid NOT NULL,
  expires_at timestamp with time zone NOT NULL,
  redeemed_at timestamp with time zone,
  session_id uuid NOT NULL,
  staff boolean NOT NULL,
  part text NOT NULL,
  CONSTRAINT console_tickets_node_id_fkey FOREIGN KEY (node_id) REFERENCES nodes(id),
  CONSTRAINT console_tickets_part_check CHECK ((part = ANY (ARRAY['log'::text, 'line'::text]))),
  CONSTRAINT console_tickets_person_id_fkey FOREIGN KEY (person_id) REFERENCES people(id),
  CONSTRAINT console_tickets_pkey PRIMARY KEY (token_hash),
  CONSTRAINT console_tickets_token_hash_check CHECK ((length(token_hash) = 32))
);

CREATE TABLE credit_note_lines (
  credit_note_id uuid NOT NULL,
  number integer NOT NULL,
  invoice_id uuid NOT NULL,
  invoice_line integer NOT NULL,
  lot_id uuid NOT NULL,
  description text NOT NULL,
  hours bigint NOT NULL,
  amount bigint NOT NULL,
  CONSTRAINT credit_note_lines_amount_check CHECK ((amount >= 0)),
  CONSTRAINT credit_note_lines_credit_note_id_fkey FOREIGN KEY (credit_note_id) REFERENCES credit_notes(id),
  CONSTRAINT credit_note_lines_hours_check CHECK ((hours > 0)),
  CONSTRAINT credit_note_lines_invoice_id_invoice_line_fkey FOREIGN KEY (invoice_id, invoice_line) REFERENCES invoice_lines(invoice_id, number),
  CONSTRAINT credit_note_lines_lot_id_fkey FOREIGN KEY (lot_id) REFERENCES lots(id),
  CONSTRAINT credit_note_lines_number_check CHECK ((number > 0)),
  CONSTRAINT credit_note_lines_pkey PRIMARY KEY (credit_note_id, number)
);

CREATE TABLE credit_note_numbers (
  provider_id uuid NOT NULL,
  year integer NOT NULL,
  last integer NOT NULL,
  CONSTRAINT credit_note_numbers_last_check CHECK ((last > 0)),
  CONSTRAINT credit_note_numbers_pkey PRIMARY KEY (provider_id, year),
  CONSTRAINT credit_note_numbers_provider_id_fkey FOREIGN KEY (provider_id) REFERENCES providers(id)
);

CREATE TABLE credit_note_taxes (
  credit_note_id uuid NOT NULL,
  category text NOT NULL,
  rate integer NOT NULL,
  base bigint NOT NULL,
  amount bigint NOT NULL,
  reason text NOT NULL,
  CONSTRAINT credit_note_taxes_amount_check CHECK ((amount >= 0)),
  CONSTRAINT credit_note_taxes_base_check CHECK ((base >= 0)),
  CONSTRAINT credit_note_taxes_category_check CHECK ((category = ANY (ARRAY['S'::text, 'AE'::text, 'E'::text, 'O'::text]))),
  CONSTRAINT credit_note_taxes_credit_note_id_fkey FOREIGN KEY (credit_note_id) REFERENCES credit_notes(id),
  CONSTRAINT credit_note_taxes_pkey PRIMARY KEY (credit_note_id, category, rate)
);

CREATE TABLE credit_notes (
  id uuid NOT NULL,
  provider_id uuid NOT NULL,
  organization_id uuid NOT NULL,
  invoice_id uuid NOT NULL,
  year integer NOT NULL,
  serial integer NOT NULL,
  previous integer GENERATED ALWAYS AS (NULLIF((serial - 1), 0)) STORED,
  number text NOT NULL,
  seller text NOT NULL,
  tax_id text NOT NULL,
  buyer text NOT NULL,
  printed jsonb NOT NULL,
  reason text NOT NULL,
  net bigint NOT NULL,
  off bigint NOT NULL,
  currency text NOT NULL,
  issued_by uuid,
  issued_at timestamp with time zone NOT NULL,
  tax bigint DEFAULT 0 NOT NULL,
  CONSTRAINT credit_notes_check CHECK ((off <= (net + tax))),
  CONSTRAINT credit_notes_invoice_id_fkey FOREIGN KEY (invoice_id) REFERENCES invoices(id),
  CONSTRAINT credit_notes_issued_by_fkey FOREIGN KEY (issued_by) REFERENCES people(id),
  CONSTRAINT credit_notes_net_check CHECK ((net >= 0)),
  CONSTRAINT credit_notes_number_key UNIQUE (number),
  CONSTRAINT credit_notes_off_check CHECK ((off >= 0)),
  CONSTRAINT credit_notes_organization_id_fkey FOREIGN KEY (organization_id) REFERENCES organizations(id),
  CONSTRAINT credit_notes_pkey PRIMARY KEY (id),
  CONSTRAINT credit_notes_printed_check CHECK ((jsonb_typeof(printed) = 'object'::text)),
  CONSTRAINT credit_notes_provider_id_fkey FOREIGN KEY (provider_id) REFERENCES providers(id),
  CONSTRAINT credit_notes_provider_id_year_serial_key UNIQUE (provider_id, year, serial),
  CONSTRAINT credit_notes_reason_check CHECK (((length(reason) >= 1) AND (length(reason) <= 500))),
  CONSTRAINT credit_notes_serial_check CHECK ((serial > 0)),
  CONSTRAINT credit_notes_serials_follow FOREIGN KEY (provider_id, year, previous) REFERENCES credit_notes(provider_id, year, serial),
  CONSTRAINT credit_notes_tax_check CHECK ((tax >= 0))
);

CREATE TABLE devices (
  token_hash bytea NOT NULL,
  person_id uuid NOT NULL,
  seen_at timestamp with time zone NOT NULL,
  CONSTRAINT devices_person_id_fkey FOREIGN KEY (person_id) REFERENCES people(id) ON DELETE CASCADE,
  CONSTRAINT devices_pkey PRIMARY KEY (token_hash),
  CONSTRAINT devices_token_hash_check CHECK ((length(token_hash) = 32))
);

CREATE TABLE drains (
  id uuid NOT NULL,
  cluster_id uuid NOT NULL,
  organization_id uuid NOT NULL,
  person_id uuid NOT NULL,
  group_name text NOT NULL,
  nodes uuid[] NOT NULL,
  created_at timestamp with time zone NOT NULL,
  until_at timestamp with time zone NOT NULL,
  begun_at timestamp with time zone,
  claimed_by text,
  claimed_until timestamp with time zone,
  asked_at timestamp with time zone,
  problem text DEFAULT ''::text NOT NULL,
  closed_at timestamp with time zone,
  outcome text DEFAULT ''::text NOT NULL,
  CONSTRAINT drains_check CHECK ((until_at > created_at)),
  CONSTRAINT drains_check1 CHECK (((asked_at IS NULL) = (problem = ''::text))),
  CONSTRAINT drains_check2 CHECK (((closed_at IS NULL) = (outcome = ''::text))),
  CONSTRAINT drains_cluster_id_organization_id_fkey FOREIGN KEY (cluster_id, organization_id) REFERENCES clusters(id, organization_id),
  CONSTRAINT drains_nodes_check CHECK ((cardinality(nodes) > 0)),
  CONSTRAINT drains_outcome_check CHECK ((outcome = ANY (ARRAY[''::text, 'gone'::text, 'kept'::text, 'overtaken'::text]))),
  CONSTRAINT drains_person_id_fkey FOREIGN KEY (person_id) REFERENCES people(id),
  CONSTRAINT drains_pkey PRIMARY KEY (id),
  CONSTRAINT drains_problem_check CHECK ((octet_length(problem) <= 2000))
);

CREATE TABLE foreign_certificates (
  version_id uuid NOT NULL,
  organization_id uuid NOT NULL,
  "position" integer NOT NULL,
  envelope text NOT NULL,
  keys text NOT NULL,
  CONSTRAINT foreign_certificates_envelope_check CHECK ((octet_length(envelope) <= 524288)),
  CONSTRAINT foreign_certificates_keys_check CHECK ((octet_length(keys) <= (1 << 20))),
  CONSTRAINT foreign_certificates_pkey PRIMARY KEY (version_id, "position"),
  CONSTRAINT foreign_certificates_position_check CHECK ((("position" >= 0) AND ("position" <= 19))),
  CONSTRAINT foreign_certificates_version_id_organization_id_fkey FOREIGN KEY (version_id, organization_id) REFERENCES model_versions(id, organization_id)
);

CREATE TABLE given_certificates (
  organization_id uuid NOT NULL,
  certificate_id uuid NOT NULL,
  CONSTRAINT given_certificates_certificate_id_fkey FOREIGN KEY (certificate_id) REFERENCES certificates(id),
  CONSTRAINT given_certificates_organization_id_fkey FOREIGN KEY (organization_id) REFERENCES organizations(id),
  CONSTRAINT given_certificates_pkey PRIMARY KEY (organization_id, certificate_id)
);

CREATE TABLE gone_images (
  canonical_digest text NOT NULL,
  gone_at timestamp with time zone NOT NULL,
  CONSTRAINT gone_images_canonical_digest_check CHECK ((canonical_digest ~ '^[0-9a-f]{64}$'::text)),
  CONSTRAINT gone_images_pkey PRIMARY KEY (canonical_digest)
);

CREATE TABLE holds (
  cluster_id uuid NOT NULL,
  lot_id uuid NOT NULL,
  set_aside bigint DEFAULT 0 NOT NULL,
  used bigint DEFAULT 0 NOT NULL,
  released bigint DEFAULT 0 NOT NULL,
  held bigint GENERATED ALWAYS AS (((set_aside - used) - released)) STORED NOT NULL,
  cost bigint,
  CONSTRAINT holds_cluster_id_fkey FOREIGN KEY (cluster_id) REFERENCES clusters(id),
  CONSTRAINT holds_cost_check CHECK ((cost >= 0)),
  CONSTRAINT holds_held_check CHECK ((held >= 0)),
  CONSTRAINT holds_lot_id_fkey FOREIGN KEY (lot_id) REFERENCES lots(id),
  CONSTRAINT holds_pkey PRIMARY KEY (cluster_id, lot_id),
  CONSTRAINT holds_released_check CHECK ((released >= 0)),
  CONSTRAINT holds_set_aside_check CHECK ((set_aside >= 0)),
  CONSTRAINT holds_used_check CHECK ((used >= 0))
);

CREATE TABLE host_pairs (
  first_id uuid NOT NULL,
  second_id uuid NOT NULL,
  passed boolean NOT NULL,
  detail text NOT NULL,
  at timestamp with time zone NOT NULL,
  CONSTRAINT host_pairs_check CHECK ((first_id < second_id)),
  CONSTRAINT host_pairs_first_id_fkey FOREIGN KEY (first_id) REFERENCES hosts(id),
  CONSTRAINT host_pairs_pkey PRIMARY KEY (first_id, second_id),
  CONSTRAINT host_pairs_second_id_fkey FOREIGN KEY (second_id) REFERENCES hosts(id)
);

CREATE TABLE host_silences (
  host_id uuid NOT NULL,
  from_at timestamp with time zone NOT NULL,
  until_at timestamp with time zone,
  rounds integer NOT NULL,
  why text NOT NULL,
  CONSTRAINT host_silences_host_id_fkey FOREIGN KEY (host_id) REFERENCES hosts(id),
  CONSTRAINT host_silences_pkey PRIMARY KEY (host_id, from_at),
  CONSTRAINT host_silences_rounds_check CHECK ((rounds > 0))
);

CREATE TABLE hosts (
  id uuid NOT NULL,
  provider_id uuid NOT NULL,
  pool_id uuid NOT NULL,
  name text NOT NULL,
  scheme text NOT NULL,
  address text NOT NULL,
  port integer NOT NULL,
  underlay inet NOT NULL,
  machine uuid,
  state text NOT NULL,
  state_reason text DEFAULT ''::text NOT NULL,
  acceleration text,
  offered_vcpus integer DEFAULT 0 NOT NULL,
  vcpus integer DEFAULT 0 NOT NULL,
  memory_mib integer DEFAULT 0 NOT NULL,
  disk_gib integer DEFAULT 0 NOT NULL,
  labels jsonb DEFAULT '{}'::jsonb NOT NULL,
  check_state text DEFAULT 'none'::text NOT NULL,
  check_report jsonb DEFAULT '[]'::jsonb NOT NULL,
  checked_at timestamp with time zone,
  claimed_by text,
  claimed_until timestamp with time zone,
  round_at timestamp with time zone,
  missed_rounds integer DEFAULT 0 NOT NULL,
  created_at timestamp with time zone NOT NULL,
  removed_at timestamp with time zone,
  checked boolean DEFAULT false NOT NULL,
  lacks text DEFAULT ''::text NOT NULL,
  seen text GENERATED ALWAYS AS (
CASE
    WHEN (missed_rounds = 0) THEN 'up'::text
    WHEN (missed_rounds <= 2) THEN 'late'::text
    ELSE 'silent'::text
END) STORED NOT NULL,
  enrolled_at timestamp with time zone,
  enrol_code text,
  enrol_until timestamp with time zone,
  enrol_seen text DEFAULT ''::text NOT NULL,
  machine_key uuid,
  mistaken text DEFAULT ''::text NOT NULL,
  twin_of uuid,
  fit boolean GENERATED ALWAYS AS ((checked AND (enrolled_at IS NOT NULL) AND (mistaken = ''::text) AND (lacks = ''::text) AND (missed_rounds <= 2) AND (removed_at IS NULL))) STORED NOT NULL,
  cpu_model text DEFAULT ''::text NOT NULL,
  processors integer DEFAULT 0 NOT NULL,
  images_at timestamp with time zone,
  free_bytes bigint,
  uefi boolean,
  CONSTRAINT hosts_acceleration_check CHECK ((acceleration = ANY (ARRAY['kvm'::text, 'tcg'::text]))),
  CONSTRAINT hosts_check CHECK (((enrol_code IS NULL) = (enrol_until IS NULL))),
  CONSTRAINT hosts_check_state_check CHECK ((check_state = ANY (ARRAY['none'::text, 'waiting'::text, 'running'::text, 'passed'::text, 'failed'::text]))),
  CONSTRAINT hosts_cpu_model_check CHECK ((char_length(cpu_model) <= 80)),
  CONSTRAINT hosts_free_bytes_check CHECK ((free_bytes >= 0)),
  CONSTRAINT hosts_name_check CHECK (((length(name) >= 1) AND (length(name) <= 80))),
  CONSTRAINT hosts_offered_vcpus_check CHECK ((offered_vcpus >= 0)),
  CONSTRAINT hosts_pkey PRIMARY KEY (id),
  CONSTRAINT hosts_pool_id_provider_id_fkey FOREIGN KEY (pool_id, provider_id) REFERENCES pools(id, provider_id),
  CONSTRAINT hosts_port_check CHECK (((port >= 0) AND (port <= 65535))),
  CONSTRAINT hosts_processors_check CHECK ((processors >= 0)),
  CONSTRAINT hosts_scheme_check CHECK ((scheme = ANY (ARRAY['tls'::text, 'ssh'::text, 'tcp'::text, 'unix'::text, 'memory'::text]))),
  CONSTRAINT hosts_state_check CHECK ((state = ANY (ARRAY['active'::text, 'cordoned'::text, 'draining'::text]))),
  CONSTRAINT hosts_twin_of_fkey FOREIGN KEY (twin_of) REFERENCES hosts(id)
);

CREATE TABLE hour_marks (
  wallet_id uuid NOT NULL,
  full_hours bigint NOT NULL,
  since timestamp with time zone NOT NULL,
  told integer DEFAULT 100 NOT NULL,
  told_at timestamp with time zone,
  number integer DEFAULT 0 NOT NULL,
  CONSTRAINT hour_marks_full_hours_check CHECK ((full_hours >= 0)),
  CONSTRAINT hour_marks_pkey PRIMARY KEY (wallet_id),
  CONSTRAINT hour_marks_told_check CHECK ((told = ANY (ARRAY[100, 20, 5]))),
  CONSTRAINT hour_marks_wallet_id_fkey FOREIGN KEY (wallet_id) REFERENCES wallets(id)
);

CREATE TABLE images (
  id uuid NOT NULL,
  organization_id uuid NOT NULL,
  person_id uuid NOT NULL,
  upload_id text,
  name text NOT NULL,
  virtual_size bigint NOT NULL,
  canonical_size bigint NOT NULL,
  canonical_digest text NOT NULL,
  guest_digest text NOT NULL,
  created_at timestamp with time zone NOT NULL,
  member text DEFAULT ''::text NOT NULL,
  proposed_vcpus integer DEFAULT 0 NOT NULL,
  proposed_memory_mib bigint DEFAULT 0 NOT NULL,
  firmware text DEFAULT 'bios'::text NOT NULL,
  lost text DEFAULT ''::text NOT NULL,
  lost_at timestamp with time zone,
  cloned boolean DEFAULT false NOT NULL,
  CONSTRAINT images_canonical_digest_check CHECK ((canonical_digest ~ '^[0-9a-f]{64}$'::text)),
  CONSTRAINT images_check CHECK (((lost = ''::text) = (lost_at IS NULL))),
  CONSTRAINT images_check1 CHECK (((NOT cloned) OR (upload_id IS NULL))),
  CONSTRAINT images_firmware_check CHECK ((firmware = ANY (ARRAY['bios'::text, 'uefi'::text, 'both'::text]))),
  CONSTRAINT images_guest_digest_check CHECK (((guest_digest = ''::text) OR (guest_digest ~ '^[0-9a-f]{64}$'::text))),
  CONSTRAINT images_id_organization_id_key UNIQUE (id, organization_id),
  CONSTRAINT images_lost_check CHECK ((lost = ANY (ARRAY[''::text, 'gone'::text, 'size'::text, 'bytes'::text]))),
  CONSTRAINT images_member_check CHECK ((length(member) <= 255)),
  CONSTRAINT images_name_check CHECK (((length(name) >= 1) AND (length(name) <= 255))),
  CONSTRAINT images_organization_id_fkey FOREIGN KEY (organization_id) REFERENCES organizations(id),
  CONSTRAINT images_person_id_fkey FOREIGN KEY (person_id) REFERENCES people(id),
  CONSTRAINT images_pkey PRIMARY KEY (id),
  CONSTRAINT images_proposed_memory_mib_check CHECK (((proposed_memory_mib >= 0) AND (proposed_memory_mib <= (64 << 20)))),
  CONSTRAINT images_proposed_vcpus_check CHECK (((proposed_vcpus >= 0) AND (proposed_vcpus <= 4096))),
  CONSTRAINT images_upload_id_fkey FOREIGN KEY (upload_id) REFERENCES uploads(id),
  CONSTRAINT images_upload_id_member_key UNIQUE (upload_id, member)
);

CREATE TABLE invitations (
  id uuid NOT NULL,
  organization_id uuid,
  provider_id uuid,
  email text,
  role text NOT NULL,
  token_hash bytea,
  invited_by uuid NOT NULL,
  created_at timestamp with time zone NOT NULL,
  expires_at timestamp with time zone NOT NULL,
  accepted_at timestamp with time zone,
  accepted_by uuid,
  revoked_at timestamp with time zone,
  cap bigint,
  CONSTRAINT invitations_accepted_by_fkey FOREIGN KEY (accepted_by) REFERENCES people(id),
  CONSTRAINT invitations_check CHECK (((organization_id IS NULL) <> (provider_id IS NULL))),
  CONSTRAINT invitations_check1 CHECK (((organization_id IS NULL) OR (role = ANY (ARRAY['owner'::text, 'manager'::text, 'member'::text, 'billing'::text, 'auditor'::text])))),
  CONSTRAINT invitations_check2 CHECK (((provider_id IS NULL) OR (role = ANY (ARRAY['admin'::text, 'operator'::text, 'accountant'::text, 'auditor'::text])))),
  CONSTRAINT invitations_check3 CHECK (((accepted_at IS NULL) = (accepted_by IS NULL))),
  CONSTRAINT invitations_check4 CHECK (((cap IS NULL) OR ((cap >= 0) AND (organization_id IS NOT NULL) AND (role = 'member'::text)))),
  CONSTRAINT invitations_email_check CHECK (((email = lower(email)) AND ((length(email) >= 3) AND (length(email) <= 254)))),
  CONSTRAINT invitations_invited_by_fkey FOREIGN KEY (invited_by) REFERENCES people(id),
  CONSTRAINT invitations_organization_id_fkey FOREIGN KEY (organization_id) REFERENCES organizations(id),
  CONSTRAINT invitations_pkey PRIMARY KEY (id),
  CONSTRAINT invitations_provider_id_fkey FOREIGN KEY (provider_id) REFERENCES providers(id),
  CONSTRAINT invitations_token_hash_check CHECK ((length(token_hash) = 32)),
  CONSTRAINT invitations_token_hash_key UNIQUE (token_hash)
);

CREATE TABLE invoice_balances (
  invoice_id uuid NOT NULL,
  provider_id uuid NOT NULL,
  organization_id uuid NOT NULL,
  currency text NOT NULL,
  due_on date,
  total bigint NOT NULL,
  paid bigint DEFAULT 0 NOT NULL,
  credited bigint DEFAULT 0 NOT NULL,
  open bigint GENERATED ALWAYS AS (((total - paid) - credited)) STORED,
  CONSTRAINT invoice_balances_credited_check CHECK ((credited >= 0)),
  CONSTRAINT invoice_balances_invoice_id_fkey FOREIGN KEY (invoice_id) REFERENCES invoices(id),
  CONSTRAINT invoice_balances_open_check CHECK ((open >= 0)),
  CONSTRAINT invoice_balances_paid_check CHECK ((paid >= 0)),
  CONSTRAINT invoice_balances_pkey PRIMARY KEY (invoice_id),
  CONSTRAINT invoice_balances_total_check CHECK ((total >= 0))
);

CREATE TABLE invoice_lines (
  invoice_id uuid NOT NULL,
  number integer NOT NULL,
  order_id uuid NOT NULL,
  description text NOT NULL,
  hours bigint NOT NULL,
  price bigint NOT NULL,
  amount bigint NOT NULL,
  tax_category text,
  tax_rate integer,
  CONSTRAINT invoice_lines_amount_check CHECK ((amount >= 0)),
  CONSTRAINT invoice_lines_check CHECK (((tax_category IS NULL) = (tax_rate IS NULL))),
  CONSTRAINT invoice_lines_hours_check CHECK ((hours > 0)),
  CONSTRAINT invoice_lines_invoice_id_fkey FOREIGN KEY (invoice_id) REFERENCES invoices(id),
  CONSTRAINT invoice_lines_number_check CHECK ((number > 0)),
  CONSTRAINT invoice_lines_order_id_fkey FOREIGN KEY (order_id) REFERENCES orders(id),
  CONSTRAINT invoice_lines_order_id_key UNIQUE (order_id),
  CONSTRAINT invoice_lines_pkey PRIMARY KEY (invoice_id, number),
  CONSTRAINT invoice_lines_price_check CHECK ((price > 0)),
  CONSTRAINT invoice_lines_tax_category_check CHECK ((tax_category = ANY (ARRAY['S'::text, 'AE'::text, 'E'::text, 'O'::text])))
);

CREATE TABLE invoice_numbers (
  provider_id uuid NOT NULL,
  year integer NOT NULL,
  last integer NOT NULL,
  CONSTRAINT invoice_numbers_last_check CHECK ((last > 0)),
  CONSTRAINT invoice_numbers_pkey PRIMARY KEY (provider_id, year),
  CONSTRAINT invoice_numbers_provider_id_fkey FOREIGN KEY (provider_id) REFERENCES providers(id)
);

CREATE TABLE invoice_taxes (
  invoice_id uuid NOT NULL,
  category text NOT NULL,
  rate integer NOT NULL,
  base bigint NOT NULL,
  amount bigint NOT NULL,
  reason text NOT NULL,
  CONSTRAINT invoice_taxes_amount_check CHECK ((amount >= 0)),
  CONSTRAINT invoice_taxes_base_check CHECK ((base >= 0)),
  CONSTRAINT invoice_taxes_category_check CHECK ((category = ANY (ARRAY['S'::text, 'AE'::text, 'E'::text, 'O'::text]))),
  CONSTRAINT invoice_taxes_invoice_id_fkey FOREIGN KEY (invoice_id) REFERENCES invoices(id),
  CONSTRAINT invoice_taxes_pkey PRIMARY KEY (invoice_id, category, rate)
);

CREATE TABLE invoices (
  id uuid NOT NULL,
  provider_id uuid NOT NULL,
  organization_id uuid NOT NULL,
  year integer NOT NULL,
  serial integer NOT NULL,
  number text NOT NULL,
  seller text NOT NULL,
  tax_id text NOT NULL,
  buyer text NOT NULL,
  net bigint NOT NULL,
  currency text NOT NULL,
  issued_at timestamp with time zone NOT NULL,
  previous integer GENERATED ALWAYS AS (NULLIF((serial - 1), 0)) STORED,
  due_on date,
  printed jsonb DEFAULT '{}'::jsonb NOT NULL,
  tax bigint DEFAULT 0 NOT NULL,
  CONSTRAINT invoices_net_check CHECK ((net >= 0)),
  CONSTRAINT invoices_number_key UNIQUE (number),
  CONSTRAINT invoices_organization_id_fkey FOREIGN KEY (organization_id) REFERENCES organizations(id),
  CONSTRAINT invoices_pkey PRIMARY KEY (id),
  CONSTRAINT invoices_printed_check CHECK ((jsonb_typeof(printed) = 'object'::text)),
  CONSTRAINT invoices_provider_id_fkey FOREIGN KEY (provider_id) REFERENCES providers(id),
  CONSTRAINT invoices_provider_id_year_serial_key UNIQUE (provider_id, year, serial),
  CONSTRAINT invoices_serial_check CHECK ((serial > 0)),
  CONSTRAINT invoices_serials_follow FOREIGN KEY (provider_id, year, previous) REFERENCES invoices(provider_id, year, serial),
  CONSTRAINT invoices_tax_check CHECK ((tax >= 0))
);

CREATE TABLE journal_heads (
  wallet_id uuid NOT NULL,
  seq bigint DEFAULT 0 NOT NULL,
  hash bytea DEFAULT decode(repeat('00'::text, 32), 'hex'::text) NOT NULL,
  at timestamp with time zone,
  unordered bigint DEFAULT 0 NOT NULL,
  CONSTRAINT journal_heads_hash_check CHECK ((length(hash) = 32)),
  CONSTRAINT journal_heads_pkey PRIMARY KEY (wallet_id),
  CONSTRAINT journal_heads_wallet_id_fkey FOREIGN KEY (wallet_id) REFERENCES wallets(id)
);

CREATE TABLE launch_requests (
  id uuid NOT NULL,
  organization_id uuid NOT NULL,
  person_id uuid NOT NULL,
  form jsonb NOT NULL,
  pool_id uuid NOT NULL,
  need bigint NOT NULL,
  state text NOT NULL,
  reason text DEFAULT ''::text NOT NULL,
  decided_by uuid,
  decided_at timestamp with time zone,
  cluster_id uuid,
  created_at timestamp with time zone NOT NULL,
  CONSTRAINT launch_requests_check CHECK (((state = 'waiting'::text) = (decided_at IS NULL))),
  CONSTRAINT launch_requests_check1 CHECK (((state = 'approved'::text) = (cluster_id IS NOT NULL))),
  CONSTRAINT launch_requests_check2 CHECK (((state <> 'declined'::text) OR (reason <> ''::text))),
  CONSTRAINT launch_requests_cluster_id_organization_id_fkey FOREIGN KEY (cluster_id, organization_id) REFERENCES clusters(id, organization_id),
  CONSTRAINT launch_requests_decided_by_fkey FOREIGN KEY (decided_by) REFERENCES people(id),
  CONSTRAINT launch_requests_need_check CHECK ((need > 0)),
  CONSTRAINT launch_requests_organization_id_fkey FOREIGN KEY (organization_id) REFERENCES organizations(id),
  CONSTRAINT launch_requests_person_id_fkey FOREIGN KEY (person_id) REFERENCES people(id),
  CONSTRAINT launch_requests_pkey PRIMARY KEY (id),
  CONSTRAINT launch_requests_pool_id_fkey FOREIGN KEY (pool_id) REFERENCES pools(id),
  CONSTRAINT launch_requests_reason_check CHECK ((length(reason) <= 500)),
  CONSTRAINT launch_requests_state_check CHECK ((state = ANY (ARRAY['waiting'::text, 'approved'::text, 'declined'::text, 'withdrawn'::text])))
);

CREATE TABLE ledger_entries (
  wallet_id uuid NOT NULL,
  seq bigint NOT NULL,
  kind text NOT NULL,
  at timestamp with time zone NOT NULL,
  key text NOT NULL,
  person_id uuid,
  expires_at timestamp with time zone,
  period_from timestamp with time zone,
  period_to timestamp with time zone,
  lines integer DEFAULT 0 NOT NULL,
  lines_digest bytea,
  previous bytea NOT NULL,
  hash bytea NOT NULL,
  booked_in xid8 DEFAULT pg_current_xact_id() NOT NULL,
  version integer DEFAULT 2 NOT NULL,
  accounting_date date NOT NULL,
  period date NOT NULL,
  corrects bigint,
  reason text DEFAULT ''::text NOT NULL,
  signed_by uuid,
  CONSTRAINT ledger_entries_check CHECK ((((kind = 'use'::text) = (lines > 0)) AND ((kind = 'use'::text) = (lines_digest IS NOT NULL)))),
  CONSTRAINT ledger_entries_check1 CHECK ((((kind = 'use'::text) = (period_from IS NOT NULL)) AND ((period_from IS NULL) = (period_to IS NULL)))),
  CONSTRAINT ledger_entries_check2 CHECK ((period_from < period_to)),
  CONSTRAINT ledger_entries_correction CHECK ((((kind = 'correction'::text) = (corrects IS NOT NULL)) AND ((kind = 'correction'::text) = (reason <> ''::text)) AND ((kind = 'correction'::text) = (signed_by IS NOT NULL)) AND ((kind <> 'correction'::text) OR ((corrects < seq) AND (person_id IS NOT NULL) AND (person_id <> signed_by))))),
  CONSTRAINT ledger_entries_corrects FOREIGN KEY (wallet_id, corrects) REFERENCES ledger_entries(wallet_id, seq),
  CONSTRAINT ledger_entries_hash_check CHECK ((length(hash) = 32)),
  CONSTRAINT ledger_entries_hash_key UNIQUE (hash),
  CONSTRAINT ledger_entries_key_check CHECK ((key ~ '^[a-z0-9:._-]{1,200}$'::text)),
  CONSTRAINT ledger_entries_key_key UNIQUE (key),
  CONSTRAINT ledger_entries_kind_check CHECK ((kind = ANY (ARRAY['grant'::text, 'hold'::text, 'use'::text, 'release'::text, 'expire'::text, 'opening'::text, 'payment'::text, 'refund'::text, 'credit_note'::text, 'write_off'::text, 'goodwill'::text, 'correction'::text]))),
  CONSTRAINT ledger_entries_lines_check CHECK ((lines >= 0)),
  CONSTRAINT ledger_entries_lines_digest_check CHECK ((length(lines_digest) = 32)),
  CONSTRAINT ledger_entries_period CHECK (((EXTRACT(day FROM period) = (1)::numeric) AND (((period + '1 mon'::interval))::date > accounting_date))),
  CONSTRAINT ledger_entries_person_id_fkey FOREIGN KEY (person_id) REFERENCES people(id),
  CONSTRAINT ledger_entries_pkey PRIMARY KEY (wallet_id, seq),
  CONSTRAINT ledger_entries_previous_check CHECK ((length(previous) = 32)),
  CONSTRAINT ledger_entries_reason_check CHECK ((length(reason) <= 500)),
  CONSTRAINT ledger_entries_seq_check CHECK ((seq > 0)),
  CONSTRAINT ledger_entries_signed_by_fkey FOREIGN KEY (signed_by) REFERENCES people(id),
  CONSTRAINT ledger_entries_version_check CHECK ((version = ANY (ARRAY[1, 2]))),
  CONSTRAINT ledger_entries_wallet_id_fkey FOREIGN KEY (wallet_id) REFERENCES wallets(id)
);

CREATE TABLE ledger_facts (
  wallet_id uuid NOT NULL,
  seq bigint NOT NULL,
  number integer NOT NULL,
  what text NOT NULL,
  subject_id uuid NOT NULL,
  digest bytea NOT NULL,
  CONSTRAINT ledger_facts_digest_check CHECK ((length(digest) = 32)),
  CONSTRAINT ledger_facts_number_check CHECK ((number > 0)),
  CONSTRAINT ledger_facts_pkey PRIMARY KEY (wallet_id, seq, number),
  CONSTRAINT ledger_facts_wallet_id_seq_fkey FOREIGN KEY (wallet_id, seq) REFERENCES ledger_entries(wallet_id, seq),
  CONSTRAINT ledger_facts_what_check CHECK ((what = ANY (ARRAY['lot'::text, 'order'::text, 'invoice'::text, 'uses'::text, 'payment'::text, 'credit_note'::text]))),
  CONSTRAINT ledger_facts_what_subject_id_key UNIQUE (what, subject_id)
);

CREATE TABLE ledger_postings (
  wallet_id uuid NOT NULL,
  seq bigint NOT NULL,
  number integer NOT NULL,
  lot_id uuid NOT NULL,
  account text NOT NULL,
  cluster_id uuid,
  hours bigint NOT NULL,
  CONSTRAINT ledger_postings_account_check CHECK ((account = ANY (ARRAY['bought'::text, 'available'::text, 'held'::text, 'used'::text, 'expired'::text, 'refunded'::text]))),
  CONSTRAINT ledger_postings_check CHECK (((account = 'held'::text) = (cluster_id IS NOT NULL))),
  CONSTRAINT ledger_postings_cluster_id_fkey FOREIGN KEY (cluster_id) REFERENCES clusters(id),
  CONSTRAINT ledger_postings_hours_check CHECK ((hours <> 0)),
  CONSTRAINT ledger_postings_lot_id_wallet_id_fkey FOREIGN KEY (lot_id, wallet_id) REFERENCES lots(id, wallet_id),
  CONSTRAINT ledger_postings_number_check CHECK ((number > 0)),
  CONSTRAINT ledger_postings_pkey PRIMARY KEY (wallet_id, seq, number),
  CONSTRAINT ledger_postings_wallet_id_seq_fkey FOREIGN KEY (wallet_id, seq) REFERENCES ledger_entries(wallet_id, seq)
);

CREATE TABLE left_caps (
  organization_id uuid NOT NULL,
  person_id uuid NOT NULL,
  cap bigint NOT NULL,
  cap_since timestamp with time zone NOT NULL,
  CONSTRAINT left_caps_cap_check CHECK ((cap >= 0)),
  CONSTRAINT left_caps_organization_id_fkey FOREIGN KEY (organization_id) REFERENCES organizations(id),
  CONSTRAINT left_caps_person_id_fkey FOREIGN KEY (person_id) REFERENCES people(id),
  CONSTRAINT left_caps_pkey PRIMARY KEY (organization_id, person_id)
);

CREATE TABLE logins (
  organization_id uuid NOT NULL,
  person_id uuid NOT NULL,
  login text NOT NULL,
  uid integer NOT NULL,
  created_at timestamp with time zone NOT NULL,
  CONSTRAINT logins_login_check CHECK ((login ~ '^[a-z][a-z0-9-]{0,27}$'::text)),
  CONSTRAINT logins_organization_id_fkey FOREIGN KEY (organization_id) REFERENCES organizations(id),
  CONSTRAINT logins_organization_id_login_key UNIQUE (organization_id, login),
  CONSTRAINT logins_organization_id_uid_key UNIQUE (organization_id, uid),
  CONSTRAINT logins_person_id_fkey FOREIGN KEY (person_id) REFERENCES people(id),
  CONSTRAINT logins_pkey PRIMARY KEY (organization_id, person_id),
  CONSTRAINT logins_uid_check CHECK (((uid >= 70000) AND (uid <= 99999)))
);

CREATE TABLE lots (
  id uuid NOT NULL,
  wallet_id uuid NOT NULL,
  expires_at timestamp with time zone,
  note text DEFAULT ''::text NOT NULL,
  created_by uuid,
  created_at timestamp with time zone NOT NULL,
  bought bigint DEFAULT 0 NOT NULL,
  available bigint DEFAULT 0 NOT NULL,
  held bigint DEFAULT 0 NOT NULL,
  used bigint DEFAULT 0 NOT NULL,
  expired bigint DEFAULT 0 NOT NULL,
  order_id uuid,
  pool_id uuid,
  amount bigint,
  currency text,
  purpose text DEFAULT ''::text NOT NULL,
  refunded bigint DEFAULT 0 NOT NULL,
  deferred bigint DEFAULT 0 NOT NULL,
  CONSTRAINT lots_amount_check CHECK ((amount >= 0)),
  CONSTRAINT lots_available_check CHECK ((available >= 0)),
  CONSTRAINT lots_bought_check CHECK ((bought >= 0)),
  CONSTRAINT lots_check CHECK ((available = ((((bought - used) - held) - expired) - refunded))),
  CONSTRAINT lots_check1 CHECK ((((amount IS NULL) = (order_id IS NULL)) AND ((amount IS NULL) = (currency IS NULL)))),
  CONSTRAINT lots_created_by_fkey FOREIGN KEY (created_by) REFERENCES people(id),
  CONSTRAINT lots_deferred_check CHECK ((deferred >= 0)),
  CONSTRAINT lots_expired_check CHECK ((expired >= 0)),
  CONSTRAINT lots_held_check CHECK ((held >= 0)),
  CONSTRAINT lots_id_wallet_id_key UNIQUE (id, wallet_id),
  CONSTRAINT lots_note_check CHECK ((length(note) <= 500)),
  CONSTRAINT lots_order_id_fkey FOREIGN KEY (order_id) REFERENCES orders(id),
  CONSTRAINT lots_order_id_key UNIQUE (order_id),
  CONSTRAINT lots_pkey PRIMARY KEY (id),
  CONSTRAINT lots_pool_id_fkey FOREIGN KEY (pool_id) REFERENCES pools(id),
  CONSTRAINT lots_purpose_check CHECK ((length(purpose) <= 200)),
  CONSTRAINT lots_refunded_check CHECK ((refunded >= 0)),
  CONSTRAINT lots_used_check CHECK ((used >= 0)),
  CONSTRAINT lots_wallet_id_fkey FOREIGN KEY (wallet_id) REFERENCES wallets(id)
);

CREATE TABLE mail_choices (
  person_id uuid NOT NULL,
  place_id uuid NOT NULL,
  event text NOT NULL,
  scope text NOT NULL,
  CONSTRAINT mail_choices_event_check CHECK ((event ~ '^[a-z_]{1,40}$'::text)),
  CONSTRAINT mail_choices_person_id_fkey FOREIGN KEY (person_id) REFERENCES people(id) ON DELETE CASCADE,
  CONSTRAINT mail_choices_pkey PRIMARY KEY (person_id, place_id, event),
  CONSTRAINT mail_choices_scope_check CHECK ((scope = ANY (ARRAY['none'::text, 'own'::text, 'all'::text])))
);

CREATE TABLE mail_tokens (
  token_hash bytea NOT NULL,
  person_id uuid NOT NULL,
  purpose text NOT NULL,
  email text NOT NULL,
  created_at timestamp with time zone NOT NULL,
  expires_at timestamp with time zone NOT NULL,
  used_at timestamp with time zone,
  CONSTRAINT mail_tokens_person_id_fkey FOREIGN KEY (person_id) REFERENCES people(id),
  CONSTRAINT mail_tokens_pkey PRIMARY KEY (token_hash),
  CONSTRAINT mail_tokens_purpose_check CHECK ((purpose = ANY (ARRAY['confirm'::text, 'reset'::text]))),
  CONSTRAINT mail_tokens_token_hash_check CHECK ((length(token_hash) = 32))
);

CREATE TABLE mails (
  id uuid NOT NULL,
  to_address text NOT NULL,
  kind text NOT NULL,
  data jsonb DEFAULT '{}'::jsonb NOT NULL,
  subject text DEFAULT ''::text NOT NULL,
  body text DEFAULT ''::text NOT NULL,
  state text DEFAULT 'waiting'::text NOT NULL,
  error text DEFAULT ''::text NOT NULL,
  attempts integer DEFAULT 0 NOT NULL,
  created_at timestamp with time zone NOT NULL,
  sent_at timestamp with time zone,
  sealed bytea,
  has_link boolean GENERATED ALWAYS AS ((sealed IS NOT NULL)) STORED NOT NULL,
  caused_by uuid,
  invitation_id uuid,
  refused_by text DEFAULT ''::text NOT NULL,
  refused text DEFAULT ''::text NOT NULL,
  CONSTRAINT mails_caused_by_fkey FOREIGN KEY (caused_by) REFERENCES people(id),
  CONSTRAINT mails_data_check CHECK ((NOT (data ? 'secret'::text))),
  CONSTRAINT mails_invitation_id_fkey FOREIGN KEY (invitation_id) REFERENCES invitations(id),
  CONSTRAINT mails_pkey PRIMARY KEY (id),
  CONSTRAINT mails_refused_by_check CHECK ((length(refused_by) <= 255)),
  CONSTRAINT mails_refused_check CHECK ((length(refused) <= 300)),
  CONSTRAINT mails_state_check CHECK ((state = ANY (ARRAY['waiting'::text, 'sent'::text, 'kept'::text, 'failed'::text, 'refused'::text])))
);

CREATE TABLE memberships (
  organization_id uuid NOT NULL,
  person_id uuid NOT NULL,
  role text NOT NULL,
  created_at timestamp with time zone NOT NULL,
  cap bigint,
  cap_since timestamp with time zone,
  CONSTRAINT memberships_cap_check CHECK ((cap >= 0)),
  CONSTRAINT memberships_check CHECK (((cap IS NULL) = (cap_since IS NULL))),
  CONSTRAINT memberships_organization_id_fkey FOREIGN KEY (organization_id) REFERENCES organizations(id),
  CONSTRAINT memberships_person_id_fkey FOREIGN KEY (person_id) REFERENCES people(id),
  CONSTRAINT memberships_pkey PRIMARY KEY (organization_id, person_id),
  CONSTRAINT memberships_role_check CHECK ((role = ANY (ARRAY['owner'::text, 'manager'::text, 'member'::text, 'billing'::text, 'auditor'::text])))
);

CREATE TABLE model_clusters (
  id uuid NOT NULL,
  organization_id uuid NOT NULL,
  name text NOT NULL,
  created_at timestamp with time zone NOT NULL,
  CONSTRAINT model_clusters_id_organization_id_key UNIQUE (id, organization_id),
  CONSTRAINT model_clusters_name_check CHECK (((length(name) >= 1) AND (length(name) <= 80))),
  CONSTRAINT model_clusters_organization_id_fkey FOREIGN KEY (organization_id) REFERENCES organizations(id),
  CONSTRAINT model_clusters_organization_id_name_key UNIQUE (organization_id, name),
  CONSTRAINT model_clusters_pkey PRIMARY KEY (id)
);

CREATE TABLE model_origins (
  model_cluster_id uuid NOT NULL,
  organization_id uuid NOT NULL,
  version_id uuid,
  whose text NOT NULL,
  model text NOT NULL,
  version text NOT NULL,
  at timestamp with time zone DEFAULT now() NOT NULL,
  CONSTRAINT model_origins_model_check CHECK (((length(model) >= 1) AND (length(model) <= 80))),
  CONSTRAINT model_origins_model_cluster_id_organization_id_fkey FOREIGN KEY (model_cluster_id, organization_id) REFERENCES model_clusters(id, organization_id),
  CONSTRAINT model_origins_pkey PRIMARY KEY (model_cluster_id),
  CONSTRAINT model_origins_version_check CHECK (((length(version) >= 1) AND (length(version) <= 40))),
  CONSTRAINT model_origins_version_id_fkey FOREIGN KEY (version_id) REFERENCES model_versions(id),
  CONSTRAINT model_origins_whose_check CHECK ((length(whose) <= 300))
);

CREATE TABLE model_shares (
  model_cluster_id uuid NOT NULL,
  organization_id uuid NOT NULL,
  with_id uuid,
  shared_by uuid,
  shared_at timestamp with time zone DEFAULT now() NOT NULL,
  CONSTRAINT model_shares_check CHECK ((with_id <> organization_id)),
  CONSTRAINT model_shares_model_cluster_id_organization_id_fkey FOREIGN KEY (model_cluster_id, organization_id) REFERENCES model_clusters(id, organization_id),
  CONSTRAINT model_shares_model_cluster_id_with_id_key UNIQUE NULLS NOT DISTINCT (model_cluster_id, with_id),
  CONSTRAINT model_shares_shared_by_fkey FOREIGN KEY (shared_by) REFERENCES people(id),
  CONSTRAINT model_shares_with_id_fkey FOREIGN KEY (with_id) REFERENCES organizations(id)
);

CREATE TABLE model_versions (
  id uuid NOT NULL,
  organization_id uuid NOT NULL,
  model_cluster_id uuid NOT NULL,
  version text NOT NULL,
  state text NOT NULL,
  revision integer DEFAULT 1 NOT NULL,
  created_at timestamp with time zone NOT NULL,
  published_at timestamp with time zone,
  withdrawn_at timestamp with time zone,
  withdrawn_by uuid,
  document text NOT NULL,
  document_digest text NOT NULL,
  CONSTRAINT model_versions_check1 CHECK (((state <> 'draft'::text) = (published_at IS NOT NULL))),
  CONSTRAINT model_versions_check3 CHECK ((((state = 'withdrawn'::text) = (withdrawn_at IS NOT NULL)) AND ((withdrawn_at IS NOT NULL) OR (withdrawn_by IS NULL)))),
  CONSTRAINT model_versions_document_digest CHECK ((document_digest = encode(sha256(convert_to(document, 'UTF8'::name)), 'hex'::text))),
  CONSTRAINT model_versions_document_size CHECK ((octet_length(document) <= (1 << 20))),
  CONSTRAINT model_versions_id_organization_id_key UNIQUE (id, organization_id),
  CONSTRAINT model_versions_model_cluster_id_organization_id_fkey FOREIGN KEY (model_cluster_id, organization_id) REFERENCES model_clusters(id, organization_id),
  CONSTRAINT model_versions_model_cluster_id_version_key UNIQUE (model_cluster_id, version),
  CONSTRAINT model_versions_pkey PRIMARY KEY (id),
  CONSTRAINT model_versions_state_check CHECK ((state = ANY (ARRAY['draft'::text, 'published'::text, 'withdrawn'::text]))),
  CONSTRAINT model_versions_version_check CHECK (((length(version) >= 1) AND (length(version) <= 40))),
  CONSTRAINT model_versions_withdrawn_by_fkey FOREIGN KEY (withdrawn_by) REFERENCES people(id)
);

CREATE TABLE money_moves (
  kind text NOT NULL,
  debit text NOT NULL,
  credit text NOT NULL,
  CONSTRAINT money_moves_pkey PRIMARY KEY (kind, debit, credit)
);

CREATE TABLE money_postings (
  wallet_id uuid NOT NULL,
  seq bigint NOT NULL,
  number integer NOT NULL,
  account text NOT NULL,
  lot_id uuid,
  currency text NOT NULL,
  amount bigint NOT NULL,
  CONSTRAINT money_postings_account_check CHECK ((account = ANY (ARRAY['receivable'::text, 'bank'::text, 'credit'::text, 'deferred'::text, 'revenue'::text, 'breakage'::text, 'tax'::text, 'goodwill'::text, 'rounding'::text]))),
  CONSTRAINT money_postings_amount_check CHECK ((amount <> 0)),
  CONSTRAINT money_postings_check CHECK (((account = ANY (ARRAY['deferred'::text, 'revenue'::text, 'breakage'::text])) = (lot_id IS NOT NULL))),
  CONSTRAINT money_postings_currency_check CHECK ((currency ~ '^[A-Z]{3}$'::text)),
  CONSTRAINT money_postings_lot_id_wallet_id_fkey FOREIGN KEY (lot_id, wallet_id) REFERENCES lots(id, wallet_id),
  CONSTRAINT money_postings_number_check CHECK ((number > 0)),
  CONSTRAINT money_postings_pkey PRIMARY KEY (wallet_id, seq, number),
  CONSTRAINT money_postings_wallet_id_seq_fkey FOREIGN KEY (wallet_id, seq) REFERENCES ledger_entries(wallet_id, seq)
);

CREATE TABLE node_access (
  node_id uuid NOT NULL,
  cluster_id uuid NOT NULL,
  organization_id uuid NOT NULL,
  generation bigint DEFAULT 0 NOT NULL,
  start_id text DEFAULT ''::text NOT NULL,
  taken text[] DEFAULT '{}'::text[] NOT NULL,
  absent text[] DEFAULT '{}'::text[] NOT NULL,
  done_at timestamp with time zone,
  tried_generation bigint DEFAULT 0 NOT NULL,
  tried_start_id text DEFAULT ''::text NOT NULL,
  tried_at timestamp with time zone,
  tries integer DEFAULT 0 NOT NULL,
  problem text DEFAULT ''::text NOT NULL,
  problem_since timestamp with time zone,
  retry_at timestamp with time zone,
  claimed_by text,
  claimed_until timestamp with time zone,
  CONSTRAINT node_access_check CHECK (((problem = ''::text) = (problem_since IS NULL))),
  CONSTRAINT node_access_check1 CHECK (((claimed_by IS NULL) = (claimed_until IS NULL))),
  CONSTRAINT node_access_check2 CHECK (((cardinality(taken) <= 2000) AND (cardinality(absent) <= 2000))),
  CONSTRAINT node_access_cluster_id_fkey FOREIGN KEY (cluster_id) REFERENCES clusters(id),
  CONSTRAINT node_access_node_id_fkey FOREIGN KEY (node_id) REFERENCES nodes(id),
  CONSTRAINT node_access_organization_id_fkey FOREIGN KEY (organization_id) REFERENCES organizations(id),
  CONSTRAINT node_access_pkey PRIMARY KEY (node_id),
  CONSTRAINT node_access_problem_check CHECK ((problem = ANY (ARRAY[''::text, 'agent'::text, 'refused'::text, 'time'::text, 'nonsense'::text, 'host'::text, 'script'::text]))),
  CONSTRAINT node_access_tries_check CHECK ((tries >= 0))
);

CREATE TABLE node_steps (
  id bigint GENERATED ALWAYS AS IDENTITY NOT NULL,
  cluster_id uuid NOT NULL,
  node_id uuid NOT NULL,
  host_id uuid NOT NULL,
  step text NOT NULL,
  at timestamp with time zone NOT NULL,
  since timestamp with time zone,
  reason text DEFAULT ''::text NOT NULL,
  reason_detail text DEFAULT ''::text NOT NULL,
  CONSTRAINT node_steps_cluster_id_fkey FOREIGN KEY (cluster_id) REFERENCES clusters(id),
  CONSTRAINT node_steps_host_id_fkey FOREIGN KEY (host_id) REFERENCES hosts(id),
  CONSTRAINT node_steps_node_id_fkey FOREIGN KEY (node_id) REFERENCES nodes(id),
  CONSTRAINT node_steps_pkey PRIMARY KEY (id),
  CONSTRAINT node_steps_step_check CHECK ((step = ANY (ARRAY['reserved'::text, 'starting'::text, 'made'::text, 'gate'::text, 'ready'::text, 'pausing'::text, 'paused'::text, 'stopping'::text, 'stopped'::text, 'lost'::text, 'failed'::text, 'gone'::text])))
);

CREATE TABLE nodes (
  id uuid NOT NULL,
  cluster_id uuid NOT NULL,
  organization_id uuid NOT NULL,
  provider_id uuid NOT NULL,
  host_id uuid NOT NULL,
  role text NOT NULL,
  name text NOT NULL,
  mac macaddr NOT NULL,
  address inet NOT NULL,
  ssh_port integer,
  shape_name text NOT NULL,
  vcpus integer NOT NULL,
  memory_mib integer NOT NULL,
  disk_gib integer NOT NULL,
  rate bigint NOT NULL,
  image_id uuid,
  image_digest text NOT NULL,
  state text NOT NULL,
  reason text DEFAULT ''::text NOT NULL,
  reason_detail text DEFAULT ''::text NOT NULL,
  start_id text DEFAULT ''::text NOT NULL,
  state_at timestamp with time zone NOT NULL,
  started_at timestamp with time zone,
  ready_at timestamp with time zone,
  seen_at timestamp with time zone,
  evidence jsonb DEFAULT '{}'::jsonb NOT NULL,
  left_host_id uuid,
  left_why text DEFAULT ''::text NOT NULL,
  left_at timestamp with time zone,
  left_cleared_at timestamp with time zone,
  sign_in jsonb DEFAULT '{}'::jsonb NOT NULL,
  sign_in_start integer DEFAULT 0 NOT NULL,
  group_name text NOT NULL,
  batch_id uuid NOT NULL,
  desired text DEFAULT 'running'::text NOT NULL,
  CONSTRAINT nodes_batch_id_cluster_id_fkey FOREIGN KEY (batch_id, cluster_id) REFERENCES batches(id, cluster_id),
  CONSTRAINT nodes_check CHECK ((((left_host_id IS NULL) = (left_at IS NULL)) AND ((left_host_id IS NULL) = (left_why = ''::text)))),
  CONSTRAINT nodes_check1 CHECK (((state = 'gone'::text) = (image_id IS NULL))),
  CONSTRAINT nodes_cluster_id_organization_id_fkey FOREIGN KEY (cluster_id, organization_id) REFERENCES clusters(id, organization_id),
  CONSTRAINT nodes_desired_check CHECK (((desired = ANY (ARRAY['running'::text, 'stopped'::text, 'gone'::text])) AND ((state <> 'gone'::text) OR (desired = 'gone'::text)))),
  CONSTRAINT nodes_group_name_check CHECK (((role = 'head'::text) = (group_name = 'head'::text))),
  CONSTRAINT nodes_host_id_fkey FOREIGN KEY (host_id) REFERENCES hosts(id),
  CONSTRAINT nodes_image_id_fkey FOREIGN KEY (image_id) REFERENCES images(id),
  CONSTRAINT nodes_left_host_id_fkey FOREIGN KEY (left_host_id) REFERENCES hosts(id),
  CONSTRAINT nodes_pkey PRIMARY KEY (id),
  CONSTRAINT nodes_role_check CHECK ((role = ANY (ARRAY['head'::text, 'compute'::text]))),
  CONSTRAINT nodes_sign_in_check CHECK ((octet_length((sign_in)::text) <= 4000)),
  CONSTRAINT nodes_state_check CHECK ((state = ANY (ARRAY['reserved'::text, 'starting'::text, 'ready'::text, 'pausing'::text, 'paused'::text, 'stopping'::text, 'stopped'::text, 'lost'::text, 'failed'::text, 'gone'::text])))
);

CREATE TABLE notices (
  person_id uuid NOT NULL,
  event text NOT NULL,
  subject_id uuid NOT NULL,
  mark text NOT NULL,
  kind text NOT NULL,
  place_id uuid NOT NULL,
  group_id uuid NOT NULL,
  data jsonb NOT NULL,
  created_at timestamp with time zone NOT NULL,
  due_at timestamp with time zone NOT NULL,
  mail_id uuid,
  ended_at timestamp with time zone,
  CONSTRAINT notices_check CHECK (((mail_id IS NULL) OR (ended_at IS NOT NULL))),
  CONSTRAINT notices_data_check CHECK ((NOT (data ? 'secret'::text))),
  CONSTRAINT notices_mail_id_fkey FOREIGN KEY (mail_id) REFERENCES mails(id),
  CONSTRAINT notices_mark_check CHECK ((length(mark) <= 80)),
  CONSTRAINT notices_person_id_fkey FOREIGN KEY (person_id) REFERENCES people(id),
  CONSTRAINT notices_pkey PRIMARY KEY (person_id, event, subject_id, mark)
);

CREATE TABLE offer_prices (
  id uuid NOT NULL,
  offer_id uuid NOT NULL,
  provider_id uuid NOT NULL,
  price bigint NOT NULL,
  during tstzrange NOT NULL,
  set_by uuid,
  created_at timestamp with time zone NOT NULL,
  planned_until timestamp with time zone,
  CONSTRAINT offer_prices_during_check CHECK (((NOT isempty(during)) AND (NOT lower_inf(during)))),
  CONSTRAINT offer_prices_id_offer_id_key UNIQUE (id, offer_id),
  CONSTRAINT offer_prices_offer_id_provider_id_fkey FOREIGN KEY (offer_id, provider_id) REFERENCES offers(id, provider_id),
  CONSTRAINT offer_prices_overlap EXCLUDE USING gist (offer_id WITH =, during WITH &&),
  CONSTRAINT offer_prices_pkey PRIMARY KEY (id),
  CONSTRAINT offer_prices_price_check CHECK (((price >= 0) AND (price <= '1000000000000'::bigint))),
  CONSTRAINT offer_prices_set_by_fkey FOREIGN KEY (set_by) REFERENCES people(id)
);

CREATE TABLE offers (
  id uuid NOT NULL,
  provider_id uuid NOT NULL,
  pool_id uuid,
  name text NOT NULL,
  least_hours bigint NOT NULL,
  good_days integer NOT NULL,
  ended_at timestamp with time zone,
  created_by uuid,
  created_at timestamp with time zone NOT NULL,
  CONSTRAINT offers_created_by_fkey FOREIGN KEY (created_by) REFERENCES people(id),
  CONSTRAINT offers_good_days_check CHECK (((good_days >= 1) AND (good_days <= 3650))),
  CONSTRAINT offers_id_provider_id_key UNIQUE (id, provider_id),
  CONSTRAINT offers_least_hours_check CHECK ((least_hours > 0)),
  CONSTRAINT offers_name_check CHECK (((length(name) >= 1) AND (length(name) <= 80))),
  CONSTRAINT offers_pkey PRIMARY KEY (id),
  CONSTRAINT offers_pool_id_provider_id_fkey FOREIGN KEY (pool_id, provider_id) REFERENCES pools(id, provider_id),
  CONSTRAINT offers_provider_id_fkey FOREIGN KEY (provider_id) REFERENCES providers(id),
  CONSTRAINT offers_provider_id_name_key UNIQUE (provider_id, name)
);

CREATE TABLE orders (
  id uuid NOT NULL,
  number bigint GENERATED ALWAYS AS IDENTITY NOT NULL,
  organization_id uuid NOT NULL,
  provider_id uuid NOT NULL,
  offer_id uuid NOT NULL,
  price_id uuid NOT NULL,
  hours bigint NOT NULL,
  amount bigint NOT NULL,
  currency text NOT NULL,
  state text DEFAULT 'waiting'::text NOT NULL,
  purchase_order text DEFAULT ''::text NOT NULL,
  cost_centre text DEFAULT ''::text NOT NULL,
  grant_number text DEFAULT ''::text NOT NULL,
  note text DEFAULT ''::text NOT NULL,
  ordered_by uuid,
  decided_by uuid,
  reason text DEFAULT ''::text NOT NULL,
  lot_id uuid,
  created_at timestamp with time zone NOT NULL,
  decided_at timestamp with time zone,
  good_until timestamp with time zone,
  CONSTRAINT orders_amount_check CHECK ((amount >= 0)),
  CONSTRAINT orders_check CHECK (((state = 'waiting'::text) = (decided_at IS NULL))),
  CONSTRAINT orders_check1 CHECK ((((state = 'approved'::text) = (lot_id IS NOT NULL)) AND ((lot_id IS NULL) = (good_until IS NULL)))),
  CONSTRAINT orders_check2 CHECK (((state <> 'rejected'::text) OR (reason <> ''::text))),
  CONSTRAINT orders_cost_centre_check CHECK ((length(cost_centre) <= 80)),
  CONSTRAINT orders_decided_by_fkey FOREIGN KEY (decided_by) REFERENCES people(id),
  CONSTRAINT orders_grant_number_check CHECK ((length(grant_number) <= 80)),
  CONSTRAINT orders_hours_check CHECK ((hours > 0)),
  CONSTRAINT orders_id_provider_id_organization_id_key UNIQUE (id, provider_id, organization_id),
  CONSTRAINT orders_lot_id_fkey FOREIGN KEY (lot_id) REFERENCES lots(id),
  CONSTRAINT orders_lot_id_key UNIQUE (lot_id),
  CONSTRAINT orders_note_check CHECK ((length(note) <= 500)),
  CONSTRAINT orders_number_key UNIQUE (number),
  CONSTRAINT orders_offer_id_provider_id_fkey FOREIGN KEY (offer_id, provider_id) REFERENCES offers(id, provider_id),
  CONSTRAINT orders_ordered_by_fkey FOREIGN KEY (ordered_by) REFERENCES people(id),
  CONSTRAINT orders_organization_id_fkey FOREIGN KEY (organization_id) REFERENCES organizations(id),
  CONSTRAINT orders_pkey PRIMARY KEY (id),
  CONSTRAINT orders_price_id_offer_id_fkey FOREIGN KEY (price_id, offer_id) REFERENCES offer_prices(id, offer_id),
  CONSTRAINT orders_provider_id_fkey FOREIGN KEY (provider_id) REFERENCES providers(id),
  CONSTRAINT orders_purchase_order_check CHECK ((length(purchase_order) <= 80)),
  CONSTRAINT orders_reason_check CHECK ((length(reason) <= 500)),
  CONSTRAINT orders_state_check CHECK ((state = ANY (ARRAY['waiting'::text, 'approved'::text, 'rejected'::text, 'withdrawn'::text])))
);

CREATE TABLE organizations (
  id uuid NOT NULL,
  name text NOT NULL,
  created_at timestamp with time zone NOT NULL,
  suspended_at timestamp with time zone,
  suspended_reason text DEFAULT ''::text NOT NULL,
  quota bigint,
  starters boolean DEFAULT false NOT NULL,
  legal_name text DEFAULT ''::text NOT NULL,
  paper_name text DEFAULT ''::text NOT NULL,
  address text DEFAULT ''::text NOT NULL,
  country text DEFAULT ''::text NOT NULL,
  vat_id text DEFAULT ''::text NOT NULL,
  contact text DEFAULT ''::text NOT NULL,
  CONSTRAINT organizations_address_check CHECK ((length(address) <= 400)),
  CONSTRAINT organizations_check CHECK (((suspended_at IS NULL) = (suspended_reason = ''::text))),
  CONSTRAINT organizations_contact_check CHECK ((length(contact) <= 200)),
  CONSTRAINT organizations_country_check CHECK ((country ~ '^([A-Z]{2})?$'::text)),
  CONSTRAINT organizations_legal_name_check CHECK ((length(legal_name) <= 120)),
  CONSTRAINT organizations_name_check CHECK (((length(name) >= 2) AND (length(name) <= 80))),
  CONSTRAINT organizations_name_key UNIQUE (name),
  CONSTRAINT organizations_paper_name_check CHECK ((length(paper_name) <= 120)),
  CONSTRAINT organizations_pkey PRIMARY KEY (id),
  CONSTRAINT organizations_quota_check CHECK ((quota >= 0)),
  CONSTRAINT organizations_suspended_reason_check CHECK ((length(suspended_reason) <= 500)),
  CONSTRAINT organizations_vat_id_check CHECK ((vat_id ~ '^[A-Z0-9+*]{0,20}$'::text))
);

CREATE TABLE payment_allocations (
  payment_id uuid NOT NULL,
  invoice_id uuid NOT NULL,
  amount bigint NOT NULL,
  CONSTRAINT payment_allocations_amount_check CHECK ((amount > 0)),
  CONSTRAINT payment_allocations_invoice_id_fkey FOREIGN KEY (invoice_id) REFERENCES invoices(id),
  CONSTRAINT payment_allocations_payment_id_fkey FOREIGN KEY (payment_id) REFERENCES payments(id),
  CONSTRAINT payment_allocations_pkey PRIMARY KEY (payment_id, invoice_id)
);

CREATE TABLE payments (
  id uuid NOT NULL,
  wallet_id uuid NOT NULL,
  provider_id uuid NOT NULL,
  organization_id uuid NOT NULL,
  kind text NOT NULL,
  amount bigint NOT NULL,
  currency text NOT NULL,
  paid_on date NOT NULL,
  reference text DEFAULT ''::text NOT NULL,
  recorded_by uuid,
  recorded_at timestamp with time zone NOT NULL,
  CONSTRAINT payments_amount_check CHECK ((amount > 0)),
  CONSTRAINT payments_currency_check CHECK ((currency ~ '^[A-Z]{3}$'::text)),
  CONSTRAINT payments_kind_check CHECK ((kind = ANY (ARRAY['received'::text, 'credit'::text, 'repaid'::text]))),
  CONSTRAINT payments_organization_id_fkey FOREIGN KEY (organization_id) REFERENCES organizations(id),
  CONSTRAINT payments_pkey PRIMARY KEY (id),
  CONSTRAINT payments_provider_id_fkey FOREIGN KEY (provider_id) REFERENCES providers(id),
  CONSTRAINT payments_recorded_by_fkey FOREIGN KEY (recorded_by) REFERENCES people(id),
  CONSTRAINT payments_reference_check CHECK ((length(reference) <= 140)),
  CONSTRAINT payments_wallet_id_fkey FOREIGN KEY (wallet_id) REFERENCES wallets(id)
);

CREATE TABLE people (
  id uuid NOT NULL,
  email text NOT NULL,
  name text NOT NULL,
  password_hash text NOT NULL,
  platform_admin boolean DEFAULT false NOT NULL,
  created_at timestamp with time zone NOT NULL,
  confirmed_at timestamp with time zone DEFAULT now() NOT NULL,
  suspended_at timestamp with time zone,
  suspended_reason text DEFAULT ''::text NOT NULL,
  platform_auditor boolean DEFAULT false NOT NULL,
  CONSTRAINT people_check CHECK (((suspended_at IS NULL) = (suspended_reason = ''::text))),
  CONSTRAINT people_email_check CHECK (((email = lower(email)) AND ((length(email) >= 3) AND (length(email) <= 254)))),
  CONSTRAINT people_email_key UNIQUE (email),
  CONSTRAINT people_name_check CHECK (((length(name) >= 1) AND (length(name) <= 120))),
  CONSTRAINT people_pkey PRIMARY KEY (id),
  CONSTRAINT people_suspended_reason_check CHECK ((length(suspended_reason) <= 500))
);

CREATE TABLE period_balances (
  provider_id uuid NOT NULL,
  month date NOT NULL,
  wallet_id uuid NOT NULL,
  account text NOT NULL,
  lot_id uuid,
  currency text NOT NULL,
  amount bigint NOT NULL,
  CONSTRAINT period_balances_amount_check CHECK ((amount <> 0)),
  CONSTRAINT period_balances_lot_id_fkey FOREIGN KEY (lot_id) REFERENCES lots(id),
  CONSTRAINT period_balances_provider_id_month_fkey FOREIGN KEY (provider_id, month) REFERENCES periods(provider_id, month),
  CONSTRAINT period_balances_provider_id_month_wallet_id_account_lot_id__key UNIQUE NULLS NOT DISTINCT (provider_id, month, wallet_id, account, lot_id, currency),
  CONSTRAINT period_balances_wallet_id_fkey FOREIGN KEY (wallet_id) REFERENCES wallets(id)
);

CREATE TABLE period_file_parts (
  provider_id uuid NOT NULL,
  month date NOT NULL,
  name text NOT NULL,
  number integer NOT NULL,
  bytes bytea NOT NULL,
  CONSTRAINT period_file_parts_bytes_check CHECK (((length(bytes) >= 1) AND (length(bytes) <= 1048576))),
  CONSTRAINT period_file_parts_number_check CHECK ((number > 0)),
  CONSTRAINT period_file_parts_pkey PRIMARY KEY (provider_id, month, name, number),
  CONSTRAINT period_file_parts_provider_id_month_name_fkey FOREIGN KEY (provider_id, month, name) REFERENCES period_files(provider_id, month, name)
);

CREATE TABLE period_files (
  provider_id uuid NOT NULL,
  month date NOT NULL,
  name text NOT NULL,
  media text NOT NULL,
  size bigint NOT NULL,
  sha256 bytea NOT NULL,
  CONSTRAINT period_files_name_check CHECK ((name ~ '^[a-z][a-z0-9.-]{0,59}$'::text)),
  CONSTRAINT period_files_pkey PRIMARY KEY (provider_id, month, name),
  CONSTRAINT period_files_provider_id_month_fkey FOREIGN KEY (provider_id, month) REFERENCES periods(provider_id, month),
  CONSTRAINT period_files_sha256_check CHECK ((length(sha256) = 32)),
  CONSTRAINT period_files_size_check CHECK ((size >= 0))
);

CREATE TABLE periods (
  provider_id uuid NOT NULL,
  month date NOT NULL,
  closed_at timestamp with time zone,
  closed_by uuid,
  CONSTRAINT periods_check CHECK (((closed_by IS NULL) OR (closed_at IS NOT NULL))),
  CONSTRAINT periods_closed_by_fkey FOREIGN KEY (closed_by) REFERENCES people(id),
  CONSTRAINT periods_month_check CHECK ((EXTRACT(day FROM month) = (1)::numeric)),
  CONSTRAINT periods_pkey PRIMARY KEY (provider_id, month),
  CONSTRAINT periods_provider_id_fkey FOREIGN KEY (provider_id) REFERENCES providers(id)
);

CREATE TABLE pools (
  id uuid NOT NULL,
  provider_id uuid NOT NULL,
  name text NOT NULL,
  prefix cidr NOT NULL,
  subnet_bits integer DEFAULT 24 NOT NULL,
  underlay cidr NOT NULL,
  management cidr[] DEFAULT '{}'::cidr[] NOT NULL,
  storage text NOT NULL,
  machine_type text NOT NULL,
  cpu text DEFAULT ''::text NOT NULL,
  mtu integer DEFAULT 1450 NOT NULL,
  masquerade boolean DEFAULT true NOT NULL,
  wipe_disks boolean DEFAULT false NOT NULL,
  test_vcpus integer DEFAULT 4 NOT NULL,
  ports int4range DEFAULT '[20000,30000)'::int4range NOT NULL,
  max_lease_hours integer DEFAULT 720 NOT NULL,
  created_at timestamp with time zone NOT NULL,
  location text DEFAULT ''::text NOT NULL,
  policy text DEFAULT ''::text NOT NULL,
  allowed cidr[] DEFAULT '{}'::cidr[] NOT NULL,
  placement text DEFAULT 'spread'::text NOT NULL,
  overcommit integer DEFAULT 100 NOT NULL,
  host_labels jsonb DEFAULT '{}'::jsonb NOT NULL,
  CONSTRAINT pools_allowed_check CHECK ((cardinality(allowed) <= 16)),
  CONSTRAINT pools_check CHECK ((masklen((prefix)::inet) <= subnet_bits)),
  CONSTRAINT pools_host_labels_check CHECK (((jsonb_typeof(host_labels) = 'object'::text) AND (length((host_labels)::text) <= 8000))),
  CONSTRAINT pools_id_provider_id_key UNIQUE (id, provider_id),
  CONSTRAINT pools_location_check CHECK ((length(location) <= 80)),
  CONSTRAINT pools_max_lease_hours_check CHECK (((max_lease_hours >= 1) AND (max_lease_hours <= 8760))),
  CONSTRAINT pools_mtu_check CHECK (((mtu >= 576) AND (mtu <= 9166))),
  CONSTRAINT pools_name_check CHECK (((length(name) >= 1) AND (length(name) <= 80))),
  CONSTRAINT pools_overcommit_check CHECK (((overcommit >= 100) AND (overcommit <= 1600))),
  CONSTRAINT pools_pkey PRIMARY KEY (id),
  CONSTRAINT pools_placement_check CHECK ((placement = ANY (ARRAY['spread'::text, 'pack'::text]))),
  CONSTRAINT pools_policy_check CHECK ((length(policy) <= 2000)),
  CONSTRAINT pools_prefix_check CHECK ((family((prefix)::inet) = 4)),
  CONSTRAINT pools_provider_id_fkey FOREIGN KEY (provider_id) REFERENCES providers(id),
  CONSTRAINT pools_provider_id_name_key UNIQUE (provider_id, name),
  CONSTRAINT pools_storage_check CHECK ((storage = 'local'::text)),
  CONSTRAINT pools_subnet_bits_check CHECK (((subnet_bits >= 16) AND (subnet_bits <= 28))),
  CONSTRAINT pools_test_vcpus_check CHECK ((test_vcpus >= 0))
);

CREATE TABLE providers (
  id uuid NOT NULL,
  name text NOT NULL,
  currency text NOT NULL,
  accounting_zone text NOT NULL,
  created_at timestamp with time zone NOT NULL,
  state text DEFAULT 'active'::text NOT NULL,
  state_reason text DEFAULT ''::text NOT NULL,
  legal_name text DEFAULT ''::text NOT NULL,
  tax_id text DEFAULT ''::text NOT NULL,
  invoice_prefix text,
  support_contact text DEFAULT ''::text NOT NULL,
  about text DEFAULT ''::text NOT NULL,
  terms text DEFAULT ''::text NOT NULL,
  applied_by uuid,
  applied_at timestamp with time zone,
  decided_by uuid,
  decided_at timestamp with time zone,
  certificates_taken text DEFAULT 'none'::text NOT NULL,
  kept_days_most integer DEFAULT 30 NOT NULL,
  kept_gib_most integer,
  grace_days integer DEFAULT 5 NOT NULL,
  address text DEFAULT ''::text NOT NULL,
  country text DEFAULT ''::text NOT NULL,
  vat_id text DEFAULT ''::text NOT NULL,
  bank_name text DEFAULT ''::text NOT NULL,
  iban text DEFAULT ''::text NOT NULL,
  bic text DEFAULT ''::text NOT NULL,
  payment_days integer DEFAULT 30 NOT NULL,
  CONSTRAINT providers_about_check CHECK ((length(about) <= 4000)),
  CONSTRAINT providers_address_check CHECK ((length(address) <= 400)),
  CONSTRAINT providers_applied_by_fkey FOREIGN KEY (applied_by) REFERENCES people(id),
  CONSTRAINT providers_bank_name_check CHECK ((length(bank_name) <= 120)),
  CONSTRAINT providers_bic_check CHECK ((bic ~ '^([A-Z0-9]{8}([A-Z0-9]{3})?)?$'::text)),
  CONSTRAINT providers_certificates_taken_check CHECK ((certificates_taken = ANY (ARRAY['none'::text, 'own'::text, 'platform'::text, 'any'::text]))),
  CONSTRAINT providers_country_check CHECK ((country ~ '^([A-Z]{2})?$'::text)),
  CONSTRAINT providers_currency_check CHECK ((currency ~ '^[A-Z]{3}$'::text)),
  CONSTRAINT providers_decided_by_fkey FOREIGN KEY (decided_by) REFERENCES people(id),
  CONSTRAINT providers_grace_days_check CHECK (((grace_days >= 0) AND (grace_days <= 60))),
  CONSTRAINT providers_iban_check CHECK ((iban ~ '^([A-Z]{2}[0-9]{2}[A-Z0-9]{8,30})?$'::text)),
  CONSTRAINT providers_invoice_prefix_check CHECK ((invoice_prefix ~ '^[A-Z][A-Z0-9]{1,7}$'::text)),
  CONSTRAINT providers_invoice_prefix_key UNIQUE (invoice_prefix),
  CONSTRAINT providers_kept_days_most_check CHECK (((kept_days_most >= 1) AND (kept_days_most <= 365))),
  CONSTRAINT providers_kept_gib_most_check CHECK ((kept_gib_most >= 0)),
  CONSTRAINT providers_legal_name_check CHECK ((length(legal_name) <= 120)),
  CONSTRAINT providers_name_check CHECK (((length(name) >= 2) AND (length(name) <= 80))),
  CONSTRAINT providers_name_key UNIQUE (name),
  CONSTRAINT providers_payment_days_check CHECK (((payment_days >= 0) AND (payment_days <= 365))),
  CONSTRAINT providers_pkey PRIMARY KEY (id),
  CONSTRAINT providers_state_check CHECK ((state = ANY (ARRAY['applied'::text, 'active'::text, 'rejected'::text, 'suspended'::text]))),
  CONSTRAINT providers_state_reason_check CHECK ((length(state_reason) <= 500)),
  CONSTRAINT providers_support_contact_check CHECK ((length(support_contact) <= 200)),
  CONSTRAINT providers_tax_id_check CHECK ((length(tax_id) <= 40)),
  CONSTRAINT providers_terms_check CHECK ((length(terms) <= 20000)),
  CONSTRAINT providers_vat_id_check CHECK ((vat_id ~ '^[A-Z0-9+*]{0,20}$'::text))
);

CREATE TABLE run_bookings (
  run_id uuid NOT NULL,
  wallet_id uuid NOT NULL,
  booked_until timestamp with time zone NOT NULL,
  done boolean DEFAULT false NOT NULL,
  aside_reason text DEFAULT ''::text NOT NULL,
  CONSTRAINT run_bookings_pkey PRIMARY KEY (run_id),
  CONSTRAINT run_bookings_run_id_fkey FOREIGN KEY (run_id) REFERENCES runs(id),
  CONSTRAINT run_bookings_wallet_id_fkey FOREIGN KEY (wallet_id) REFERENCES wallets(id)
);

CREATE TABLE runs (
  id uuid NOT NULL,
  wallet_id uuid NOT NULL,
  cluster_id uuid NOT NULL,
  node_id uuid NOT NULL,
  start_id text NOT NULL,
  rate bigint NOT NULL,
  started_at timestamp with time zone NOT NULL,
  ended_at timestamp with time zone NOT NULL,
  ends_by timestamp with time zone NOT NULL,
  proven_at timestamp with time zone NOT NULL,
  closed_at timestamp with time zone,
  close_reason text DEFAULT ''::text NOT NULL,
  span tstzrange,
  proofs integer DEFAULT 0,
  longest_gap interval DEFAULT '00:00:00'::interval,
  CONSTRAINT runs_check CHECK (((started_at <= ended_at) AND (ended_at <= ends_by))),
  CONSTRAINT runs_check1 CHECK ((((closed_at IS NULL) = (span IS NULL)) AND ((closed_at IS NULL) = (close_reason = ''::text)))),
  CONSTRAINT runs_cluster_id_fkey FOREIGN KEY (cluster_id) REFERENCES clusters(id),
  CONSTRAINT runs_counted CHECK (((proofs IS NULL) = (longest_gap IS NULL))),
  CONSTRAINT runs_end_proven CHECK ((ended_at <= GREATEST(proven_at, started_at))),
  CONSTRAINT runs_ended_at_check CHECK ((mod(EXTRACT(epoch FROM ended_at), (1)::numeric) = (0)::numeric)),
  CONSTRAINT runs_ends_by_check CHECK ((mod(EXTRACT(epoch FROM ends_by), (1)::numeric) = (0)::numeric)),
  CONSTRAINT runs_longest_gap_check CHECK ((longest_gap >= '00:00:00'::interval)),
  CONSTRAINT runs_node_id_fkey FOREIGN KEY (node_id) REFERENCES nodes(id),
  CONSTRAINT runs_node_id_span_excl EXCLUDE USING gist (node_id WITH =, span WITH &&),
  CONSTRAINT runs_pkey PRIMARY KEY (id),
  CONSTRAINT runs_proofs_check CHECK ((proofs >= 0)),
  CONSTRAINT runs_rate_check CHECK ((rate > 0)),
  CONSTRAINT runs_started_at_check CHECK ((mod(EXTRACT(epoch FROM started_at), (1)::numeric) = (0)::numeric)),
  CONSTRAINT runs_wallet_id_fkey FOREIGN KEY (wallet_id) REFERENCES wallets(id)
);

CREATE TABLE sessions (
  id uuid NOT NULL,
  token_hash bytea NOT NULL,
  person_id uuid NOT NULL,
  organization_id uuid,
  provider_id uuid,
  user_agent text NOT NULL,
  address inet,
  created_at timestamp with time zone NOT NULL,
  seen_at timestamp with time zone NOT NULL,
  expires_at timestamp with time zone NOT NULL,
  fresh_at timestamp with time zone DEFAULT now() NOT NULL,
  CONSTRAINT sessions_absolute_end CHECK ((expires_at <= (created_at + '168:00:00'::interval))),
  CONSTRAINT sessions_check CHECK (((organization_id IS NULL) OR (provider_id IS NULL))),
  CONSTRAINT sessions_organization_id_fkey FOREIGN KEY (organization_id) REFERENCES organizations(id),
  CONSTRAINT sessions_person_id_fkey FOREIGN KEY (person_id) REFERENCES people(id),
  CONSTRAINT sessions_pkey PRIMARY KEY (id),
  CONSTRAINT sessions_provider_id_fkey FOREIGN KEY (provider_id) REFERENCES providers(id),
  CONSTRAINT sessions_token_hash_check CHECK ((length(token_hash) = 32)),
  CONSTRAINT sessions_token_hash_key UNIQUE (token_hash)
);

CREATE TABLE shapes (
  id uuid NOT NULL,
  provider_id uuid NOT NULL,
  name text NOT NULL,
  vcpus integer NOT NULL,
  memory_mib integer NOT NULL,
  disk_gib integer NOT NULL,
  rate bigint NOT NULL,
  created_at timestamp with time zone NOT NULL,
  retired_at timestamp with time zone,
  CONSTRAINT shapes_disk_gib_check CHECK (((disk_gib >= 1) AND (disk_gib <= 65536))),
  CONSTRAINT shapes_memory_mib_check CHECK (((memory_mib >= 64) AND (memory_mib <= 16777216))),
  CONSTRAINT shapes_name_check CHECK (((length(name) >= 1) AND (length(name) <= 40))),
  CONSTRAINT shapes_pkey PRIMARY KEY (id),
  CONSTRAINT shapes_provider_id_fkey FOREIGN KEY (provider_id) REFERENCES providers(id),
  CONSTRAINT shapes_provider_id_name_key UNIQUE (provider_id, name),
  CONSTRAINT shapes_rate_check CHECK ((rate > 0)),
  CONSTRAINT shapes_vcpus_check CHECK (((vcpus >= 1) AND (vcpus <= 1024)))
);

CREATE TABLE sign_in_failures (
  key text NOT NULL,
  at timestamp with time zone NOT NULL
);

CREATE TABLE sign_ups (
  id uuid NOT NULL,
  email text NOT NULL,
  name text NOT NULL,
  organization_name text,
  invitation_id uuid,
  password_hash text NOT NULL,
  token_hash bytea NOT NULL,
  created_at timestamp with time zone NOT NULL,
  expires_at timestamp with time zone NOT NULL,
  completed_at timestamp with time zone,
  CONSTRAINT sign_ups_check CHECK (((organization_name IS NULL) <> (invitation_id IS NULL))),
  CONSTRAINT sign_ups_email_check CHECK (((email = lower(email)) AND ((length(email) >= 3) AND (length(email) <= 254)))),
  CONSTRAINT sign_ups_invitation_id_fkey FOREIGN KEY (invitation_id) REFERENCES invitations(id),
  CONSTRAINT sign_ups_name_check CHECK (((length(name) >= 1) AND (length(name) <= 120))),
  CONSTRAINT sign_ups_organization_name_check CHECK (((length(organization_name) >= 2) AND (length(organization_name) <= 80))),
  CONSTRAINT sign_ups_pkey PRIMARY KEY (id),
  CONSTRAINT sign_ups_token_hash_check CHECK ((length(token_hash) = 32)),
  CONSTRAINT sign_ups_token_hash_key UNIQUE (token_hash)
);

CREATE TABLE slips (
  person_id uuid NOT NULL,
  id uuid NOT NULL,
  route text NOT NULL,
  digest bytea NOT NULL,
  at timestamp with time zone NOT NULL,
  location text,
  notice text,
  CONSTRAINT slips_digest_check CHECK ((octet_length(digest) = 32)),
  CONSTRAINT slips_location_check CHECK ((length(location) <= 2000)),
  CONSTRAINT slips_notice_check CHECK ((length(notice) <= 300)),
  CONSTRAINT slips_pkey PRIMARY KEY (person_id, id),
  CONSTRAINT slips_route_check CHECK (((length(route) >= 1) AND (length(route) <= 2000)))
);

CREATE TABLE ssh_keys (
  id uuid NOT NULL,
  person_id uuid NOT NULL,
  name text NOT NULL,
  public_key text NOT NULL,
  fingerprint text NOT NULL,
  created_at timestamp with time zone NOT NULL,
  CONSTRAINT ssh_keys_name_check CHECK (((length(name) >= 1) AND (length(name) <= 80))),
  CONSTRAINT ssh_keys_person_id_fingerprint_key UNIQUE (person_id, fingerprint),
  CONSTRAINT ssh_keys_person_id_fkey FOREIGN KEY (person_id) REFERENCES people(id),
  CONSTRAINT ssh_keys_pkey PRIMARY KEY (id),
  CONSTRAINT ssh_keys_public_key_check CHECK ((length(public_key) <= 8192))
);

CREATE TABLE staff (
  provider_id uuid NOT NULL,
  person_id uuid NOT NULL,
  role text NOT NULL,
  created_at timestamp with time zone NOT NULL,
  CONSTRAINT staff_person_id_fkey FOREIGN KEY (person_id) REFERENCES people(id),
  CONSTRAINT staff_pkey PRIMARY KEY (provider_id, person_id),
  CONSTRAINT staff_provider_id_fkey FOREIGN KEY (provider_id) REFERENCES providers(id),
  CONSTRAINT staff_role_check CHECK ((role = ANY (ARRAY['admin'::text, 'operator'::text, 'accountant'::text, 'auditor'::text])))
);

CREATE TABLE statement_uses (
  statement_id uuid NOT NULL,
  number integer NOT NULL,
  cluster_id uuid,
  cluster_name text NOT NULL,
  person_id uuid,
  purchase_order text NOT NULL,
  cost_centre text NOT NULL,
  grant_number text NOT NULL,
  hours bigint NOT NULL,
  cost bigint,
  CONSTRAINT statement_uses_cluster_id_fkey FOREIGN KEY (cluster_id) REFERENCES clusters(id),
  CONSTRAINT statement_uses_number_check CHECK ((number > 0)),
  CONSTRAINT statement_uses_person_id_fkey FOREIGN KEY (person_id) REFERENCES people(id),
  CONSTRAINT statement_uses_pkey PRIMARY KEY (statement_id, number),
  CONSTRAINT statement_uses_statement_id_fkey FOREIGN KEY (statement_id) REFERENCES statements(id)
);

CREATE TABLE statements (
  id uuid NOT NULL,
  provider_id uuid NOT NULL,
  month date NOT NULL,
  wallet_id uuid NOT NULL,
  organization_id uuid NOT NULL,
  made_at timestamp with time zone NOT NULL,
  seller text NOT NULL,
  tax_id text NOT NULL,
  buyer text NOT NULL,
  zone text NOT NULL,
  seq bigint NOT NULL,
  hash bytea NOT NULL,
  opening bigint NOT NULL,
  bought bigint NOT NULL,
  granted bigint NOT NULL,
  used bigint NOT NULL,
  expired bigint NOT NULL,
  refunded bigint NOT NULL,
  closing bigint NOT NULL,
  currency text NOT NULL,
  prepaid_opening bigint NOT NULL,
  sold bigint NOT NULL,
  earned bigint NOT NULL,
  lapsed bigint NOT NULL,
  credited bigint NOT NULL,
  prepaid_closing bigint NOT NULL,
  owed_opening bigint NOT NULL,
  invoiced bigint NOT NULL,
  paid bigint NOT NULL,
  settled bigint NOT NULL,
  owed_closing bigint NOT NULL,
  CONSTRAINT statements_check CHECK ((closing = (((((opening + bought) + granted) - used) - expired) - refunded))),
  CONSTRAINT statements_check1 CHECK ((prepaid_closing = ((((prepaid_opening + sold) - earned) - lapsed) - credited))),
  CONSTRAINT statements_check2 CHECK ((owed_closing = (((owed_opening + invoiced) - paid) - settled))),
  CONSTRAINT statements_hash_check CHECK ((length(hash) = 32)),
  CONSTRAINT statements_organization_id_fkey FOREIGN KEY (organization_id) REFERENCES organizations(id),
  CONSTRAINT statements_pkey PRIMARY KEY (id),
  CONSTRAINT statements_provider_id_month_fkey FOREIGN KEY (provider_id, month) REFERENCES periods(provider_id, month),
  CONSTRAINT statements_wallet_id_fkey FOREIGN KEY (wallet_id) REFERENCES wallets(id),
  CONSTRAINT statements_wallet_id_month_key UNIQUE (wallet_id, month)
);

CREATE TABLE taken_names (
  kind text NOT NULL,
  scope_id uuid NOT NULL,
  key text NOT NULL,
  subject_id uuid NOT NULL,
  CONSTRAINT taken_names_kind_check CHECK ((kind = ANY (ARRAY['organization'::text, 'provider'::text, 'pool'::text, 'shape'::text, 'offer'::text, 'model cluster'::text]))),
  CONSTRAINT taken_names_pkey PRIMARY KEY (kind, scope_id, key)
);

CREATE TABLE tax_exemptions (
  provider_id uuid NOT NULL,
  organization_id uuid NOT NULL,
  certificate text NOT NULL,
  from_day date NOT NULL,
  until_day date NOT NULL,
  set_by uuid,
  created_at timestamp with time zone NOT NULL,
  CONSTRAINT tax_exemptions_certificate_check CHECK (((length(certificate) >= 1) AND (length(certificate) <= 80))),
  CONSTRAINT tax_exemptions_check CHECK ((until_day >= from_day)),
  CONSTRAINT tax_exemptions_organization_id_fkey FOREIGN KEY (organization_id) REFERENCES organizations(id),
  CONSTRAINT tax_exemptions_pkey PRIMARY KEY (provider_id, organization_id, from_day),
  CONSTRAINT tax_exemptions_provider_id_fkey FOREIGN KEY (provider_id) REFERENCES providers(id),
  CONSTRAINT tax_exemptions_set_by_fkey FOREIGN KEY (set_by) REFERENCES people(id)
);

CREATE TABLE tax_rates (
  provider_id uuid NOT NULL,
  from_day date NOT NULL,
  rate integer,
  set_by uuid,
  created_at timestamp with time zone NOT NULL,
  CONSTRAINT tax_rates_pkey PRIMARY KEY (provider_id, from_day),
  CONSTRAINT tax_rates_provider_id_fkey FOREIGN KEY (provider_id) REFERENCES providers(id),
  CONSTRAINT tax_rates_rate_check CHECK (((rate >= 1) AND (rate <= 9999))),
  CONSTRAINT tax_rates_set_by_fkey FOREIGN KEY (set_by) REFERENCES people(id)
);

CREATE TABLE told (
  event text NOT NULL,
  subject_id uuid NOT NULL,
  mark text NOT NULL,
  at timestamp with time zone NOT NULL,
  CONSTRAINT told_mark_check CHECK ((length(mark) <= 80)),
  CONSTRAINT told_pkey PRIMARY KEY (event, subject_id, mark)
);

CREATE TABLE upload_locks (
  upload_id text NOT NULL,
  holder uuid NOT NULL,
  confirmed_at timestamp with time zone NOT NULL,
  wanted boolean DEFAULT false NOT NULL,
  CONSTRAINT upload_locks_holder_key UNIQUE (holder),
  CONSTRAINT upload_locks_pkey PRIMARY KEY (upload_id),
  CONSTRAINT upload_locks_upload_id_check CHECK ((upload_id ~ '^[0-9a-f]{32}$'::text))
);

CREATE TABLE upload_sources (
  upload_id text NOT NULL,
  address text NOT NULL,
  asked_by uuid NOT NULL,
  sealed bytea,
  state text DEFAULT 'waiting'::text NOT NULL,
  advice text DEFAULT ''::text NOT NULL,
  leads text DEFAULT ''::text NOT NULL,
  leads_sealed bytea,
  follow boolean DEFAULT false NOT NULL,
  mark text DEFAULT ''::text NOT NULL,
  length bigint DEFAULT 0 NOT NULL,
  received bigint DEFAULT 0 NOT NULL,
  rate bigint DEFAULT 0 NOT NULL,
  cuts integer DEFAULT 0 NOT NULL,
  begun integer DEFAULT 0 NOT NULL,
  started_at timestamp with time zone,
  job_id bigint DEFAULT 0 NOT NULL,
  waits_since timestamp with time zone,
  given text DEFAULT ''::text NOT NULL,
  given_sealed bytea,
  back boolean DEFAULT false NOT NULL,
  CONSTRAINT upload_sources_address_check CHECK (((address ~~ 'https://%'::text) AND (octet_length(address) <= 4000))),
  CONSTRAINT upload_sources_asked_by_fkey FOREIGN KEY (asked_by) REFERENCES people(id),
  CONSTRAINT upload_sources_length_check CHECK ((length >= 0)),
  CONSTRAINT upload_sources_mark_check CHECK ((length(mark) <= 300)),
  CONSTRAINT upload_sources_pkey PRIMARY KEY (upload_id),
  CONSTRAINT upload_sources_state_check CHECK ((state = ANY (ARRAY['waiting'::text, 'fetching'::text, 'failed'::text, 'ended'::text]))),
  CONSTRAINT upload_sources_upload_id_fkey FOREIGN KEY (upload_id) REFERENCES uploads(id) ON DELETE CASCADE
);

CREATE TABLE uploads (
  id text NOT NULL,
  organization_id uuid NOT NULL,
  person_id uuid NOT NULL,
  filename text NOT NULL,
  size bigint NOT NULL,
  created_at timestamp with time zone NOT NULL,
  finished_at timestamp with time zone,
  fingerprint text DEFAULT ''::text NOT NULL,
  sender text DEFAULT ''::text NOT NULL,
  name text DEFAULT ''::text NOT NULL,
  state text DEFAULT 'arriving'::text NOT NULL,
  reason text DEFAULT ''::text NOT NULL,
  checks jsonb DEFAULT '[]'::jsonb NOT NULL,
  format text DEFAULT ''::text NOT NULL,
  digest text DEFAULT ''::text NOT NULL,
  expected_digest text DEFAULT ''::text NOT NULL,
  finished_by uuid,
  verified_at timestamp with time zone,
  progress jsonb DEFAULT '{}'::jsonb NOT NULL,
  CONSTRAINT uploads_check CHECK (
CASE state
    WHEN 'arriving'::text THEN (finished_at IS NULL)
    WHEN 'refused'::text THEN true
    ELSE (finished_at IS NOT NULL)
END),
  CONSTRAINT uploads_check1 CHECK (((finished_by IS NULL) = (finished_at IS NULL))),
  CONSTRAINT uploads_check2 CHECK (((state = ANY (ARRAY['done'::text, 'refused'::text])) = (verified_at IS NOT NULL))),
  CONSTRAINT uploads_check3 CHECK (((size > 0) OR ((size = 0) AND (state = ANY (ARRAY['arriving'::text, 'refused'::text]))))),
  CONSTRAINT uploads_digest_check CHECK (((digest = ''::text) OR (digest ~ '^[0-9a-f]{64}$'::text))),
  CONSTRAINT uploads_expected_digest_check CHECK (((expected_digest = ''::text) OR (expected_digest ~ '^[0-9a-f]{64}$'::text))),
  CONSTRAINT uploads_filename_check CHECK ((length(filename) <= 255)),
  CONSTRAINT uploads_fingerprint_check CHECK (((fingerprint = ''::text) OR (fingerprint ~ '^[a-z0-9]{1,8}-[0-9a-f]{64}$'::text))),
  CONSTRAINT uploads_finished_by_fkey FOREIGN KEY (finished_by) REFERENCES people(id),
  CONSTRAINT uploads_id_check CHECK ((id ~ '^[0-9a-f]{32}$'::text)),
  CONSTRAINT uploads_name_check CHECK ((length(name) <= 255)),
  CONSTRAINT uploads_organization_id_fkey FOREIGN KEY (organization_id) REFERENCES organizations(id),
  CONSTRAINT uploads_person_id_fkey FOREIGN KEY (person_id) REFERENCES people(id),
  CONSTRAINT uploads_pkey PRIMARY KEY (id),
  CONSTRAINT uploads_sender_check CHECK (((sender = ''::text) OR (sender ~ '^[0-9A-Za-z-]{16,64}$'::text))),
  CONSTRAINT uploads_state_check CHECK ((state = ANY (ARRAY['arriving'::text, 'checking'::text, 'done'::text, 'refused'::text, 'unverified'::text])))
);

CREATE TABLE usage_lines (
  run_id uuid NOT NULL,
  from_at timestamp with time zone NOT NULL,
  lot_id uuid NOT NULL,
  to_at timestamp with time zone NOT NULL,
  wallet_id uuid NOT NULL,
  seq bigint NOT NULL,
  cluster_id uuid NOT NULL,
  node_id uuid NOT NULL,
  rate bigint NOT NULL,
  hours bigint NOT NULL,
  cost bigint,
  CONSTRAINT usage_lines_check CHECK ((from_at < to_at)),
  CONSTRAINT usage_lines_cost_check CHECK ((cost >= 0)),
  CONSTRAINT usage_lines_hours_check CHECK ((hours > 0)),
  CONSTRAINT usage_lines_pkey PRIMARY KEY (run_id, from_at, lot_id),
  CONSTRAINT usage_lines_rate_check CHECK ((rate > 0))
);

CREATE TABLE verification_turns (
  organization_id uuid NOT NULL,
  job_id bigint NOT NULL,
  CONSTRAINT verification_turns_organization_id_fkey FOREIGN KEY (organization_id) REFERENCES organizations(id),
  CONSTRAINT verification_turns_pkey PRIMARY KEY (organization_id)
);

CREATE TABLE version_roles (
  version_id uuid NOT NULL,
  organization_id uuid NOT NULL,
  group_name text NOT NULL,
  image_id uuid,
  image_name text DEFAULT ''::text NOT NULL,
  image_digest text DEFAULT ''::text NOT NULL,
  "position" integer NOT NULL,
  "least" integer NOT NULL,
  most integer NOT NULL,
  gate_timeout_seconds integer NOT NULL,
  CONSTRAINT version_roles_check CHECK (((image_id IS NULL) = (image_digest <> ''::text))),
  CONSTRAINT version_roles_check1 CHECK ((("position" >= 0) AND (("position" = 0) = (group_name = 'head'::text)))),
  CONSTRAINT version_roles_check2 CHECK ((("least" >= 0) AND ((most >= "least") AND (most <= 1000)))),
  CONSTRAINT version_roles_gate_timeout_seconds_check CHECK (((gate_timeout_seconds >= 10) AND (gate_timeout_seconds <= 3600))),
  CONSTRAINT version_roles_group_name_check CHECK ((group_name ~ '^[a-z][a-z0-9-]{0,30}$'::text)),
  CONSTRAINT version_roles_image_id_organization_id_fkey FOREIGN KEY (image_id, organization_id) REFERENCES images(id, organization_id),
  CONSTRAINT version_roles_pkey PRIMARY KEY (version_id, group_name),
  CONSTRAINT version_roles_version_id_organization_id_fkey FOREIGN KEY (version_id, organization_id) REFERENCES model_versions(id, organization_id),
  CONSTRAINT version_roles_version_id_position_key UNIQUE (version_id, "position")
);

CREATE TABLE wallet_money (
  wallet_id uuid NOT NULL,
  currency text NOT NULL,
  receivable bigint DEFAULT 0 NOT NULL,
  credit bigint DEFAULT 0 NOT NULL,
  CONSTRAINT wallet_money_credit_check CHECK ((credit >= 0)),
  CONSTRAINT wallet_money_pkey PRIMARY KEY (wallet_id, currency),
  CONSTRAINT wallet_money_receivable_check CHECK ((receivable >= 0)),
  CONSTRAINT wallet_money_wallet_id_fkey FOREIGN KEY (wallet_id) REFERENCES wallets(id)
);

CREATE TABLE wallets (
  id uuid NOT NULL,
  provider_id uuid NOT NULL,
  organization_id uuid NOT NULL,
  created_at timestamp with time zone DEFAULT now() NOT NULL,
  CONSTRAINT wallets_organization_id_fkey FOREIGN KEY (organization_id) REFERENCES organizations(id),
  CONSTRAINT wallets_pkey PRIMARY KEY (id),
  CONSTRAINT wallets_provider_id_fkey FOREIGN KEY (provider_id) REFERENCES providers(id),
  CONSTRAINT wallets_provider_id_organization_id_key UNIQUE (provider_id, organization_id)
);

CREATE INDEX acceptance_tests_organization_id_created_at_idx ON public.acceptance_tests USING btree (organization_id, created_at DESC);

CREATE INDEX acceptance_tests_running_idx ON public.acceptance_tests USING btree (organization_id) WHERE (state = 'running'::text);

CREATE INDEX acceptance_tests_version_id_idx ON public.acceptance_tests USING btree (version_id);

CREATE INDEX acceptance_tests_waiting_idx ON public.acceptance_tests USING btree (pool_id) WHERE (state = 'waiting'::text);

CREATE INDEX anchors_created_at_idx ON public.anchors USING btree (created_at) WHERE (envelope IS NULL);

CREATE INDEX announcements_from_at_idx ON public.announcements USING btree (from_at) WHERE (ended_at IS NULL);

CREATE INDEX announcements_provider_id_created_at_idx ON public.announcements USING btree (provider_id, created_at DESC);

CREATE INDEX audit_at_id_idx ON public.audit USING btree (at DESC, id DESC);

CREATE INDEX audit_nowhere_at_idx ON public.audit USING btree (at DESC, id DESC) WHERE ((organization_id IS NULL) AND (provider_id IS NULL));

CREATE INDEX audit_organization_id_at_idx ON public.audit USING btree (organization_id, at DESC, id DESC) WHERE (organization_id IS NOT NULL);

CREATE INDEX audit_organization_id_person_id_at_idx ON public.audit USING btree (organization_id, person_id, at DESC) WHERE (organization_id IS NOT NULL);

CREATE INDEX audit_organization_id_verb_at_idx ON public.audit USING btree (organization_id, verb, at DESC) WHERE (organization_id IS NOT NULL);

CREATE INDEX audit_person_id_at_idx ON public.audit USING btree (person_id, at DESC);

CREATE INDEX audit_person_id_sign_in_at_idx ON public.audit USING btree (person_id, at DESC) WHERE (verb = ANY (ARRAY['sign in'::text, 'fail sign-in'::text]));

CREATE INDEX audit_provider_id_at_idx ON public.audit USING btree (provider_id, at DESC, id DESC) WHERE (provider_id IS NOT NULL);

CREATE INDEX audit_provider_id_person_id_at_idx ON public.audit USING btree (provider_id, person_id, at DESC) WHERE (provider_id IS NOT NULL);

CREATE INDEX audit_provider_id_verb_at_idx ON public.audit USING btree (provider_id, verb, at DESC) WHERE (provider_id IS NOT NULL);

CREATE INDEX audit_subject_id_at_idx ON public.audit USING btree (subject_id, at DESC);

CREATE INDEX audit_verb_at_idx ON public.audit USING btree (verb, at DESC);

CREATE INDEX batches_cluster_id_idx ON public.batches USING btree (cluster_id);

CREATE INDEX certificate_keys_provider_id_created_at_idx ON public.certificate_keys USING btree (provider_id, created_at);

CREATE INDEX certificates_organization_id_document_digest_idx ON public.certificates USING btree (organization_id, document_digest);

CREATE INDEX cluster_keys_person_id_idx ON public.cluster_keys USING btree (person_id);

CREATE INDEX cluster_starts_organization_id_person_id_at_idx ON public.cluster_starts USING btree (organization_id, person_id, at);

CREATE INDEX clusters_kept_until_idx ON public.clusters USING btree (kept_until) WHERE (kept_until IS NOT NULL);

CREATE INDEX clusters_lease_ends_at_idx ON public.clusters USING btree (lease_ends_at) WHERE (ended_at IS NULL);

CREATE INDEX clusters_organization_id_created_at_idx ON public.clusters USING btree (organization_id, created_at DESC);

CREATE UNIQUE INDEX clusters_organization_id_name_idx ON public.clusters USING btree (organization_id, name) WHERE (ended_at IS NULL);

CREATE INDEX clusters_pool_id_idx ON public.clusters USING btree (pool_id) WHERE (ended_at IS NULL);

CREATE INDEX clusters_provider_id_created_at_idx ON public.clusters USING btree (provider_id, created_at DESC);

CREATE INDEX clusters_provider_id_created_at_idx1 ON public.clusters USING btree (provider_id, created_at) WHERE (kind = 'cluster'::text);

CREATE INDEX clusters_retry_at_idx ON public.clusters USING btree (retry_at) WHERE (reconciled_generation < generation);

CREATE UNIQUE INDEX console_consents_cluster_id_idx ON public.console_consents USING btree (cluster_id) WHERE (revoked_at IS NULL);

CREATE INDEX console_tickets_expires_at_idx ON public.console_tickets USING btree (expires_at);

CREATE INDEX credit_note_lines_invoice_id_invoice_line_idx ON public.credit_note_lines USING btree (invoice_id, invoice_line);

CREATE INDEX credit_note_lines_lot_id_idx ON public.credit_note_lines USING btree (lot_id);

CREATE INDEX credit_notes_invoice_id_idx ON public.credit_notes USING btree (invoice_id);

CREATE INDEX credit_notes_organization_id_issued_at_idx ON public.credit_notes USING btree (organization_id, issued_at);

CREATE INDEX credit_notes_provider_id_issued_at_idx ON public.credit_notes USING btree (provider_id, issued_at);

CREATE INDEX devices_person_id_seen_at_idx ON public.devices USING btree (person_id, seen_at);

CREATE UNIQUE INDEX drains_cluster_id_idx ON public.drains USING btree (cluster_id) WHERE (closed_at IS NULL);

CREATE INDEX gone_images_gone_at_idx ON public.gone_images USING btree (gone_at);

CREATE INDEX holds_lot_id_idx ON public.holds USING btree (lot_id) WHERE (held > 0);

CREATE INDEX host_pairs_second_id_idx ON public.host_pairs USING btree (second_id);

CREATE UNIQUE INDEX host_silences_open ON public.host_silences USING btree (host_id) WHERE (until_at IS NULL);

CREATE UNIQUE INDEX hosts_machine_key ON public.hosts USING btree (machine) WHERE (removed_at IS NULL);

CREATE UNIQUE INDEX hosts_machine_key_key ON public.hosts USING btree (machine_key) WHERE (removed_at IS NULL);

CREATE UNIQUE INDEX hosts_pool_id_name_key ON public.hosts USING btree (pool_id, name) WHERE (removed_at IS NULL);

CREATE INDEX hosts_provider_id_idx ON public.hosts USING btree (provider_id) WHERE (removed_at IS NULL);

CREATE UNIQUE INDEX hosts_scheme_address_port_key ON public.hosts USING btree (provider_id, scheme, address, port) WHERE (removed_at IS NULL);

CREATE INDEX hosts_twin_of_idx ON public.hosts USING btree (twin_of) WHERE ((twin_of IS NOT NULL) AND (removed_at IS NULL));

CREATE INDEX images_canonical_digest_idx ON public.images USING btree (canonical_digest);

CREATE INDEX images_lost_idx ON public.images USING btree (canonical_digest) WHERE (lost <> ''::text);

CREATE INDEX images_organization_id_canonical_digest_idx ON public.images USING btree (organization_id, canonical_digest);

CREATE INDEX images_organization_id_created_at_idx ON public.images USING btree (organization_id, created_at);

CREATE INDEX images_organization_id_guest_digest_idx ON public.images USING btree (organization_id, guest_digest) WHERE (guest_digest <> ''::text);

CREATE INDEX invitations_organization_id_created_at_idx ON public.invitations USING btree (organization_id, created_at) WHERE ((accepted_at IS NULL) AND (revoked_at IS NULL));

CREATE INDEX invitations_provider_id_created_at_idx ON public.invitations USING btree (provider_id, created_at) WHERE ((accepted_at IS NULL) AND (revoked_at IS NULL));

CREATE INDEX invitations_spent_idx ON public.invitations USING btree (expires_at) WHERE (token_hash IS NOT NULL);

CREATE INDEX invoice_balances_due_on_idx ON public.invoice_balances USING btree (due_on) WHERE (open > 0);

CREATE INDEX invoice_balances_organization_id_idx ON public.invoice_balances USING btree (organization_id) WHERE (open > 0);

CREATE INDEX invoice_balances_provider_id_organization_id_idx ON public.invoice_balances USING btree (provider_id, organization_id) WHERE (open > 0);

CREATE INDEX invoices_organization_id_issued_at_idx ON public.invoices USING btree (organization_id, issued_at);

CREATE INDEX invoices_provider_id_issued_at_idx ON public.invoices USING btree (provider_id, issued_at);

CREATE INDEX launch_requests_organization_id_created_at_idx ON public.launch_requests USING btree (organization_id, created_at DESC);

CREATE INDEX launch_requests_organization_id_idx ON public.launch_requests USING btree (organization_id) WHERE (state = 'waiting'::text);

CREATE INDEX ledger_entries_late_idx ON public.ledger_entries USING btree (wallet_id, period) WHERE (period > accounting_date);

CREATE INDEX ledger_entries_wallet_id_corrects_idx ON public.ledger_entries USING btree (wallet_id, corrects) WHERE (corrects IS NOT NULL);

CREATE INDEX ledger_entries_wallet_id_period_from_idx ON public.ledger_entries USING btree (wallet_id, period_from) WHERE (kind = 'use'::text);

CREATE INDEX ledger_entries_wallet_id_period_idx ON public.ledger_entries USING btree (wallet_id, period);

CREATE INDEX ledger_postings_cluster_id_idx ON public.ledger_postings USING btree (cluster_id) WHERE (cluster_id IS NOT NULL);

CREATE INDEX ledger_postings_lot_id_idx ON public.ledger_postings USING btree (lot_id);

CREATE INDEX lots_expires_at_idx ON public.lots USING btree (expires_at) WHERE (available > 0);

CREATE INDEX lots_wallet_id_idx ON public.lots USING btree (wallet_id);

CREATE INDEX lots_wallet_id_idx1 ON public.lots USING btree (wallet_id) WHERE ((available > 0) OR (held > 0));

CREATE INDEX mail_tokens_expires_at_idx ON public.mail_tokens USING btree (expires_at);

CREATE INDEX mail_tokens_person_id_purpose_idx ON public.mail_tokens USING btree (person_id, purpose);

CREATE INDEX mails_caused_by_created_at_idx ON public.mails USING btree (caused_by, created_at) WHERE (caused_by IS NOT NULL);

CREATE INDEX mails_created_at_idx ON public.mails USING btree (created_at);

CREATE INDEX mails_invitation_id_created_at_idx ON public.mails USING btree (invitation_id, created_at) WHERE (invitation_id IS NOT NULL);

CREATE INDEX mails_sealed_idx ON public.mails USING btree (created_at) WHERE (sealed IS NOT NULL);

CREATE INDEX mails_state_created_at_idx ON public.mails USING btree (state, created_at);

CREATE INDEX mails_to_address_created_at_idx ON public.mails USING btree (to_address, created_at);

CREATE INDEX memberships_person_id_idx ON public.memberships USING btree (person_id);

CREATE INDEX model_origins_version_id_idx ON public.model_origins USING btree (version_id);

CREATE INDEX model_shares_with_id_model_cluster_id_idx ON public.model_shares USING btree (with_id, model_cluster_id);

CREATE INDEX money_postings_lot_id_idx ON public.money_postings USING btree (lot_id) WHERE (lot_id IS NOT NULL);

CREATE INDEX node_access_cluster_id_idx ON public.node_access USING btree (cluster_id);

CREATE INDEX node_steps_cluster_id_id_idx ON public.node_steps USING btree (cluster_id, id);

CREATE INDEX node_steps_node_id_id_idx ON public.node_steps USING btree (node_id, id DESC);

CREATE INDEX nodes_batch_id_idx ON public.nodes USING btree (batch_id);

CREATE INDEX nodes_cluster_id_idx ON public.nodes USING btree (cluster_id);

CREATE UNIQUE INDEX nodes_cluster_id_name_idx ON public.nodes USING btree (cluster_id, name) WHERE (state <> 'gone'::text);

CREATE INDEX nodes_host_id_idx ON public.nodes USING btree (host_id) WHERE (state <> 'gone'::text);

CREATE UNIQUE INDEX nodes_host_id_ssh_port_idx ON public.nodes USING btree (host_id, ssh_port) WHERE ((ssh_port IS NOT NULL) AND (state <> 'gone'::text));

CREATE INDEX nodes_image_id_idx ON public.nodes USING btree (image_id);

CREATE INDEX nodes_left_host_id_idx ON public.nodes USING btree (left_host_id) WHERE ((left_host_id IS NOT NULL) AND (left_cleared_at IS NULL));

CREATE INDEX notices_due_at_idx ON public.notices USING btree (due_at) WHERE (ended_at IS NULL);

CREATE INDEX notices_ended_at_idx ON public.notices USING btree (ended_at) WHERE (ended_at IS NOT NULL);

CREATE INDEX notices_person_id_ended_at_idx ON public.notices USING btree (person_id, ended_at) WHERE (mail_id IS NOT NULL);

CREATE INDEX notices_person_id_event_group_id_idx ON public.notices USING btree (person_id, event, group_id) WHERE (ended_at IS NULL);

CREATE INDEX orders_organization_id_created_at_idx ON public.orders USING btree (organization_id, created_at);

CREATE INDEX orders_price_id_idx ON public.orders USING btree (price_id);

CREATE INDEX orders_provider_id_created_at_idx ON public.orders USING btree (provider_id, created_at);

CREATE INDEX orders_provider_id_idx ON public.orders USING btree (provider_id) WHERE (state = 'waiting'::text);

CREATE INDEX organizations_created_at_idx ON public.organizations USING btree (created_at);

CREATE INDEX payment_allocations_invoice_id_idx ON public.payment_allocations USING btree (invoice_id);

CREATE INDEX payments_organization_id_recorded_at_idx ON public.payments USING btree (organization_id, recorded_at);

CREATE INDEX payments_provider_id_recorded_at_idx ON public.payments USING btree (provider_id, recorded_at);

CREATE INDEX payments_wallet_id_idx ON public.payments USING btree (wallet_id);

CREATE INDEX people_created_at_idx ON public.people USING btree (created_at);

CREATE INDEX providers_applied_by_idx ON public.providers USING btree (applied_by) WHERE (applied_by IS NOT NULL);

CREATE UNIQUE INDEX providers_waiting ON public.providers USING btree (applied_by) WHERE (state = 'applied'::text);

CREATE INDEX run_bookings_wallet_id_idx ON public.run_bookings USING btree (wallet_id) WHERE (NOT done);

CREATE INDEX runs_cluster_id_idx ON public.runs USING btree (cluster_id);

CREATE INDEX runs_node_id_started_at_idx ON public.runs USING btree (node_id, started_at DESC);

CREATE UNIQUE INDEX runs_open ON public.runs USING btree (node_id) WHERE (closed_at IS NULL);

CREATE INDEX sessions_expires_at_idx ON public.sessions USING btree (expires_at);

CREATE INDEX sessions_person_id_idx ON public.sessions USING btree (person_id);

CREATE INDEX sign_in_failures_at_idx ON public.sign_in_failures USING btree (at);

CREATE INDEX sign_in_failures_key_at_idx ON public.sign_in_failures USING btree (key, at);

CREATE INDEX sign_ups_email_created_at_idx ON public.sign_ups USING btree (email, created_at);

CREATE INDEX sign_ups_expires_at_idx ON public.sign_ups USING btree (expires_at);

CREATE INDEX slips_by_time ON public.slips USING btree (at);

CREATE INDEX staff_person_id_idx ON public.staff USING btree (person_id);

CREATE INDEX statements_organization_id_month_idx ON public.statements USING btree (organization_id, month);

CREATE INDEX statements_provider_id_month_idx ON public.statements USING btree (provider_id, month);

CREATE INDEX taken_names_subject_id_idx ON public.taken_names USING btree (subject_id);

CREATE INDEX told_at_idx ON public.told USING btree (at);

CREATE INDEX uploads_organization_id_created_at_idx ON public.uploads USING btree (organization_id, created_at);

CREATE INDEX uploads_organization_id_digest_idx ON public.uploads USING btree (organization_id, digest) WHERE (state = 'done'::text);

CREATE INDEX uploads_state_created_at_idx ON public.uploads USING btree (state, created_at) WHERE (state <> 'done'::text);

CREATE INDEX usage_lines_lot_id_idx ON public.usage_lines USING btree (lot_id) WHERE (cost IS NOT NULL);

CREATE INDEX usage_lines_wallet_id_from_at_idx ON public.usage_lines USING btree (wallet_id, from_at);

CREATE INDEX usage_lines_wallet_id_seq_idx ON public.usage_lines USING btree (wallet_id, seq);

CREATE INDEX version_roles_image_id_idx ON public.version_roles USING btree (image_id);

CREATE INDEX wallets_organization_id_idx ON public.wallets USING btree (organization_id);

CREATE VIEW jobs AS
 SELECT river_job.id,
    river_job.kind,
    river_job.queue,
    river_job.state,
    river_job.attempt::integer AS attempt,
    river_job.max_attempts::integer AS max_attempts,
    river_job.created_at,
    river_job.scheduled_at,
    river_job.attempted_at,
    river_job.finalized_at,
    COALESCE(river_job.errors[array_upper(river_job.errors, 1)] ->> 'error'::text, ''::text) AS last_error,
        CASE river_job.kind
            WHEN 'verify_upload'::text THEN river_job.args ->> 'upload_id'::text
            WHEN 'discard_upload'::text THEN river_job.args ->> 'upload_id'::text
            WHEN 'fetch_upload'::text THEN river_job.args ->> 'upload_id'::text
            WHEN 'delete_image'::text THEN river_job.args ->> 'image_id'::text
            WHEN 'run_acceptance'::text THEN river_job.args ->> 'test_id'::text
            WHEN 'check_host'::text THEN river_job.args ->> 'host_id'::text
            WHEN 'send_mail'::text THEN river_job.args ->> 'mail_id'::text
            ELSE NULL::text
        END::uuid AS subject_id
   FROM river_job;

CREATE VIEW rightful_keys AS
 SELECT m.organization_id,
    m.person_id,
    m.role,
    k.id AS key_id,
    k.fingerprint,
    k.public_key,
    k.name
   FROM ssh_keys k
     JOIN memberships m ON m.person_id = k.person_id
     JOIN people p ON p.id = k.person_id
  WHERE (m.role <> ALL (ARRAY['billing'::text, 'auditor'::text])) AND p.suspended_at IS NULL;

CREATE TRIGGER tests_changed AFTER UPDATE OF state, report, place, waits_for ON acceptance_tests FOR EACH ROW WHEN (old.* IS DISTINCT FROM new.*) EXECUTE FUNCTION notify_change();

CREATE TRIGGER keep_anchors BEFORE DELETE OR TRUNCATE ON anchors FOR EACH STATEMENT EXECUTE FUNCTION refuse_ledger_change();

CREATE TRIGGER signed_once BEFORE UPDATE ON anchors FOR EACH ROW EXECUTE FUNCTION refuse_anchor_change();

CREATE TRIGGER insert_only BEFORE DELETE OR UPDATE OR TRUNCATE ON audit FOR EACH STATEMENT EXECUTE FUNCTION refuse_ledger_change();

CREATE TRIGGER insert_only BEFORE DELETE OR UPDATE OR TRUNCATE ON certificate_claims FOR EACH STATEMENT EXECUTE FUNCTION refuse_ledger_change();

CREATE TRIGGER insert_only BEFORE DELETE OR UPDATE OR TRUNCATE ON certificate_key_ends FOR EACH STATEMENT EXECUTE FUNCTION refuse_ledger_change();

CREATE TRIGGER insert_only BEFORE DELETE OR UPDATE OR TRUNCATE ON certificate_keys FOR EACH STATEMENT EXECUTE FUNCTION refuse_ledger_change();

CREATE TRIGGER certificates_made AFTER INSERT ON certificates FOR EACH ROW EXECUTE FUNCTION notify_certificate();

CREATE TRIGGER insert_only BEFORE DELETE OR UPDATE OR TRUNCATE ON certificates FOR EACH STATEMENT EXECUTE FUNCTION refuse_ledger_change();

CREATE TRIGGER clusters_changed AFTER UPDATE OF desired, reason, lease_ends_at, ready_at, ended_at, barred_at, until_stopped, lease_stays, at_end, keep_days, kept_until ON clusters FOR EACH ROW WHEN (old.* IS DISTINCT FROM new.*) EXECUTE FUNCTION notify_change();

CREATE TRIGGER clusters_made AFTER INSERT ON clusters FOR EACH ROW EXECUTE FUNCTION notify_change();

CREATE TRIGGER clusters_work AFTER INSERT OR UPDATE OF generation ON clusters FOR EACH ROW EXECUTE FUNCTION notify_work();

CREATE TRIGGER for_ever_for BEFORE UPDATE OF kind ON clusters FOR EACH ROW WHEN (old.kind <> new.kind) EXECUTE FUNCTION refuse_launch();

CREATE TRIGGER launched_by_people BEFORE INSERT ON clusters FOR EACH ROW WHEN (new.kind <> 'test'::text) EXECUTE FUNCTION refuse_launch();

CREATE TRIGGER rights_ended AFTER UPDATE OF desired ON clusters FOR EACH ROW WHEN (new.desired = 'paused'::text AND old.desired <> 'paused'::text) EXECUTE FUNCTION notify_rights();

CREATE CONSTRAINT TRIGGER wanted_within AFTER UPDATE OF desired ON clusters DEFERRABLE INITIALLY DEFERRED FOR EACH ROW WHEN (new.desired = ANY (ARRAY['stopped'::text, 'gone'::text])) EXECUTE FUNCTION refuse_unwanted_nodes();

CREATE TRIGGER rights_ended AFTER UPDATE OF revoked_at, until_at ON console_consents FOR EACH ROW EXECUTE FUNCTION notify_rights();

CREATE TRIGGER bounded AFTER INSERT ON credit_note_lines FOR EACH ROW EXECUTE FUNCTION refuse_much_credit();

CREATE TRIGGER insert_only BEFORE DELETE OR UPDATE OR TRUNCATE ON credit_note_lines FOR EACH STATEMENT EXECUTE FUNCTION refuse_ledger_change();

CREATE TRIGGER insert_only BEFORE DELETE OR UPDATE OR TRUNCATE ON credit_note_taxes FOR EACH STATEMENT EXECUTE FUNCTION refuse_ledger_change();

CREATE TRIGGER balance_follows AFTER INSERT ON credit_notes FOR EACH ROW EXECUTE FUNCTION refuse_early_credit();

CREATE TRIGGER insert_only BEFORE DELETE OR UPDATE OR TRUNCATE ON credit_notes FOR EACH STATEMENT EXECUTE FUNCTION refuse_ledger_change();

CREATE TRIGGER drains_changed AFTER UPDATE OF begun_at, asked_at, closed_at ON drains FOR EACH ROW WHEN (old.* IS DISTINCT FROM new.*) EXECUTE FUNCTION notify_change();

CREATE TRIGGER drains_made AFTER INSERT ON drains FOR EACH ROW EXECUTE FUNCTION notify_change();

CREATE TRIGGER insert_only BEFORE DELETE OR UPDATE OR TRUNCATE ON foreign_certificates FOR EACH STATEMENT EXECUTE FUNCTION refuse_ledger_change();

CREATE TRIGGER insert_only BEFORE DELETE OR UPDATE OR TRUNCATE ON given_certificates FOR EACH STATEMENT EXECUTE FUNCTION refuse_ledger_change();

CREATE TRIGGER starts_at_zero BEFORE INSERT ON holds FOR EACH ROW WHEN (new.set_aside <> 0 OR new.used <> 0 OR new.released <> 0 OR new.cost IS NOT NULL) EXECUTE FUNCTION refuse_first_sums();

CREATE TRIGGER sums_only BEFORE INSERT OR DELETE OR UPDATE ON holds FOR EACH ROW EXECUTE FUNCTION refuse_direct_sums();

CREATE TRIGGER hosts_changed AFTER UPDATE ON hosts FOR EACH ROW WHEN (old.state IS DISTINCT FROM new.state OR old.state_reason IS DISTINCT FROM new.state_reason OR old.seen IS DISTINCT FROM new.seen OR old.lacks IS DISTINCT FROM new.lacks OR old.mistaken IS DISTINCT FROM new.mistaken OR old.enrol_seen IS DISTINCT FROM new.enrol_seen OR old.enrol_code IS DISTINCT FROM new.enrol_code OR old.enrolled_at IS DISTINCT FROM new.enrolled_at OR old.check_state IS DISTINCT FROM new.check_state OR old.check_report IS DISTINCT FROM new.check_report OR old.vcpus IS DISTINCT FROM new.vcpus OR old.memory_mib IS DISTINCT FROM new.memory_mib OR old.removed_at IS DISTINCT FROM new.removed_at) EXECUTE FUNCTION notify_change('host');

CREATE TRIGGER hosts_made AFTER INSERT ON hosts FOR EACH ROW EXECUTE FUNCTION notify_change('host');

CREATE TRIGGER images_gone AFTER DELETE ON images FOR EACH ROW EXECUTE FUNCTION notify_image_gone();

CREATE TRIGGER images_lost AFTER UPDATE OF lost ON images FOR EACH ROW WHEN (old.lost IS DISTINCT FROM new.lost) EXECUTE FUNCTION notify_change('image');

CREATE TRIGGER images_made AFTER INSERT ON images FOR EACH ROW EXECUTE FUNCTION notify_change('image');

CREATE TRIGGER insert_only BEFORE DELETE OR UPDATE OR TRUNCATE ON invoice_lines FOR EACH STATEMENT EXECUTE FUNCTION refuse_ledger_change();

CREATE TRIGGER insert_only BEFORE DELETE OR UPDATE OR TRUNCATE ON invoice_taxes FOR EACH STATEMENT EXECUTE FUNCTION refuse_ledger_change();

CREATE TRIGGER balance_begins AFTER INSERT ON invoices FOR EACH ROW EXECUTE FUNCTION begin_balance();

CREATE TRIGGER insert_only BEFORE DELETE OR UPDATE OR TRUNCATE ON invoices FOR EACH STATEMENT EXECUTE FUNCTION refuse_ledger_change();

CREATE TRIGGER times_rise AFTER INSERT ON invoices FOR EACH ROW EXECUTE FUNCTION refuse_early_paper();

CREATE TRIGGER entries_only BEFORE DELETE OR UPDATE ON journal_heads FOR EACH ROW EXECUTE FUNCTION refuse_direct_head();

CREATE TRIGGER requests_changed AFTER INSERT OR UPDATE OF state ON launch_requests FOR EACH ROW EXECUTE FUNCTION notify_request();

CREATE CONSTRAINT TRIGGER balanced AFTER INSERT ON ledger_entries DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION refuse_unbalanced();

CREATE TRIGGER continues AFTER INSERT ON ledger_entries FOR EACH ROW EXECUTE FUNCTION continue_journal();

CREATE TRIGGER insert_only BEFORE DELETE OR UPDATE OR TRUNCATE ON ledger_entries FOR EACH STATEMENT EXECUTE FUNCTION refuse_ledger_change();

CREATE TRIGGER open_period BEFORE INSERT ON ledger_entries FOR EACH ROW EXECUTE FUNCTION refuse_closed_period();

CREATE TRIGGER insert_only BEFORE DELETE OR UPDATE OR TRUNCATE ON ledger_facts FOR EACH STATEMENT EXECUTE FUNCTION refuse_ledger_change();

CREATE TRIGGER no_late_addition AFTER INSERT ON ledger_facts REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION refuse_late_addition();

CREATE TRIGGER insert_only BEFORE DELETE OR UPDATE OR TRUNCATE ON ledger_postings FOR EACH STATEMENT EXECUTE FUNCTION refuse_ledger_change();

CREATE TRIGGER no_late_addition AFTER INSERT ON ledger_postings REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION refuse_late_addition();

CREATE TRIGGER sums AFTER INSERT ON ledger_postings REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION apply_postings();

CREATE TRIGGER keep_logins BEFORE DELETE OR UPDATE OR TRUNCATE ON logins FOR EACH STATEMENT EXECUTE FUNCTION refuse_login_change();

CREATE TRIGGER keep_lots BEFORE DELETE OR TRUNCATE ON lots FOR EACH STATEMENT EXECUTE FUNCTION refuse_ledger_change();

CREATE TRIGGER starts_at_zero BEFORE INSERT ON lots FOR EACH ROW WHEN (new.bought <> 0 OR new.available <> 0 OR new.held <> 0 OR new.used <> 0 OR new.expired <> 0 OR new.refunded <> 0 OR new.deferred <> 0) EXECUTE FUNCTION refuse_first_sums();

CREATE TRIGGER sums_only BEFORE UPDATE ON lots FOR EACH ROW EXECUTE FUNCTION refuse_direct_sums();

CREATE TRIGGER access_changes_with_members AFTER INSERT OR DELETE OR UPDATE OF role ON memberships FOR EACH ROW EXECUTE FUNCTION note_access_change();

CREATE TRIGGER members_have_logins AFTER INSERT ON memberships FOR EACH ROW EXECUTE FUNCTION give_login();

CREATE TRIGGER rights_ended AFTER DELETE OR UPDATE OF role ON memberships FOR EACH ROW EXECUTE FUNCTION notify_rights();

CREATE TRIGGER published_version BEFORE DELETE OR UPDATE ON model_versions FOR EACH ROW EXECUTE FUNCTION refuse_published_change();

CREATE TRIGGER insert_only BEFORE DELETE OR UPDATE OR TRUNCATE ON money_postings FOR EACH STATEMENT EXECUTE FUNCTION refuse_ledger_change();

CREATE TRIGGER no_late_addition AFTER INSERT ON money_postings REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION refuse_late_addition();

CREATE TRIGGER sums AFTER INSERT ON money_postings REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION apply_money();

CREATE TRIGGER access_changed AFTER UPDATE ON node_access FOR EACH ROW WHEN (old.taken IS DISTINCT FROM new.taken OR old.absent IS DISTINCT FROM new.absent OR old.problem IS DISTINCT FROM new.problem) EXECUTE FUNCTION notify_access();

CREATE TRIGGER insert_only BEFORE DELETE OR UPDATE OR TRUNCATE ON node_steps FOR EACH STATEMENT EXECUTE FUNCTION refuse_ledger_change();

CREATE TRIGGER steps_noted AFTER INSERT ON node_steps FOR EACH ROW WHEN (new.step = ANY (ARRAY['made'::text, 'gate'::text])) EXECUTE FUNCTION notify_step();

CREATE TRIGGER nodes_changed AFTER UPDATE OF state, reason, sign_in ON nodes FOR EACH ROW WHEN (old.state IS DISTINCT FROM new.state OR old.reason IS DISTINCT FROM new.reason OR old.sign_in IS DISTINCT FROM new.sign_in) EXECUTE FUNCTION notify_change();

CREATE TRIGGER steps_begin AFTER INSERT ON nodes FOR EACH ROW EXECUTE FUNCTION note_node_step();

CREATE TRIGGER steps_follow AFTER UPDATE OF state, host_id ON nodes FOR EACH ROW WHEN (old.state IS DISTINCT FROM new.state OR old.host_id IS DISTINCT FROM new.host_id) EXECUTE FUNCTION note_node_step();

CREATE CONSTRAINT TRIGGER wanted_within AFTER INSERT OR UPDATE OF desired, cluster_id ON nodes DEFERRABLE INITIALLY DEFERRED FOR EACH ROW WHEN (new.desired <> 'gone'::text) EXECUTE FUNCTION refuse_unwanted_nodes();

CREATE TRIGGER prices_stay BEFORE DELETE OR UPDATE ON offer_prices FOR EACH ROW EXECUTE FUNCTION refuse_price_change();

CREATE TRIGGER orders_changed AFTER UPDATE OF state ON orders FOR EACH ROW WHEN (old.state IS DISTINCT FROM new.state) EXECUTE FUNCTION notify_change('order');

CREATE TRIGGER orders_made AFTER INSERT ON orders FOR EACH ROW EXECUTE FUNCTION notify_change('order');

CREATE TRIGGER orders_stay BEFORE DELETE OR UPDATE ON orders FOR EACH ROW EXECUTE FUNCTION refuse_order_change();

CREATE TRIGGER rights_ended AFTER UPDATE OF suspended_at ON organizations FOR EACH ROW EXECUTE FUNCTION notify_rights();

CREATE TRIGGER balance_follows AFTER INSERT ON payment_allocations FOR EACH ROW EXECUTE FUNCTION apply_allocation();

CREATE TRIGGER insert_only BEFORE DELETE OR UPDATE OR TRUNCATE ON payment_allocations FOR EACH STATEMENT EXECUTE FUNCTION refuse_ledger_change();

CREATE TRIGGER insert_only BEFORE DELETE OR UPDATE OR TRUNCATE ON payments FOR EACH STATEMENT EXECUTE FUNCTION refuse_ledger_change();

CREATE TRIGGER access_changes_with_suspension AFTER UPDATE OF suspended_at ON people FOR EACH ROW WHEN ((old.suspended_at IS NULL) <> (new.suspended_at IS NULL)) EXECUTE FUNCTION note_access_change();

CREATE TRIGGER rights_ended AFTER UPDATE OF suspended_at, platform_admin, platform_auditor ON people FOR EACH ROW EXECUTE FUNCTION notify_rights();

CREATE TRIGGER insert_only BEFORE DELETE OR UPDATE OR TRUNCATE ON period_balances FOR EACH STATEMENT EXECUTE FUNCTION refuse_ledger_change();

CREATE TRIGGER insert_only BEFORE DELETE OR UPDATE OR TRUNCATE ON period_file_parts FOR EACH STATEMENT EXECUTE FUNCTION refuse_ledger_change();

CREATE TRIGGER insert_only BEFORE DELETE OR UPDATE OR TRUNCATE ON period_files FOR EACH STATEMENT EXECUTE FUNCTION refuse_ledger_change();

CREATE TRIGGER keep_periods BEFORE INSERT OR DELETE OR UPDATE ON periods FOR EACH ROW EXECUTE FUNCTION keep_periods();

CREATE TRIGGER currency_stays BEFORE UPDATE OF currency ON providers FOR EACH ROW EXECUTE FUNCTION refuse_currency_change();

CREATE TRIGGER rights_ended AFTER UPDATE OF state ON providers FOR EACH ROW EXECUTE FUNCTION notify_rights();

CREATE TRIGGER keep_bookings BEFORE DELETE OR TRUNCATE ON run_bookings FOR EACH STATEMENT EXECUTE FUNCTION refuse_ledger_change();

CREATE TRIGGER only_grows AFTER UPDATE ON run_bookings REFERENCING OLD TABLE AS before NEW TABLE AS after FOR EACH STATEMENT EXECUTE FUNCTION refuse_booking_change();

CREATE TRIGGER booking_begins AFTER INSERT ON runs FOR EACH ROW EXECUTE FUNCTION begin_booking();

CREATE TRIGGER end_only_grows BEFORE UPDATE ON runs FOR EACH ROW EXECUTE FUNCTION refuse_run_change();

CREATE TRIGGER keep_runs BEFORE DELETE OR TRUNCATE ON runs FOR EACH STATEMENT EXECUTE FUNCTION refuse_ledger_change();

CREATE TRIGGER rights_end_sooner AFTER UPDATE OF expires_at ON sessions FOR EACH ROW WHEN (new.expires_at < old.expires_at) EXECUTE FUNCTION notify_rights();

CREATE TRIGGER rights_ended AFTER DELETE OR UPDATE OF organization_id, provider_id ON sessions FOR EACH ROW EXECUTE FUNCTION notify_rights();

CREATE TRIGGER access_changes_with_keys AFTER INSERT OR DELETE ON ssh_keys FOR EACH ROW EXECUTE FUNCTION note_access_change();

CREATE TRIGGER rights_ended AFTER DELETE OR UPDATE OF role ON staff FOR EACH ROW EXECUTE FUNCTION notify_rights();

CREATE TRIGGER insert_only BEFORE DELETE OR UPDATE OR TRUNCATE ON statement_uses FOR EACH STATEMENT EXECUTE FUNCTION refuse_ledger_change();

CREATE TRIGGER insert_only BEFORE DELETE OR UPDATE OR TRUNCATE ON statements FOR EACH STATEMENT EXECUTE FUNCTION refuse_ledger_change();

CREATE TRIGGER insert_only BEFORE DELETE OR UPDATE OR TRUNCATE ON tax_exemptions FOR EACH STATEMENT EXECUTE FUNCTION refuse_ledger_change();

CREATE TRIGGER insert_only BEFORE DELETE OR UPDATE OR TRUNCATE ON tax_rates FOR EACH STATEMENT EXECUTE FUNCTION refuse_ledger_change();

CREATE TRIGGER upload_sources_changed AFTER UPDATE OF state, address, received ON upload_sources FOR EACH ROW WHEN (old.* IS DISTINCT FROM new.*) EXECUTE FUNCTION notify_upload_source();

CREATE TRIGGER uploads_changed AFTER UPDATE OF state, reason, checks, expected_digest, progress ON uploads FOR EACH ROW WHEN (old.* IS DISTINCT FROM new.*) EXECUTE FUNCTION notify_upload();

CREATE TRIGGER uploads_gone AFTER DELETE ON uploads FOR EACH ROW EXECUTE FUNCTION notify_upload();

CREATE TRIGGER uploads_made AFTER INSERT ON uploads FOR EACH ROW EXECUTE FUNCTION notify_upload();

CREATE TRIGGER costs_follow AFTER INSERT ON usage_lines REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION apply_costs();

CREATE TRIGGER insert_only BEFORE DELETE OR UPDATE OR TRUNCATE ON usage_lines FOR EACH STATEMENT EXECUTE FUNCTION refuse_ledger_change();

CREATE TRIGGER no_late_addition AFTER INSERT ON usage_lines REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION refuse_late_addition();

CREATE TRIGGER runs_follow AFTER INSERT ON usage_lines REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION continue_runs();

CREATE TRIGGER published_roles BEFORE INSERT OR DELETE OR UPDATE ON version_roles FOR EACH ROW EXECUTE FUNCTION refuse_published_change();

GRANT INSERT, SELECT ON acceptance_tests TO volary_web;

GRANT UPDATE (state, report, ended_at, place, waits_for, ended_why) ON acceptance_tests TO volary_web;

GRANT SELECT ON acceptance_tests TO volary_worker;

GRANT UPDATE (cluster_id, state, report, ended_at, evidence, begun_at, place, waits_for, ended_why) ON acceptance_tests TO volary_worker;

GRANT SELECT ON access_changes TO volary_web;

GRANT SELECT ON access_changes TO volary_worker;

GRANT DELETE, INSERT, SELECT ON account_codes TO volary_web;

GRANT SELECT ON account_codes TO volary_worker;

GRANT SELECT ON anchors TO volary_web;

GRANT SELECT ON anchors TO volary_worker;

GRANT INSERT (id, day, provider_id, journals, heads), UPDATE (key_id, envelope, signed_at) ON anchors TO volary_worker;

GRANT INSERT, SELECT ON announcement_dismissals TO volary_web;

GRANT UPDATE (created_at) ON announcement_dismissals TO volary_web;

GRANT INSERT, SELECT ON announcements TO volary_web;

GRANT UPDATE (ended_at) ON announcements TO volary_web;

GRANT INSERT, SELECT ON audit TO volary_web;

GRANT INSERT ON audit TO volary_worker;

GRANT SELECT ON audit_runs TO volary_web;

GRANT INSERT, SELECT, UPDATE ON audit_runs TO volary_worker;

GRANT DELETE, SELECT ON base_images TO volary_web;

GRANT DELETE, INSERT, SELECT, UPDATE ON base_images TO volary_worker;

GRANT INSERT, SELECT ON batches TO volary_web;

GRANT UPDATE (held, gate_deadline, ended_at, reason, reason_detail) ON batches TO volary_web;

GRANT INSERT, SELECT, UPDATE ON batches TO volary_worker;

GRANT SELECT ON bundles TO volary_web;

GRANT INSERT, SELECT ON bundles TO volary_worker;

GRANT INSERT, SELECT ON certificate_claims TO volary_worker;

GRANT SELECT ON certificate_key_ends TO volary_web;

GRANT INSERT (key_id, kind, reason, person_id) ON certificate_key_ends TO volary_web;

GRANT SELECT ON certificate_key_ends TO volary_worker;

GRANT SELECT (id, provider_id, key_id, public_key, created_at) ON certificate_keys TO volary_web;

GRANT SELECT ON certificate_keys TO volary_worker;

GRANT INSERT (id, provider_id, public_key, sealed, created_at) ON certificate_keys TO volary_worker;

GRANT SELECT ON certificates TO volary_web;

GRANT INSERT, SELECT ON certificates TO volary_worker;

GRANT INSERT, SELECT ON cluster_keys TO volary_web;

GRANT INSERT, SELECT ON cluster_keys TO volary_worker;

GRANT INSERT, SELECT ON cluster_starts TO volary_web;

GRANT SELECT ON cluster_starts TO volary_worker;

GRANT INSERT ON clusters TO volary_web;

GRANT SELECT (id, organization_id, provider_id, pool_id, version_id, person_id, kind, name, desired, reason, reason_detail, generation, reconciled_generation, claimed_by, claimed_until, retry_at, attempts, vni, subnet, network_generation, lease_seconds, lease_ends_at, start_count, created_at, ready_at, ended_at, purchase_order, cost_centre, grant_number, ssh_keys_left_out, barred_at, barred_by, barred_why, disks_until, paused_at, paused_by, paused_why, paused_until, document_digest, lease_until, until_stopped, lease_stays, lease_tried_at, at_end, keep_days, kept_until), UPDATE (desired, reason, reason_detail, generation, retry_at, attempts, network_generation, lease_seconds, lease_ends_at, start_count, ready_at, ssh_keys_left_out, barred_at, barred_by, barred_why, disks_until, paused_at, paused_by, paused_why, paused_until, lease_until, until_stopped, lease_stays, lease_tried_at, at_end, keep_days, kept_until) ON clusters TO volary_web;

GRANT INSERT, SELECT, UPDATE ON clusters TO volary_worker;

GRANT INSERT, SELECT ON console_consents TO volary_web;

GRANT UPDATE (revoked_at) ON console_consents TO volary_web;

GRANT SELECT ON console_consents TO volary_worker;

GRANT INSERT ON console_tickets TO volary_web;

GRANT SELECT ON console_tickets TO volary_worker;

GRANT UPDATE (redeemed_at) ON console_tickets TO volary_worker;

GRANT INSERT, SELECT ON credit_note_lines TO volary_web;

GRANT SELECT ON credit_note_lines TO volary_worker;

GRANT INSERT, SELECT ON credit_note_numbers TO volary_web;

GRANT UPDATE (last) ON credit_note_numbers TO volary_web;

GRANT SELECT ON credit_note_numbers TO volary_worker;

GRANT INSERT, SELECT ON credit_note_taxes TO volary_web;

GRANT SELECT ON credit_note_taxes TO volary_worker;

GRANT INSERT, SELECT ON credit_notes TO volary_web;

GRANT SELECT ON credit_notes TO volary_worker;

GRANT DELETE, INSERT, SELECT ON devices TO volary_web;

GRANT UPDATE (seen_at) ON devices TO volary_web;

GRANT INSERT, SELECT ON drains TO volary_web;

GRANT UPDATE (closed_at, outcome) ON drains TO volary_web;

GRANT SELECT ON drains TO volary_worker;

GRANT UPDATE (begun_at, claimed_by, claimed_until, asked_at, problem, closed_at, outcome) ON drains TO volary_worker;

GRANT INSERT, SELECT ON foreign_certificates TO volary_web;

GRANT SELECT ON given_certificates TO volary_web;

GRANT INSERT ON gone_images TO volary_web;

GRANT SELECT (canonical_digest), UPDATE (gone_at) ON gone_images TO volary_web;

GRANT SELECT ON gone_images TO volary_worker;

GRANT SELECT ON goose_db_version TO volary_web;

GRANT SELECT ON goose_db_version TO volary_worker;

GRANT SELECT ON holds TO volary_web;

GRANT SELECT ON holds TO volary_worker;

GRANT SELECT ON host_pairs TO volary_web;

GRANT INSERT, SELECT ON host_pairs TO volary_worker;

GRANT UPDATE (passed, detail, at) ON host_pairs TO volary_worker;

GRANT SELECT ON host_silences TO volary_web;

GRANT DELETE, INSERT, SELECT ON host_silences TO volary_worker;

GRANT UPDATE (until_at, rounds, why) ON host_silences TO volary_worker;

GRANT SELECT ON hosts TO volary_web;

GRANT INSERT (id, provider_id, pool_id, name, scheme, address, port, underlay, state, offered_vcpus, labels, created_at, enrol_code, enrol_until), UPDATE (state, state_reason, check_state, check_report, checked_at, claimed_by, claimed_until, removed_at, enrol_code, enrol_until, enrol_seen) ON hosts TO volary_web;

GRANT SELECT, UPDATE ON hosts TO volary_worker;

GRANT INSERT, SELECT, UPDATE ON hour_marks TO volary_web;

GRANT SELECT ON hour_marks TO volary_worker;

GRANT UPDATE (told, told_at, number) ON hour_marks TO volary_worker;

GRANT DELETE, SELECT ON images TO volary_web;

GRANT UPDATE (created_at) ON images TO volary_web;

GRANT INSERT, SELECT ON images TO volary_worker;

GRANT UPDATE (lost, lost_at) ON images TO volary_worker;

GRANT INSERT, SELECT ON invitations TO volary_web;

GRANT UPDATE (token_hash, invited_by, expires_at, accepted_at, accepted_by, revoked_at) ON invitations TO volary_web;

GRANT SELECT ON invoice_balances TO volary_web;

GRANT SELECT ON invoice_balances TO volary_worker;

GRANT INSERT, SELECT ON invoice_lines TO volary_web;

GRANT SELECT ON invoice_lines TO volary_worker;

GRANT INSERT, SELECT ON invoice_numbers TO volary_web;

GRANT UPDATE (last) ON invoice_numbers TO volary_web;

GRANT SELECT ON invoice_numbers TO volary_worker;

GRANT INSERT, SELECT ON invoice_taxes TO volary_web;

GRANT SELECT ON invoice_taxes TO volary_worker;

GRANT INSERT, SELECT ON invoices TO volary_web;

GRANT SELECT ON invoices TO volary_worker;

GRANT SELECT ON jobs TO volary_web;

GRANT SELECT ON jobs TO volary_worker;

GRANT SELECT ON journal_heads TO volary_web;

GRANT INSERT (wallet_id), UPDATE (wallet_id) ON journal_heads TO volary_web;

GRANT SELECT ON journal_heads TO volary_worker;

GRANT INSERT (wallet_id), UPDATE (wallet_id) ON journal_heads TO volary_worker;

GRANT INSERT, SELECT ON launch_requests TO volary_web;

GRANT UPDATE (state, reason, decided_by, decided_at, cluster_id) ON launch_requests TO volary_web;

GRANT INSERT, SELECT ON ledger_entries TO volary_web;

GRANT INSERT, SELECT ON ledger_entries TO volary_worker;

GRANT INSERT, SELECT ON ledger_facts TO volary_web;

GRANT INSERT, SELECT ON ledger_facts TO volary_worker;

GRANT INSERT, SELECT ON ledger_postings TO volary_web;

GRANT INSERT, SELECT ON ledger_postings TO volary_worker;

GRANT DELETE, INSERT, SELECT ON left_caps TO volary_web;

GRANT SELECT ON logins TO volary_web;

GRANT SELECT ON logins TO volary_worker;

GRANT SELECT ON lots TO volary_web;

GRANT INSERT (id, wallet_id, expires_at, note, created_by, created_at, order_id, pool_id, amount, currency, purpose), UPDATE (note) ON lots TO volary_web;

GRANT SELECT ON lots TO volary_worker;

GRANT UPDATE (note) ON lots TO volary_worker;

GRANT DELETE, INSERT, SELECT ON mail_choices TO volary_web;

GRANT UPDATE (scope) ON mail_choices TO volary_web;

GRANT SELECT ON mail_choices TO volary_worker;

GRANT DELETE, INSERT, SELECT ON mail_tokens TO volary_web;

GRANT UPDATE (used_at) ON mail_tokens TO volary_web;

GRANT INSERT (id, to_address, kind, data, created_at, sealed, caused_by, invitation_id), SELECT (id, to_address, kind, data, subject, body, state, error, attempts, created_at, sent_at, has_link, caused_by, invitation_id, refused_by, refused), UPDATE (state, error) ON mails TO volary_web;

GRANT INSERT, SELECT, UPDATE ON mails TO volary_worker;

GRANT DELETE, INSERT, SELECT ON memberships TO volary_web;

GRANT UPDATE (role, cap, cap_since) ON memberships TO volary_web;

GRANT SELECT (organization_id, person_id, role, cap, cap_since), UPDATE (created_at) ON memberships TO volary_worker;

GRANT INSERT, SELECT ON model_clusters TO volary_web;

GRANT SELECT ON model_clusters TO volary_worker;

GRANT INSERT, SELECT ON model_origins TO volary_web;

GRANT DELETE, INSERT, SELECT ON model_shares TO volary_web;

GRANT INSERT, SELECT, UPDATE ON model_versions TO volary_web;

GRANT SELECT ON model_versions TO volary_worker;

GRANT SELECT ON money_moves TO volary_web;

GRANT SELECT ON money_moves TO volary_worker;

GRANT INSERT, SELECT ON money_postings TO volary_web;

GRANT INSERT, SELECT ON money_postings TO volary_worker;

GRANT SELECT ON node_access TO volary_web;

GRANT INSERT, SELECT, UPDATE ON node_access TO volary_worker;

GRANT SELECT ON node_steps TO volary_web;

GRANT SELECT ON node_steps TO volary_worker;

GRANT INSERT (cluster_id, node_id, host_id, step, at, since) ON node_steps TO volary_worker;

GRANT INSERT, SELECT, UPDATE ON nodes TO volary_web;

GRANT INSERT, SELECT, UPDATE ON nodes TO volary_worker;

GRANT INSERT (person_id, event, subject_id, mark, kind, place_id, group_id, data, created_at, due_at), SELECT (person_id, event, subject_id, mark, group_id, due_at, ended_at) ON notices TO volary_web;

GRANT DELETE, INSERT, SELECT ON notices TO volary_worker;

GRANT UPDATE (due_at, mail_id, ended_at) ON notices TO volary_worker;

GRANT DELETE, INSERT, SELECT ON offer_prices TO volary_web;

GRANT UPDATE (during) ON offer_prices TO volary_web;

GRANT SELECT ON offer_prices TO volary_worker;

GRANT INSERT, SELECT ON offers TO volary_web;

GRANT UPDATE (ended_at) ON offers TO volary_web;

GRANT SELECT ON offers TO volary_worker;

GRANT INSERT, SELECT ON orders TO volary_web;

GRANT UPDATE (state, decided_by, reason, lot_id, decided_at, good_until) ON orders TO volary_web;

GRANT SELECT ON orders TO volary_worker;

GRANT USAGE ON SEQUENCE orders_number_seq TO volary_web;

GRANT INSERT, SELECT ON organizations TO volary_web;

GRANT UPDATE (suspended_at, suspended_reason, quota, starters, legal_name, paper_name, address, country, vat_id, contact) ON organizations TO volary_web;

GRANT SELECT ON organizations TO volary_worker;

GRANT UPDATE (created_at) ON organizations TO volary_worker;

GRANT INSERT, SELECT ON payment_allocations TO volary_web;

GRANT SELECT ON payment_allocations TO volary_worker;

GRANT INSERT, SELECT ON payments TO volary_web;

GRANT SELECT ON payments TO volary_worker;

GRANT INSERT, SELECT ON people TO volary_web;

GRANT UPDATE (email, name, password_hash, platform_admin, confirmed_at, suspended_at, suspended_reason, platform_auditor) ON people TO volary_web;

GRANT SELECT (id, email, name, platform_admin, suspended_at) ON people TO volary_worker;

GRANT INSERT, SELECT ON period_balances TO volary_web;

GRANT INSERT, SELECT ON period_file_parts TO volary_web;

GRANT INSERT, SELECT ON period_files TO volary_web;

GRANT SELECT ON periods TO volary_web;

GRANT UPDATE (closed_at, closed_by) ON periods TO volary_web;

GRANT SELECT ON periods TO volary_worker;

GRANT INSERT, SELECT, UPDATE ON pools TO volary_web;

GRANT SELECT ON pools TO volary_worker;

GRANT UPDATE (created_at) ON pools TO volary_worker;

GRANT INSERT, SELECT, UPDATE ON providers TO volary_web;

GRANT SELECT ON providers TO volary_worker;

GRANT SELECT ON rightful_keys TO volary_web;

GRANT SELECT ON rightful_keys TO volary_worker;

GRANT DELETE, INSERT, SELECT, UPDATE ON river_job TO volary_worker;

GRANT USAGE ON SEQUENCE river_job_id_seq TO volary_worker;

GRANT DELETE, INSERT, SELECT, UPDATE ON river_leader TO volary_worker;

GRANT SELECT ON river_migration TO volary_web;

GRANT SELECT ON river_migration TO volary_worker;

GRANT DELETE, INSERT, SELECT, UPDATE ON river_notification TO volary_worker;

GRANT USAGE ON SEQUENCE river_notification_id_seq TO volary_worker;

GRANT DELETE, INSERT, SELECT, UPDATE ON river_queue TO volary_worker;

GRANT SELECT ON run_bookings TO volary_web;

GRANT SELECT ON run_bookings TO volary_worker;

GRANT UPDATE (done, aside_reason) ON run_bookings TO volary_worker;

GRANT SELECT ON runs TO volary_web;

GRANT UPDATE (ends_by) ON runs TO volary_web;

GRANT INSERT, SELECT ON runs TO volary_worker;

GRANT UPDATE (ended_at, ends_by, proven_at, closed_at, close_reason, span, proofs, longest_gap) ON runs TO volary_worker;

GRANT DELETE, INSERT, SELECT ON sessions TO volary_web;

GRANT UPDATE (organization_id, provider_id, seen_at, expires_at, fresh_at) ON sessions TO volary_web;

GRANT SELECT (id, person_id, organization_id, provider_id, expires_at) ON sessions TO volary_worker;

GRANT INSERT, SELECT ON shapes TO volary_web;

GRANT UPDATE (retired_at) ON shapes TO volary_web;

GRANT SELECT ON shapes TO volary_worker;

GRANT DELETE, INSERT, SELECT ON sign_in_failures TO volary_web;

GRANT UPDATE (at) ON sign_in_failures TO volary_web;

GRANT INSERT, SELECT ON sign_ups TO volary_web;

GRANT UPDATE (token_hash, expires_at, completed_at) ON sign_ups TO volary_web;

GRANT DELETE, INSERT, SELECT ON slips TO volary_web;

GRANT UPDATE (route, digest, at, location, notice) ON slips TO volary_web;

GRANT DELETE ON slips TO volary_worker;

GRANT SELECT (at) ON slips TO volary_worker;

GRANT DELETE, INSERT, SELECT ON ssh_keys TO volary_web;

GRANT DELETE, INSERT, SELECT ON staff TO volary_web;

GRANT UPDATE (role) ON staff TO volary_web;

GRANT SELECT (provider_id, person_id, role) ON staff TO volary_worker;

GRANT INSERT, SELECT ON statement_uses TO volary_web;

GRANT INSERT, SELECT ON statements TO volary_web;

GRANT DELETE, INSERT, SELECT ON taken_names TO volary_web;

GRANT INSERT, SELECT ON tax_exemptions TO volary_web;

GRANT INSERT, SELECT ON tax_rates TO volary_web;

GRANT DELETE, INSERT, SELECT ON told TO volary_worker;

GRANT DELETE, INSERT, SELECT ON upload_locks TO volary_web;

GRANT UPDATE (holder, confirmed_at, wanted) ON upload_locks TO volary_web;

GRANT DELETE, INSERT, SELECT ON upload_locks TO volary_worker;

GRANT UPDATE (holder, confirmed_at, wanted) ON upload_locks TO volary_worker;

GRANT INSERT (upload_id, address, asked_by, sealed), SELECT (upload_id, address, asked_by, state, advice, leads, length, received, rate, given), UPDATE (address, asked_by, state, advice, leads, follow, cuts, begun, started_at, waits_since, given, back) ON upload_sources TO volary_web;

GRANT SELECT, UPDATE ON upload_sources TO volary_worker;

GRANT DELETE, SELECT ON uploads TO volary_web;

GRANT INSERT (id, organization_id, person_id, filename, size, created_at, fingerprint, sender, name, expected_digest), UPDATE (finished_at, sender, state, reason, expected_digest, finished_by) ON uploads TO volary_web;

GRANT DELETE, SELECT ON uploads TO volary_worker;

GRANT UPDATE (size, finished_at, state, reason, checks, format, digest, finished_by, verified_at, progress) ON uploads TO volary_worker;

GRANT INSERT, SELECT ON usage_lines TO volary_web;

GRANT INSERT, SELECT ON usage_lines TO volary_worker;

GRANT INSERT, SELECT ON verification_turns TO volary_worker;

GRANT UPDATE (job_id) ON verification_turns TO volary_worker;

GRANT DELETE, INSERT, SELECT, UPDATE ON version_roles TO volary_web;

GRANT SELECT ON version_roles TO volary_worker;

GRANT USAGE ON SEQUENCE vnis TO volary_web;

GRANT USAGE ON SEQUENCE vnis TO volary_worker;

GRANT SELECT ON wallet_money TO volary_web;

GRANT SELECT ON wallet_money TO volary_worker;

GRANT SELECT ON wallets TO volary_web;

GRANT INSERT (id, provider_id, organization_id), UPDATE (created_at) ON wallets TO volary_web;

GRANT SELECT ON wallets TO volary_worker;

GRANT INSERT (id, provider_id, organization_id), UPDATE (created_at) ON wallets TO volary_worker;

GRANT EXECUTE ON FUNCTION cancel_job(bigint) TO volary_web, volary_worker;

GRANT EXECUTE ON FUNCTION clone_image(uuid,uuid,integer,uuid,uuid,text) TO volary_web;

GRANT EXECUTE ON FUNCTION enqueue(text,jsonb,text,integer,integer,timestamp with time zone) TO volary_web, volary_worker;

GRANT EXECUTE ON FUNCTION forget_secrets(integer) TO volary_worker;

GRANT EXECUTE ON FUNCTION give_certificates(uuid,uuid) TO volary_web;

GRANT EXECUTE ON FUNCTION open_period(uuid,date) TO volary_web, volary_worker;

GRANT EXECUTE ON FUNCTION refuse_upload(text,text,jsonb) TO volary_web;

GRANT EXECUTE ON FUNCTION retry_job(bigint) TO volary_web, volary_worker;
