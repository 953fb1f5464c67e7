-- The second step of signing in: a code that was sent to the address of record. A session that waits for it signs nobody in.
ALTER TABLE portal_sessions ADD COLUMN code_hash BLOB;   -- SHA-256 of the cookie's bytes and the code; none once the step is done
