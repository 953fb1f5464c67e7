-- The outbox: letters that acts wrote in their own transaction, until they are delivered. What a letter says is sealed, as an invitation is a
-- secret, and erased when it has been delivered.
CREATE TABLE letters (
    id           BLOB    NOT NULL PRIMARY KEY,    -- also in the Message-ID: a letter that is delivered twice is the same letter
    kind         TEXT    NOT NULL,                -- docs/letters.md
    user_id      BLOB    NOT NULL REFERENCES users (id),   -- whom it is about
    request_id   BLOB REFERENCES requests (id),   -- what it is about, if it is about a request
    recipient    TEXT    NOT NULL,                -- the address, as it was before the act
    written_at   INTEGER NOT NULL,
    state        TEXT    NOT NULL,
    due_at       INTEGER,                         -- when delivery is tried, while it waits
    attempts     INTEGER NOT NULL,                -- how often delivery has failed
    last_error   TEXT,                            -- why it failed last
    closed_at    INTEGER,                         -- when it was delivered, or given up
    sealed       BLOB,                            -- what it says, sealed under the master key; erased when it is delivered
    CONSTRAINT letter_ids CHECK (length(id) = 16),
    CONSTRAINT letter_states CHECK (CASE state
        WHEN 'waiting'   THEN due_at IS NOT NULL AND sealed IS NOT NULL AND closed_at IS NULL
        WHEN 'delivered' THEN due_at IS NULL AND sealed IS NULL AND closed_at IS NOT NULL
        WHEN 'failed'    THEN due_at IS NULL AND sealed IS NULL AND closed_at IS NOT NULL AND last_error IS NOT NULL
        ELSE FALSE END)
) STRICT, WITHOUT ROWID;

CREATE INDEX letters_waiting ON letters (written_at, id) WHERE state = 'waiting';
CREATE INDEX letters_failed ON letters (closed_at) WHERE state = 'failed';
CREATE INDEX letters_by_age ON letters (written_at, id);
