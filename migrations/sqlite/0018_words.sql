-- By which words users are found: those of their names and addresses, and of the serial numbers of their devices, in small letters. Filled by the
-- program, which knows letters that SQLite does not.
CREATE TABLE words (
    word      TEXT NOT NULL,
    user_id   BLOB NOT NULL REFERENCES users (id),
    source_id BLOB NOT NULL,                      -- the user, or the device that has the serial number
    PRIMARY KEY (word, user_id, source_id)
) STRICT, WITHOUT ROWID;

CREATE INDEX words_of_user ON words (user_id, source_id);
-- Users in the order in which they are listed.
CREATE INDEX users_by_name ON users (name, id);
