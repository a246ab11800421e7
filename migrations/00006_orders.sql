-- +goose Up
-- What is sold: prices that are ended and replaced, orders, the lots that approval makes of them, and invoices.

-- The end that a price was given when it was set: one that was ended for another goes on until then if that is withdrawn.
ALTER TABLE offer_prices ADD COLUMN planned_until timestamptz;

-- +goose StatementBegin
CREATE FUNCTION refuse_price_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF TG_OP = 'UPDATE' AND (NEW.id, NEW.offer_id, NEW.provider_id, NEW.price, NEW.set_by, NEW.created_at, lower(NEW.during))
       IS NOT DISTINCT FROM (OLD.id, OLD.offer_id, OLD.provider_id, OLD.price, OLD.set_by, OLD.created_at, lower(OLD.during)) THEN
    RETURN NEW;
  END IF;
  IF TG_OP = 'DELETE' AND lower(OLD.during) > now() THEN
    RETURN OLD;
  END IF;
  RAISE EXCEPTION 'price %: prices are ended and replaced, never edited', OLD.id USING ERRCODE = 'restrict_violation';
END $$;
-- +goose StatementEnd
CREATE TRIGGER prices_stay BEFORE UPDATE OR DELETE ON offer_prices FOR EACH ROW EXECUTE FUNCTION refuse_price_change();

-- Amounts are kept in the currency they were agreed in: a provider with prices keeps its own.
-- +goose StatementBegin
CREATE FUNCTION refuse_currency_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF NEW.currency <> OLD.currency AND EXISTS (SELECT FROM offer_prices WHERE provider_id = OLD.id) THEN
    RAISE EXCEPTION 'provider %: its currency is that of its prices', OLD.id USING ERRCODE = 'restrict_violation';
  END IF;
  RETURN NEW;
END $$;
-- +goose StatementEnd
CREATE TRIGGER currency_stays BEFORE UPDATE OF currency ON providers FOR EACH ROW EXECUTE FUNCTION refuse_currency_change();
