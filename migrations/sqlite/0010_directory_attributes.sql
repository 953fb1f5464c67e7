-- What certificates carry of a user besides the names, where the directory has it and a profile asks for it.

ALTER TABLE users ADD COLUMN sid TEXT;                                          -- the SID of their Windows account, S-1-5-21-…
ALTER TABLE users ADD COLUMN fasc_n BLOB CHECK (length(fasc_n) = 25);           -- by which doors know the credential that they carry now
ALTER TABLE users ADD COLUMN policies TEXT NOT NULL DEFAULT '';                 -- the certificate policies that they fulfil: dotted OIDs, a blank between two

-- One account, one door credential: one user.
CREATE UNIQUE INDEX users_sid ON users (sid) WHERE sid IS NOT NULL;
CREATE UNIQUE INDEX users_fasc_n ON users (fasc_n) WHERE fasc_n IS NOT NULL;
