-- Escrow keys: what seals the private keys in escrow. The keys themselves are in the key store; here is which of them there are, so that a
-- server that runs beside a rotation never seals under the old one again.
CREATE TABLE escrow_keys (
    number     INTEGER PRIMARY KEY,               -- 1, 2, …; the highest seals. 0, the master key, has no row
    made_at    INTEGER NOT NULL,
    rotated_at INTEGER                            -- when nothing was left under an earlier one; the first has nothing to wait for
) STRICT;

ALTER TABLE escrow ADD COLUMN escrow_key INTEGER NOT NULL DEFAULT 0;   -- the number of the escrow key that sealed it; 0 is the master key

-- Recoveries: an officer asks for the private encryption keys of a user, another one decides. They change nothing that the user holds.
CREATE TABLE recoveries (
    id           BLOB    NOT NULL PRIMARY KEY,
    user_id      BLOB    NOT NULL REFERENCES users (id),       -- whose keys
    because      TEXT    NOT NULL,                -- why, in the words of the officer who asked
    recipient    BLOB    NOT NULL,                -- DER SubjectPublicKeyInfo of the key that they are encrypted to
    asked_by     BLOB    NOT NULL REFERENCES operators (id),
    asked_as     BLOB REFERENCES users (id),      -- the same person as a user, if they are one
    asked_at     INTEGER NOT NULL,
    expires_at   INTEGER NOT NULL,                -- when it is over, unless it has been refused or collected
    state        TEXT    NOT NULL,
    decided_by   BLOB REFERENCES operators (id),  -- who approved or refused
    decided_at   INTEGER,
    collected_at INTEGER,
    CONSTRAINT recovery_ids CHECK (length(id) = 16),
    CONSTRAINT recovery_by_two CHECK (decided_by <> asked_by),
    CONSTRAINT recovery_states CHECK (CASE state
        WHEN 'awaiting-approval' THEN coalesce(decided_by, decided_at, collected_at) IS NULL
        WHEN 'approved'          THEN decided_by IS NOT NULL AND decided_at IS NOT NULL AND collected_at IS NULL
        WHEN 'refused'           THEN decided_by IS NOT NULL AND decided_at IS NOT NULL AND collected_at IS NULL
        WHEN 'collected'         THEN decided_by IS NOT NULL AND decided_at IS NOT NULL AND collected_at IS NOT NULL
        ELSE FALSE END)
) STRICT, WITHOUT ROWID;

CREATE INDEX recoveries_by_age ON recoveries (asked_at, id);
CREATE INDEX recoveries_of_user ON recoveries (user_id, asked_at);

-- Which keys a recovery is for, as they were when it was asked: what is approved is what is handed over.
CREATE TABLE recovered_encs (
    recovery_id   BLOB    NOT NULL REFERENCES recoveries (id),
    position      INTEGER NOT NULL,               -- 0, 1, …: newest first
    credential_id BLOB    NOT NULL REFERENCES credentials (id),
    PRIMARY KEY (recovery_id, position)
) STRICT, WITHOUT ROWID;
