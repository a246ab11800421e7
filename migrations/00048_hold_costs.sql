-- +goose Up
-- What the use of a lot by a cluster cost so far, in the currency's minor unit; NULL where the lot has no price. It is the sum of
-- its usage lines, kept where the hours' sums are, so that a page of a cluster does not grow with its lines.
ALTER TABLE holds ADD COLUMN cost bigint CHECK (cost >= 0);
ALTER TABLE holds DISABLE TRIGGER sums_only;
UPDATE holds h SET cost = l.cost
  FROM (SELECT cluster_id, lot_id, sum(cost) AS cost FROM usage_lines WHERE cost IS NOT NULL GROUP BY cluster_id, lot_id) l
 WHERE h.cluster_id = l.cluster_id AND h.lot_id = l.lot_id;
ALTER TABLE holds ENABLE TRIGGER sums_only;

-- +goose StatementBegin
CREATE FUNCTION apply_costs() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
  UPDATE holds h SET cost = coalesce(h.cost, 0) + a.cost
    FROM (SELECT cluster_id, lot_id, sum(cost) AS cost FROM added WHERE cost IS NOT NULL GROUP BY cluster_id, lot_id) a
   WHERE h.cluster_id = a.cluster_id AND h.lot_id = a.lot_id;
  RETURN NULL;
END $$;
-- +goose StatementEnd
CREATE TRIGGER costs_follow AFTER INSERT ON usage_lines REFERENCING NEW TABLE AS added
  FOR EACH STATEMENT EXECUTE FUNCTION apply_costs();
