-- An e-mail address or UPN is one user's, whichever of the two it is: people sign in at the portal with either.
CREATE TABLE addresses (
    address TEXT NOT NULL COLLATE NOCASE PRIMARY KEY,
    user_id BLOB NOT NULL REFERENCES users (id)
) STRICT, WITHOUT ROWID;

-- Where two users shared one before, it stays with whom it was the e-mail address of: that is whom the portal took it for.
INSERT OR IGNORE INTO addresses (address, user_id) SELECT email, id FROM users;
INSERT OR IGNORE INTO addresses (address, user_id) SELECT upn, id FROM users;
