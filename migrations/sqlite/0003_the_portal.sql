-- The portal: how users sign in there.

-- A user's own password, or the initial one that the help desk gave them.
CREATE TABLE portal_passwords (
    user_id      BLOB    NOT NULL PRIMARY KEY REFERENCES users (id),
    phc          TEXT    NOT NULL,                -- argon2id, as a PHC string; never the password
    set_at       INTEGER NOT NULL,
    lapses_at    INTEGER,                         -- for an initial one: until when it signs in, once
    wrong        INTEGER NOT NULL,                -- wrong ones in a row
    locked_until INTEGER                          -- until when none is looked at, after too many wrong ones
) STRICT, WITHOUT ROWID;

-- A browser that is signed in. Only a digest of what it holds is kept.
CREATE TABLE portal_sessions (
    token_hash  BLOB    NOT NULL PRIMARY KEY,     -- SHA-256 of the cookie's 32 random bytes
    user_id     BLOB    NOT NULL REFERENCES users (id),
    opened_at   INTEGER NOT NULL,
    seen_at     INTEGER NOT NULL,                 -- its last request, to the minute
    must_change INTEGER NOT NULL,                 -- 1: opened with an initial password, it may only set one of the user's own
    CONSTRAINT portal_session_hashes CHECK (length(token_hash) = 32),
    CONSTRAINT portal_session_changes CHECK (must_change IN (0, 1))
) STRICT, WITHOUT ROWID;

CREATE INDEX portal_sessions_of_user ON portal_sessions (user_id);
CREATE INDEX portal_sessions_by_use ON portal_sessions (seen_at);
