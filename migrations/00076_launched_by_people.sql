-- +goose Up
-- The worker begins acceptance tests that waited, and launches nothing else: what is paid for is launched by the web server, where
-- a person asked for it. What a cluster is for never changes.

-- +goose StatementBegin
CREATE FUNCTION refuse_launch() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
  IF TG_OP = 'UPDATE' THEN
    RAISE EXCEPTION 'what cluster % is for never changes', OLD.id USING ERRCODE = 'insufficient_privilege';
  END IF;
  IF pg_has_role(current_user, 'volary_worker', 'MEMBER') AND NOT pg_has_role(current_user, 'volary_web', 'MEMBER') THEN
    RAISE EXCEPTION 'the worker launches tests alone, not cluster %', NEW.id USING ERRCODE = 'insufficient_privilege';
  END IF;
  RETURN NEW;
END $$;
-- +goose StatementEnd
CREATE TRIGGER launched_by_people BEFORE INSERT ON clusters FOR EACH ROW WHEN (NEW.kind <> 'test') EXECUTE FUNCTION refuse_launch();
CREATE TRIGGER for_ever_for BEFORE UPDATE OF kind ON clusters FOR EACH ROW WHEN (OLD.kind <> NEW.kind) EXECUTE FUNCTION refuse_launch();
