-- +goose Up
-- An acceptance test may wait for its turn, before it has a cluster; and one that was cancelled has not failed.

ALTER TABLE acceptance_tests
  ALTER COLUMN cluster_id DROP NOT NULL,
  ADD COLUMN begun_at timestamptz,                                             -- when its cluster was reserved; its limit counts from then
  ADD COLUMN place int CHECK (place > 0),                                      -- in its pool's queue, 1 is next
  ADD COLUMN waits_for text NOT NULL DEFAULT '' CHECK (length(waits_for) <= 1000),
  ADD COLUMN ended_why text NOT NULL DEFAULT '' CHECK (length(ended_why) <= 1000), -- of a cancelled one
  DROP CONSTRAINT acceptance_tests_state_check;
UPDATE acceptance_tests SET begun_at = created_at;
-- What members and staff cancelled says so in the row that was then written beside the checks.
UPDATE acceptance_tests t SET state = 'cancelled', ended_why = CASE WHEN c.why = 'It was cancelled by a member.' THEN c.why ELSE 'It was cancelled before it was done.' END
  FROM (SELECT x.id, r ->> 'detail' AS why FROM acceptance_tests x,
          jsonb_array_elements(CASE WHEN jsonb_typeof(x.report -> 'checks') = 'array' THEN x.report -> 'checks' ELSE '[]' END) r
         WHERE x.state = 'failed' AND r ->> 'name' = 'test'
           AND r ->> 'detail' IN ('It was cancelled by a member.', 'cancelled before it was done')) c
 WHERE c.id = t.id;
ALTER TABLE acceptance_tests
  ADD CONSTRAINT acceptance_tests_state_check CHECK (state IN ('waiting', 'running', 'passed', 'failed', 'cancelled')),
  ADD CONSTRAINT acceptance_tests_begun CHECK ((cluster_id IS NULL) = (begun_at IS NULL)
    AND (state <> 'waiting' OR cluster_id IS NULL) AND (state NOT IN ('running', 'passed', 'failed') OR cluster_id IS NOT NULL)),
  ADD CONSTRAINT acceptance_tests_waits CHECK ((state = 'waiting') = (place IS NOT NULL) AND (state = 'waiting' OR waits_for = '')),
  ADD CONSTRAINT acceptance_tests_cancelled CHECK ((state = 'cancelled') = (ended_why <> ''));
CREATE INDEX acceptance_tests_waiting_idx ON acceptance_tests (pool_id) WHERE state = 'waiting';
CREATE INDEX acceptance_tests_running_idx ON acceptance_tests (organization_id) WHERE state = 'running';

DROP TRIGGER tests_changed ON acceptance_tests;
CREATE TRIGGER tests_changed AFTER UPDATE OF state, report, place, waits_for ON acceptance_tests
  FOR EACH ROW WHEN (OLD.* IS DISTINCT FROM NEW.*) EXECUTE FUNCTION notify_change();

-- Who begins a test that waited is the worker, who sees no other column of ssh_keys.
CREATE OR REPLACE VIEW rightful_keys AS
  SELECT m.organization_id, m.person_id, m.role, k.id AS key_id, k.fingerprint, k.public_key, k.name
    FROM ssh_keys k JOIN memberships m ON m.person_id = k.person_id JOIN people p ON p.id = k.person_id
   WHERE m.role NOT IN ('billing', 'auditor') AND p.suspended_at IS NULL;
