-- +goose Up
-- What staff want of a host and what is seen of it are two columns: state (active, cordoned, draining) and seen. Whether it
-- may carry nodes at all is computed in one place, fit, so that whatever is offered and whatever is used is summed over
-- the same hosts.

ALTER TABLE hosts
  ADD COLUMN checked boolean NOT NULL DEFAULT false,  -- passed the last check that ended, and was not moved since
  ADD COLUMN lacks text NOT NULL DEFAULT '';          -- what a start needs and the last round did not find; '': nothing
UPDATE hosts SET checked = acceleration IS NOT NULL AND check_state <> 'failed' AND (state <> 'down' OR state_reason = 'does not answer');
UPDATE hosts SET state = 'active', state_reason = '' WHERE state = 'down';
ALTER TABLE hosts
  DROP CONSTRAINT hosts_state_check,
  ADD CONSTRAINT hosts_state_check CHECK (state IN ('active', 'cordoned', 'draining')),
  -- Up to two missed rounds are a short silence: the host keeps what it has and takes more.
  ADD COLUMN seen text NOT NULL GENERATED ALWAYS AS
    (CASE WHEN missed_rounds = 0 THEN 'up' WHEN missed_rounds <= 2 THEN 'late' ELSE 'silent' END) STORED,
  ADD COLUMN fit boolean NOT NULL GENERATED ALWAYS AS
    (checked AND lacks = '' AND missed_rounds <= 2 AND removed_at IS NULL) STORED;

DROP TRIGGER hosts_changed ON hosts;
CREATE TRIGGER hosts_changed AFTER UPDATE ON hosts FOR EACH ROW
  WHEN ((OLD.state, OLD.state_reason, OLD.seen, OLD.lacks, OLD.check_state, OLD.check_report, OLD.vcpus, OLD.memory_mib, OLD.removed_at)
    IS DISTINCT FROM (NEW.state, NEW.state_reason, NEW.seen, NEW.lacks, NEW.check_state, NEW.check_report, NEW.vcpus, NEW.memory_mib, NEW.removed_at))
  EXECUTE FUNCTION notify_change('host');

-- When a host did not answer: one row from the first missed round to the next answer.
CREATE TABLE host_silences (
  host_id uuid NOT NULL REFERENCES hosts,
  from_at timestamptz NOT NULL,
  until_at timestamptz,      -- null: it is silent still
  rounds int NOT NULL CHECK (rounds > 0),
  why text NOT NULL,         -- of the last missed round, in its driver's words
  PRIMARY KEY (host_id, from_at)
);
CREATE UNIQUE INDEX host_silences_open ON host_silences (host_id) WHERE until_at IS NULL;

-- A node whose host could not start it is placed elsewhere, once. What it may have left there is deleted when that host
-- answers and works again.
ALTER TABLE nodes
  ADD COLUMN left_host_id uuid REFERENCES hosts,
  ADD COLUMN left_why text NOT NULL DEFAULT '',
  ADD COLUMN left_at timestamptz,
  ADD COLUMN left_cleared_at timestamptz,
  ADD CHECK ((left_host_id IS NULL) = (left_at IS NULL) AND (left_host_id IS NULL) = (left_why = ''));
CREATE INDEX ON nodes (left_host_id) WHERE left_host_id IS NOT NULL AND left_cleared_at IS NULL;
