-- +goose Up
-- What is found in an upload is the worker's to say. Web says one thing of one that arrives still: that its first bytes are no disk's.
-- +goose StatementBegin
CREATE FUNCTION refuse_upload(wanted text, why text, found jsonb)
  RETURNS TABLE (organization_id uuid, name text) LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
  UPDATE uploads u SET state = 'refused', reason = why, checks = found, verified_at = now() WHERE u.id = wanted AND u.state = 'arriving'
  RETURNING u.organization_id, coalesce(nullif(u.name, ''), u.filename)
$$;
-- +goose StatementEnd
