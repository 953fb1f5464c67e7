-- The audit chain: each entry bears the hash of the one before it, so that none can be altered, removed or put in between unseen.
--
-- One chain for each user, and one (the id all zero) for what concerns no user: acts on different users never wait for each other. How an
-- entry is hashed is in docs/audit.md. Entries from before this migration stay as they are, without a hash.

ALTER TABLE audit ADD COLUMN chain    BLOB;      -- the user whom it concerns, or 16 zero bytes
ALTER TABLE audit ADD COLUMN position INTEGER;   -- 1, 2, … in its chain
ALTER TABLE audit ADD COLUMN previous BLOB;      -- the hash of the entry before it in its chain; 32 zero bytes for the first
ALTER TABLE audit ADD COLUMN hash     BLOB;      -- SHA-256 of the entry, 32 bytes

CREATE UNIQUE INDEX audit_chain_positions ON audit (chain, position);

-- The end of each chain. An entry that is cut off is missed here.
CREATE TABLE audit_chains (
    chain  BLOB    NOT NULL PRIMARY KEY,          -- as in audit.chain
    length INTEGER NOT NULL,                      -- how many entries it has
    head   BLOB    NOT NULL,                      -- the hash of its last
    CONSTRAINT audit_chain_ids CHECK (length(chain) = 16),
    CONSTRAINT audit_chain_heads CHECK (length(head) = 32 AND length > 0)
) STRICT, WITHOUT ROWID;

-- Signed statements about all chains at one instant: what the log was then cannot be denied later. Copies are kept outside.
CREATE TABLE audit_checkpoints (
    number INTEGER PRIMARY KEY,                   -- 1, 2, …
    jws    TEXT    NOT NULL                       -- a compact JWS; docs/audit.md says what it states
) STRICT;

CREATE TRIGGER audit_checkpoints_are_not_rewritten BEFORE UPDATE ON audit_checkpoints BEGIN
    SELECT raise(ABORT, 'checkpoints are only ever added to');
END;

CREATE TRIGGER audit_checkpoints_are_not_removed BEFORE DELETE ON audit_checkpoints BEGIN
    SELECT raise(ABORT, 'checkpoints are only ever added to');
END;
