-- Sessions that a plain EST client opened: without a proof of its connection, so of lower assurance.

ALTER TABLE sessions ADD COLUMN is_plain INTEGER NOT NULL DEFAULT FALSE CHECK (is_plain IN (FALSE, TRUE));   -- opened by the bare secret (HTTP Basic)
