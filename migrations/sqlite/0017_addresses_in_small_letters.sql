-- Addresses are looked up in small letters, as on every database.
CREATE UNIQUE INDEX addresses_by_small_letters ON addresses (lower(address));
