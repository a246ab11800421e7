-- +goose Up
-- Nothing is without a bound: jobs in queues by kind, one verification of an organization at a time, images that can be
-- deleted, keys that a seed had no room for.

-- Jobs that wait, or may be asked for again, go on in the queue of their kind.
-- +goose StatementBegin
DO $$ BEGIN
  IF to_regclass('river_job') IS NOT NULL THEN
    UPDATE river_job SET queue = CASE kind WHEN 'send_mail' THEN 'mail' WHEN 'verify_image' THEN 'verify'
        WHEN 'run_acceptance' THEN 'acceptance' ELSE 'hosts' END
      WHERE queue = 'default' AND kind IN ('send_mail', 'verify_image', 'run_acceptance', 'check_host');
  END IF;
END $$;
-- +goose StatementEnd

-- A test that is followed goes from available to running and back at each look: its page hears of its report, and pages
-- of jobs only when it begins, fails or ends.
-- +goose StatementBegin
CREATE OR REPLACE FUNCTION notify_job() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF TG_OP = 'UPDATE' AND NEW.kind = 'run_acceptance' AND OLD.attempted_at IS NOT NULL
     AND OLD.state IN ('available', 'scheduled', 'running') AND NEW.state IN ('available', 'scheduled', 'running') THEN
    RETURN NULL;
  END IF;
  PERFORM pg_notify('volary_changes', json_build_object('kind', 'job', 'provider', CASE NEW.kind
    WHEN 'check_host' THEN (SELECT provider_id FROM hosts WHERE id = (NEW.args ->> 'host_id')::uuid)
    WHEN 'run_acceptance' THEN (SELECT provider_id FROM acceptance_tests WHERE id = (NEW.args ->> 'test_id')::uuid) END)::text);
  RETURN NULL;
END $$;
-- +goose StatementEnd

-- Whose verification has an organization's turn. It is over when it says so, or when its job does not run any more.
CREATE TABLE verification_turns (
  organization_id uuid PRIMARY KEY REFERENCES organizations,
  job_id bigint NOT NULL -- of River; 0: nobody's
);

-- What is known of a test between two looks at it, in the words of provisioner/acceptance.
ALTER TABLE acceptance_tests ADD COLUMN evidence jsonb NOT NULL DEFAULT '{}';

-- Canonical images that were deleted: their copies on hosts go as the hosts are looked at. An image with the same bytes
-- that came later keeps them.
CREATE TABLE gone_images (
  canonical_digest text PRIMARY KEY CHECK (canonical_digest ~ '^[0-9a-f]{64}$'),
  gone_at timestamptz NOT NULL
);
CREATE INDEX ON images (canonical_digest) WHERE canonical_digest <> '';
CREATE INDEX ON version_roles (image_id);

-- A launch takes the newest keys that a seed has room for: [{name, keys}] of whose keys were left out, and how many.
ALTER TABLE clusters ADD COLUMN ssh_keys_left_out jsonb NOT NULL DEFAULT '[]';

-- A check that was skipped is not one that passed: {name, state, detail, seconds}.
UPDATE hosts SET check_report = (
    SELECT jsonb_agg((c - 'passed') || jsonb_build_object('state', CASE WHEN c ->> 'detail' LIKE 'skipped: %' THEN 'skipped'
        WHEN (c ->> 'passed')::boolean THEN 'passed' ELSE 'failed' END) ORDER BY n)
    FROM jsonb_array_elements(check_report) WITH ORDINALITY AS a(c, n))
  WHERE jsonb_array_length(check_report) > 0;
