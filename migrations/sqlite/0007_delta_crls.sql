-- Beside the full CRL stands a delta list: what changed since a base (RFC 5280 §5.2.4).
ALTER TABLE crls ADD COLUMN delta BLOB;            -- none beside a list from before this migration

-- Numbers of full lists that a delta may count from: each once an hour, for as long as a list of before it may still be relied upon.
CREATE TABLE crl_bases (
    number      INTEGER PRIMARY KEY,
    this_update INTEGER NOT NULL
) STRICT;

-- What changed last in the entry of a certificate, since the oldest base.
CREATE TABLE crl_changes (
    serial BLOB    PRIMARY KEY,
    number INTEGER NOT NULL,                       -- the list that said so first
    entry  BLOB                                    -- DER as it is there; NULL: listed no longer
) STRICT, WITHOUT ROWID;
