-- The house: everything that Remint remembers, on PostgreSQL. The same tables as on SQLite, column by column.
--
-- How to read it. A serial is the 20 bytes of a certificate's serial number; a time is a BIGINT, Unix milliseconds; a key id is the SHA-256
-- of a DER SubjectPublicKeyInfo, 32 bytes; a word is TEXT, as docs/lifecycle.md spells it, compared byte by byte, whatever the locale of
-- the database. A state carries its facts: each constraint named *_states says which columns a state fills and which it leaves empty.
--
-- What is kept of one user is found by `user_id` alone, and changes only together with `users.version`.

-- The people who hold devices, as the directory names them.
CREATE TABLE users (
    id         UUID NOT NULL PRIMARY KEY,
    name       TEXT COLLATE "C" NOT NULL,                        -- what people call them; the common name in certificates
    email      TEXT COLLATE "C" NOT NULL,                        -- where mail reaches them; in certificates
    upn        TEXT COLLATE "C" NOT NULL,                        -- user principal name: what they log on with; in certificates
    version    BIGINT NOT NULL DEFAULT 1,                        -- counts the changes to what they hold; a change decided on an older version is a conflict
    created_at BIGINT NOT NULL,                                  -- since when the directory entry is here
    sid        TEXT COLLATE "C",                                 -- the SID of their Windows account, S-1-5-21-…
    fasc_n     BYTEA,                                            -- by which doors know the credential that they carry now
    policies   TEXT COLLATE "C" NOT NULL DEFAULT '',             -- the certificate policies that they fulfil: dotted OIDs, a blank between two
    CONSTRAINT user_fasc_ns CHECK (length(fasc_n) = 25)
);

CREATE UNIQUE INDEX user_emails ON users (lower(email));
CREATE UNIQUE INDEX user_upns ON users (lower(upn));
-- One account, one door credential: one user.
CREATE UNIQUE INDEX users_sid ON users (sid) WHERE sid IS NOT NULL;
CREATE UNIQUE INDEX users_fasc_n ON users (fasc_n) WHERE fasc_n IS NOT NULL;

-- The people at the desk. A record is closed, never removed: the audit log names it.
CREATE TABLE operators (
    id       UUID NOT NULL PRIMARY KEY,
    name     TEXT COLLATE "C" NOT NULL,                          -- unique for ever, so that an old audit entry names one person
    user_id  UUID REFERENCES users (id),                         -- the same person as a user, if they are one
    added_at BIGINT NOT NULL,                                    -- since when the record is open
    ended_at BIGINT,                                             -- when it was closed; empty while somebody acts under it
    CONSTRAINT operator_names UNIQUE (name)
);

-- What an operator may do.
CREATE TABLE operator_roles (
    operator_id UUID NOT NULL REFERENCES operators (id),
    role        TEXT COLLATE "C" NOT NULL,                       -- one row a role
    PRIMARY KEY (operator_id, role),
    CONSTRAINT operator_role_words CHECK (role IN ('help-desk', 'validation-officer', 'issuance-officer', 'auditor'))
);

-- Certificates of the issuing CA that are nobody's credential: operators' logons, the OCSP and delivery signers. On record before they
-- are signed, so that OCSP can answer for each.
CREATE TABLE service_certificates (
    serial            BYTEA NOT NULL PRIMARY KEY,
    name              TEXT COLLATE "C" NOT NULL,                 -- the common name of its subject
    operator_id       UUID REFERENCES operators (id),            -- whom it identifies, if it is an operator's
    reserved_at       BIGINT NOT NULL,                           -- when its serial went on record
    not_after         BIGINT NOT NULL,                           -- the end of its validity
    revoked_at        BIGINT,
    revocation_reason TEXT COLLATE "C",                          -- a word of RFC 5280 §5.3.1
    CONSTRAINT service_serials CHECK (length(serial) = 20),
    CONSTRAINT service_states CHECK ((revoked_at IS NULL) = (revocation_reason IS NULL)),
    CONSTRAINT service_reasons CHECK (revocation_reason IN ('key-compromise', 'superseded', 'cessation-of-operation'))
);

CREATE INDEX service_certificates_revoked ON service_certificates (not_after) WHERE revoked_at IS NOT NULL;

-- Requests: each asks for one device of one user to be issued or updated.
CREATE TABLE requests (
    id                 UUID NOT NULL PRIMARY KEY,
    user_id            UUID NOT NULL REFERENCES users (id),
    kind               TEXT COLLATE "C" NOT NULL,                -- of the device that is issued or updated
    purpose            TEXT COLLATE "C" NOT NULL,
    mode               TEXT COLLATE "C",                         -- how the device is provisioned; an update has none
    reason             TEXT COLLATE "C",                         -- why a device is replaced
    line_original      UUID,                                     -- the device that the target stands in for, if it was in use at submission
    line_target        UUID,                                     -- the device that is replaced
    line_stand_in      UUID,                                     -- the stand-in in use for the target at submission
    updated_device     UUID,                                     -- the device that an update is for
    requester          TEXT COLLATE "C" NOT NULL,                -- who asked
    requester_operator UUID REFERENCES operators (id),
    requester_user     UUID REFERENCES users (id),
    opened_at          BIGINT NOT NULL,
    state              TEXT COLLATE "C" NOT NULL,
    device_id          UUID,                                     -- bound to it, at work on it, or issued under it
    session_id         UUID,                                     -- the session at work; its row is written by the same commit, in either order
    session_since      BIGINT,                                   -- since when that session is at work
    closed_at          BIGINT,                                   -- when it was issued, rejected or canceled
    CONSTRAINT request_kinds CHECK (kind IN ('smart-card', 'mobile-smart-card', 'mobile-app')),
    CONSTRAINT request_modes CHECK (mode IN ('local', 'self-enrollment', 'remote')),
    CONSTRAINT request_reasons CHECK (reason IN ('damaged', 'expired', 'lost', 'stolen', 'forgotten')),
    CONSTRAINT request_purposes CHECK (CASE purpose
        WHEN 'initial'     THEN mode IS NOT NULL AND num_nonnulls(reason, line_original, line_target, line_stand_in, updated_device) = 0
        WHEN 'replacement' THEN mode IS NOT NULL AND reason IS NOT NULL AND line_target IS NOT NULL AND updated_device IS NULL
        WHEN 'update'      THEN updated_device IS NOT NULL AND num_nonnulls(mode, reason, line_original, line_target, line_stand_in) = 0
        ELSE FALSE END),
    CONSTRAINT request_requesters CHECK (CASE requester
        WHEN 'operator' THEN requester_operator IS NOT NULL AND requester_user IS NULL
        WHEN 'user'     THEN requester_operator IS NULL AND requester_user IS NOT NULL
        WHEN 'system'   THEN requester_operator IS NULL AND requester_user IS NULL
        ELSE FALSE END),
    CONSTRAINT request_states CHECK (CASE state
        WHEN 'awaiting-approval' THEN num_nonnulls(device_id, session_id, session_since, closed_at) = 0
        WHEN 'approved'          THEN num_nonnulls(device_id, session_id, session_since, closed_at) = 0
        WHEN 'bound'             THEN device_id IS NOT NULL AND num_nonnulls(session_id, session_since, closed_at) = 0
        WHEN 'issuing'           THEN device_id IS NOT NULL AND session_id IS NOT NULL AND session_since IS NOT NULL AND closed_at IS NULL
        WHEN 'issued'            THEN device_id IS NOT NULL AND num_nonnulls(session_id, session_since) = 0 AND closed_at IS NOT NULL
        WHEN 'rejected'          THEN num_nonnulls(device_id, session_id, session_since) = 0 AND closed_at IS NOT NULL
        WHEN 'canceled'          THEN num_nonnulls(device_id, session_id, session_since) = 0 AND closed_at IS NOT NULL
        ELSE FALSE END)
);

CREATE INDEX requests_of_user ON requests (user_id, opened_at);
CREATE INDEX requests_by_age ON requests (opened_at);
CREATE INDEX requests_open ON requests (opened_at) WHERE state IN ('awaiting-approval', 'approved', 'bound', 'issuing');
CREATE INDEX requests_issuing ON requests (session_id) WHERE state = 'issuing';

-- What holds credentials: stock, and what users have or had.
CREATE TABLE devices (
    id                   UUID NOT NULL PRIMARY KEY,
    user_id              UUID REFERENCES users (id),             -- whose it is; stock is nobody's
    kind                 TEXT COLLATE "C" NOT NULL,
    serial               TEXT COLLATE "C" NOT NULL,              -- the maker's; a phone that is issued to again is a new device with the same serial
    model                TEXT COLLATE "C" NOT NULL,
    name                 TEXT COLLATE "C" NOT NULL,              -- what its user calls it
    state                TEXT COLLATE "C" NOT NULL,
    request_id           UUID REFERENCES requests (id),          -- to which an assigned device is bound
    issued_at            BIGINT,                                 -- when it confirmed; kept when it ends
    stand_in_original    UUID REFERENCES devices (id) DEFERRABLE,-- for whom a temporary device stands in; kept when it ends
    stand_in_arrangement UUID REFERENCES requests (id),          -- the temporary request that made it
    stand_in_until       BIGINT,                                 -- when it lapses
    terminated_at        BIGINT,
    end_reason           TEXT COLLATE "C",                       -- why it ended
    CONSTRAINT device_kinds CHECK (kind IN ('smart-card', 'mobile-smart-card', 'mobile-app')),
    CONSTRAINT device_end_reasons CHECK (end_reason IN
        ('damaged', 'expired', 'lost', 'stolen', 'retired', 'replaced', 'lapsed', 'unissued')),
    CONSTRAINT device_states CHECK (CASE state
        WHEN 'available'  THEN num_nonnulls(user_id, request_id, issued_at, terminated_at, end_reason) = 0
        WHEN 'assigned'   THEN user_id IS NOT NULL AND request_id IS NOT NULL AND num_nonnulls(issued_at, terminated_at, end_reason) = 0
        WHEN 'issued'     THEN user_id IS NOT NULL AND issued_at IS NOT NULL AND num_nonnulls(request_id, terminated_at, end_reason) = 0
        WHEN 'terminated' THEN user_id IS NOT NULL AND terminated_at IS NOT NULL AND end_reason IS NOT NULL AND request_id IS NULL
        ELSE FALSE END),
    CONSTRAINT device_stand_ins CHECK (CASE
        WHEN stand_in_original IS NULL THEN num_nonnulls(stand_in_arrangement, stand_in_until) = 0
        ELSE stand_in_arrangement IS NOT NULL AND stand_in_until IS NOT NULL AND issued_at IS NOT NULL END)
);

-- A request names devices, as a device names its request; where a whole database is copied, all of it is there only in the end.
ALTER TABLE requests
    ADD FOREIGN KEY (line_original) REFERENCES devices (id) DEFERRABLE,
    ADD FOREIGN KEY (line_target) REFERENCES devices (id) DEFERRABLE,
    ADD FOREIGN KEY (line_stand_in) REFERENCES devices (id) DEFERRABLE,
    ADD FOREIGN KEY (updated_device) REFERENCES devices (id) DEFERRABLE,
    ADD FOREIGN KEY (device_id) REFERENCES devices (id) DEFERRABLE;

CREATE INDEX devices_of_user ON devices (user_id);
-- A card that somebody hands out is known by its maker's serial number, once and for ever. A phone is not: one that is issued to again is a
-- new device.
CREATE UNIQUE INDEX devices_of_stock_kinds ON devices (kind, serial) WHERE kind = 'smart-card';
-- What is in stock, in the order in which it is listed.
CREATE INDEX devices_in_stock ON devices (kind, serial) WHERE state = 'available';
-- Stand-ins in use, by the time when they lapse.
CREATE INDEX devices_standing_in ON devices (stand_in_until) WHERE state = 'issued' AND stand_in_until IS NOT NULL;

-- One certificate and its private key each. The row is there before anything is signed.
CREATE TABLE credentials (
    id                UUID NOT NULL PRIMARY KEY,
    user_id           UUID NOT NULL REFERENCES users (id),
    slot              TEXT COLLATE "C" NOT NULL,                 -- where it sits on a card
    serial            BYTEA NOT NULL,                            -- of the certificate, chosen before it is signed
    made_for          UUID NOT NULL REFERENCES devices (id),     -- others that carry it recovered it later
    state             TEXT COLLATE "C" NOT NULL,
    reserved_at       BIGINT,                                    -- when the serial went on record
    key_id            BYTEA,                                     -- which key was certified; also in seen_keys, which keeps it unique
    not_before        BIGINT,                                    -- the validity of the certificate
    not_after         BIGINT,
    issued_at         BIGINT,                                    -- when a device confirmed it; kept when it is revoked
    revoked_at        BIGINT,
    revocation_reason TEXT COLLATE "C",                          -- a word of RFC 5280 §5.3.1
    CONSTRAINT credential_serials UNIQUE (serial),
    CONSTRAINT credential_serial_sizes CHECK (length(serial) = 20),
    CONSTRAINT credential_slots CHECK (slot IN ('auth', 'sign', 'enc', 'card-auth')),
    CONSTRAINT credential_reasons CHECK (revocation_reason IN ('key-compromise', 'superseded', 'cessation-of-operation')),
    CONSTRAINT credential_certified CHECK (CASE
        WHEN key_id IS NULL THEN num_nonnulls(not_before, not_after, issued_at) = 0
        ELSE length(key_id) = 32 AND not_before IS NOT NULL AND not_after IS NOT NULL END),
    CONSTRAINT credential_states CHECK (CASE state
        WHEN 'reserved' THEN reserved_at IS NOT NULL AND num_nonnulls(key_id, issued_at, revoked_at, revocation_reason) = 0
        WHEN 'signed'   THEN key_id IS NOT NULL AND num_nonnulls(issued_at, revoked_at, revocation_reason) = 0
        WHEN 'issued'   THEN key_id IS NOT NULL AND issued_at IS NOT NULL AND num_nonnulls(revoked_at, revocation_reason) = 0
        WHEN 'revoked'  THEN revoked_at IS NOT NULL AND revocation_reason IS NOT NULL
        ELSE FALSE END)
);

CREATE INDEX credentials_of_user ON credentials (user_id);
-- What a CRL lists, without a look at the many that are good.
CREATE INDEX credentials_not_issued ON credentials (not_after, serial) INCLUDE (not_before, revoked_at, revocation_reason) WHERE state <> 'issued';

-- The DER certificate of a credential, apart from it: what a user holds is loaded often, a certificate seldom.
CREATE TABLE certificates (
    credential_id UUID NOT NULL PRIMARY KEY REFERENCES credentials (id),
    der           BYTEA NOT NULL
);

-- The private key of an `enc` credential, sealed under the master key: what a later device of the same user recovers.
CREATE TABLE escrow (
    credential_id UUID NOT NULL PRIMARY KEY REFERENCES credentials (id),
    sealed        BYTEA NOT NULL,
    escrow_key    BIGINT NOT NULL                                -- the number of the escrow key that sealed it; 0 is the master key
);

-- Which credential sits on which device. Kept when the device ends: it did carry them.
CREATE TABLE carries (
    user_id       UUID NOT NULL REFERENCES users (id),
    device_id     UUID NOT NULL REFERENCES devices (id),
    credential_id UUID NOT NULL REFERENCES credentials (id),
    carried       TEXT COLLATE "C" NOT NULL,                     -- history is decrypt-only
    PRIMARY KEY (user_id, device_id, credential_id),
    CONSTRAINT carried_words CHECK (carried IN ('current', 'history'))
);

-- Why a device or a credential may not be used now. A suspension is the set of them: each act lifts what it placed, and nothing else.
CREATE TABLE holds (
    user_id          UUID NOT NULL REFERENCES users (id),
    device_id        UUID REFERENCES devices (id),               -- on what it stands: a device …
    credential_id    UUID REFERENCES credentials (id),           -- … or a credential
    cause_request    UUID REFERENCES requests (id),              -- what placed it: a replacement request …
    cause_device     UUID REFERENCES devices (id),               -- … an operator who suspended a device …
    cause_credential UUID REFERENCES credentials (id),           -- … or a single credential
    since            BIGINT NOT NULL,                            -- since when it stands
    CONSTRAINT hold_on_one_thing CHECK (num_nonnulls(device_id, credential_id) = 1),
    CONSTRAINT hold_for_one_cause CHECK (num_nonnulls(cause_request, cause_device, cause_credential) = 1)
);

-- One hold of a cause on a thing; also how the holds on a thing are found, since no two kinds of things share an id.
CREATE UNIQUE INDEX hold_once ON holds (coalesce(device_id, credential_id), coalesce(cause_request, cause_device, cause_credential));
CREATE INDEX holds_of_user ON holds (user_id);

-- One-time rights to provision one device under one request.
CREATE TABLE tickets (
    id            UUID NOT NULL PRIMARY KEY,                     -- the invitation id on the wire
    user_id       UUID NOT NULL REFERENCES users (id),
    request_id    UUID NOT NULL REFERENCES requests (id),
    expires_at    BIGINT NOT NULL,
    attempts_left BIGINT NOT NULL,                               -- wrong proofs that are still forgiven; at zero it is locked
    state         TEXT COLLATE "C" NOT NULL,
    session_id    UUID,                                          -- the session that redeemed it; kept when the ticket dies
    sealed_key    BYTEA,                                         -- the key that proves its secret, sealed under the master key; the secret itself is not kept
    CONSTRAINT ticket_attempts CHECK (attempts_left >= 0),
    CONSTRAINT ticket_states CHECK (CASE state
        WHEN 'open'     THEN session_id IS NULL
        WHEN 'redeemed' THEN session_id IS NOT NULL
        WHEN 'dead'     THEN TRUE
        ELSE FALSE END)
);

CREATE INDEX tickets_of_user ON tickets (user_id);

-- What a device and the server agreed on when a ticket was redeemed or an update began. Never removed: it answers repeated messages.
CREATE TABLE sessions (
    id               UUID NOT NULL PRIMARY KEY,
    user_id          UUID NOT NULL REFERENCES users (id),
    request_id       UUID NOT NULL REFERENCES requests (id),
    device_id        UUID NOT NULL REFERENCES devices (id),
    opened_by        TEXT COLLATE "C" NOT NULL,                  -- a ticket, or an issued device for its update
    ticket_id        UUID REFERENCES tickets (id),
    session_key      BYTEA,                                      -- DER SubjectPublicKeyInfo of the key that redeemed the ticket
    bootstrap_serial BYTEA,                                      -- of the certificate that it got; from an authority of its own
    challenge        BYTEA NOT NULL,                             -- 32 random bytes that the device signs with every key when it confirms
    opened_at        BIGINT NOT NULL,
    expires_at       BIGINT NOT NULL,                            -- when it is given up, unless it has confirmed
    transport_key    BYTEA,                                      -- DER SubjectPublicKeyInfo of the key to which `enc` keys are delivered, once shown
    receipt          TEXT COLLATE "C",                           -- the answer to its confirmation, a compact JWS, once it has confirmed
    releases         BIGINT NOT NULL,                            -- how often encryption keys have been handed to it
    is_plain         BOOLEAN NOT NULL,                           -- opened by the bare secret (HTTP Basic), by a plain EST client: of lower assurance
    CONSTRAINT session_tickets UNIQUE (ticket_id),
    CONSTRAINT session_bootstraps UNIQUE (bootstrap_serial),
    CONSTRAINT session_challenges CHECK (length(challenge) = 32),
    CONSTRAINT session_origins CHECK (CASE opened_by
        WHEN 'ticket' THEN ticket_id IS NOT NULL AND session_key IS NOT NULL AND bootstrap_serial IS NOT NULL
        WHEN 'device' THEN num_nonnulls(ticket_id, session_key, bootstrap_serial) = 0
        ELSE FALSE END)
);

CREATE INDEX sessions_of_user ON sessions (user_id);

-- The `enc` credentials that a device has collected in a session, as it was handed them last.
CREATE TABLE collected_encs (
    session_id    UUID NOT NULL,                                 -- as in requests.session_id
    position      BIGINT NOT NULL,                               -- 0 is the current one; then the history, newest first
    credential_id UUID NOT NULL REFERENCES credentials (id),
    PRIMARY KEY (session_id, position)
);

-- Every key that was ever shown to us or made by us: a certified key is certified once, and was nothing else before.
CREATE TABLE seen_keys (
    key_id   BYTEA NOT NULL PRIMARY KEY,
    used_for TEXT COLLATE "C" NOT NULL,                          -- what it was first seen as
    owner_id UUID NOT NULL,                                      -- the credential, or the session that showed it
    CONSTRAINT seen_key_sizes CHECK (length(key_id) = 32),
    CONSTRAINT seen_key_uses CHECK (used_for IN ('credential', 'session', 'transport'))
);

-- The audit log: one entry an act, in the same transaction; refusals too. It names what may not exist, so nothing here is a reference.
CREATE TABLE audit (
    seq             BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,   -- only ever rises; numbers may be left out
    at              BIGINT NOT NULL,
    who             TEXT COLLATE "C" NOT NULL,                   -- what sort of actor
    who_id          UUID,                                        -- the operator, the user or the session
    who_fingerprint TEXT COLLATE "C",                            -- SHA-256 of the certificate that was shown
    act             TEXT COLLATE "C" NOT NULL,
    user_id         UUID,                                        -- whom it concerns
    request_id      UUID,
    outcome         TEXT COLLATE "C" NOT NULL,
    refusal         TEXT COLLATE "C",                            -- the stable code
    details         TEXT COLLATE "C" NOT NULL,                   -- JSON, without secrets
    source          TEXT COLLATE "C" NOT NULL,                   -- the network address that asked, or `local`
    chain           UUID,                                        -- the user whom it concerns, or nil
    position        BIGINT,                                      -- 1, 2, … in its chain
    previous        BYTEA,                                       -- the hash of the entry before it in its chain; 32 zero bytes for the first
    hash            BYTEA,                                       -- SHA-256 of the entry, 32 bytes
    CONSTRAINT audit_actors CHECK (CASE who
        WHEN 'operator'      THEN who_id IS NOT NULL AND who_fingerprint IS NOT NULL
        WHEN 'user'          THEN who_id IS NOT NULL AND who_fingerprint IS NULL
        WHEN 'session'       THEN who_id IS NOT NULL AND who_fingerprint IS NULL
        WHEN 'stranger'      THEN who_id IS NULL
        WHEN 'administrator' THEN who_id IS NULL AND who_fingerprint IS NULL
        WHEN 'system'        THEN who_id IS NULL AND who_fingerprint IS NULL
        ELSE FALSE END),
    CONSTRAINT audit_outcomes CHECK (CASE outcome
        WHEN 'done'    THEN refusal IS NULL
        WHEN 'refused' THEN refusal IS NOT NULL
        ELSE FALSE END),
    CONSTRAINT audit_details CHECK (details::json IS NOT NULL)
);

CREATE FUNCTION only_ever_added_to() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'the table % is only ever added to', tg_table_name;
END
$$;

CREATE TRIGGER audit_is_not_rewritten BEFORE UPDATE ON audit FOR EACH ROW EXECUTE FUNCTION only_ever_added_to();

CREATE TRIGGER audit_is_not_shortened BEFORE DELETE ON audit FOR EACH ROW EXECUTE FUNCTION only_ever_added_to();

-- The CRL that was published last. The next takes its place: several a second may be published.
CREATE TABLE crls (
    number      BIGINT PRIMARY KEY,                              -- RFC 5280 §5.2.3; only ever rises
    this_update BIGINT NOT NULL,
    next_update BIGINT NOT NULL,
    der         BYTEA NOT NULL,
    delta       BYTEA                                            -- the delta list of the same number
);

-- The audit chain: each entry bears the hash of the one before it, so that none can be altered, removed or put in between unseen.
--
-- One chain for each user, and one (the nil id) for what concerns no user: acts on different users never wait for each other. How an entry is
-- hashed is in docs/audit.md.

CREATE UNIQUE INDEX audit_chain_positions ON audit (chain, position);

-- The end of each chain. An entry that is cut off is missed here.
CREATE TABLE audit_chains (
    chain  UUID NOT NULL PRIMARY KEY,                            -- as in audit.chain
    length BIGINT NOT NULL,                                      -- how many entries it has
    head   BYTEA NOT NULL,                                       -- the hash of its last
    CONSTRAINT audit_chain_heads CHECK (length(head) = 32 AND length > 0)
);

-- Signed statements about all chains at one instant: what the log was then cannot be denied later. Copies are kept outside.
CREATE TABLE audit_checkpoints (
    number BIGINT PRIMARY KEY,                                   -- 1, 2, …
    jws    TEXT COLLATE "C" NOT NULL                             -- a compact JWS; docs/audit.md says what it states
);

CREATE TRIGGER audit_checkpoints_are_not_rewritten BEFORE UPDATE ON audit_checkpoints FOR EACH ROW EXECUTE FUNCTION only_ever_added_to();

CREATE TRIGGER audit_checkpoints_are_not_removed BEFORE DELETE ON audit_checkpoints FOR EACH ROW EXECUTE FUNCTION only_ever_added_to();

-- The portal: how users sign in there.

-- A user's own password, or the initial one that the help desk gave them.
CREATE TABLE portal_passwords (
    user_id      UUID NOT NULL PRIMARY KEY REFERENCES users (id),
    phc          TEXT COLLATE "C" NOT NULL,                      -- argon2id, as a PHC string; never the password
    set_at       BIGINT NOT NULL,
    lapses_at    BIGINT,                                         -- for an initial one: until when it signs in, once
    wrong        BIGINT NOT NULL,                                -- wrong ones in a row
    locked_until BIGINT                                          -- until when none is looked at, after too many wrong ones
);

-- A browser that is signed in. Only a digest of what it holds is kept.
CREATE TABLE portal_sessions (
    token_hash  BYTEA NOT NULL PRIMARY KEY,                      -- SHA-256 of the cookie's 32 random bytes
    user_id     UUID NOT NULL REFERENCES users (id),
    opened_at   BIGINT NOT NULL,
    seen_at     BIGINT NOT NULL,                                 -- its last request, to the minute
    must_change BOOLEAN NOT NULL,                                -- opened with an initial password, it may only set one of the user's own
    code_hash   BYTEA,                                           -- while the second step is awaited: SHA-256 of the cookie's bytes and the code
    device_id   UUID REFERENCES devices (id),                    -- the device whose certificate opened it: it ends with that
    CONSTRAINT portal_session_hashes CHECK (length(token_hash) = 32)
);

CREATE INDEX portal_sessions_of_user ON portal_sessions (user_id);
CREATE INDEX portal_sessions_by_use ON portal_sessions (seen_at);

-- The outbox: letters that acts wrote in their own transaction, until they are delivered. What a letter says is sealed, as an invitation is a
-- secret, and erased when it has been delivered.
CREATE TABLE letters (
    id           UUID NOT NULL PRIMARY KEY,                      -- also in the Message-ID: a letter that is delivered twice is the same letter
    kind         TEXT COLLATE "C" NOT NULL,                      -- docs/letters.md
    user_id      UUID NOT NULL REFERENCES users (id),            -- whom it is about
    request_id   UUID REFERENCES requests (id),                  -- what it is about, if it is about a request
    recipient    TEXT COLLATE "C" NOT NULL,                      -- the address, as it was before the act
    written_at   BIGINT NOT NULL,
    state        TEXT COLLATE "C" NOT NULL,
    due_at       BIGINT,                                         -- when delivery is tried, while it waits
    attempts     BIGINT NOT NULL,                                -- how often delivery has failed
    last_error   TEXT COLLATE "C",                               -- why it failed last
    closed_at    BIGINT,                                         -- when it was delivered, or given up
    sealed       BYTEA,                                          -- what it says, sealed under the master key; erased when it is delivered
    CONSTRAINT letter_states CHECK (CASE state
        WHEN 'waiting'   THEN due_at IS NOT NULL AND sealed IS NOT NULL AND closed_at IS NULL
        WHEN 'delivered' THEN due_at IS NULL AND sealed IS NULL AND closed_at IS NOT NULL
        WHEN 'failed'    THEN due_at IS NULL AND sealed IS NULL AND closed_at IS NOT NULL AND last_error IS NOT NULL
        ELSE FALSE END)
);

CREATE INDEX letters_waiting ON letters (written_at, id) WHERE state = 'waiting';
-- In their turn: the codes first, and of one address the earlier ones.
CREATE INDEX letters_codes ON letters (written_at, id) WHERE state = 'waiting' AND kind = 'sign-in-code';
CREATE INDEX letters_waiting_by_recipient ON letters (recipient, written_at, id) WHERE state = 'waiting';
CREATE INDEX letters_failed ON letters (closed_at) WHERE state = 'failed';
CREATE INDEX letters_by_age ON letters (written_at, id);

-- Numbers of full lists that a delta may count from: each once an hour, for as long as a list of before it may still be relied upon.
CREATE TABLE crl_bases (
    number      BIGINT PRIMARY KEY,
    this_update BIGINT NOT NULL
);

-- What changed last in the entry of a certificate, since the oldest base.
CREATE TABLE crl_changes (
    serial BYTEA PRIMARY KEY,
    number BIGINT NOT NULL,                                      -- the list that said so first
    entry  BYTEA                                                 -- DER as it is there; NULL: listed no longer
);

-- Escrow keys: what seals the private keys in escrow. The keys themselves are in the key store; here is which of them there are, so that a
-- server that runs beside a rotation never seals under the old one again.
CREATE TABLE escrow_keys (
    number     BIGINT PRIMARY KEY,                               -- 1, 2, …; the highest seals. 0, the master key, has no row
    made_at    BIGINT NOT NULL,
    rotated_at BIGINT                                            -- when nothing was left under an earlier one; the first has nothing to wait for
);

-- Recoveries: an officer asks for the private encryption keys of a user, another one decides. They change nothing that the user holds.
CREATE TABLE recoveries (
    id           UUID NOT NULL PRIMARY KEY,
    user_id      UUID NOT NULL REFERENCES users (id),            -- whose keys
    because      TEXT COLLATE "C" NOT NULL,                      -- why, in the words of the officer who asked
    recipient    BYTEA NOT NULL,                                 -- DER SubjectPublicKeyInfo of the key that they are encrypted to
    asked_by     UUID NOT NULL REFERENCES operators (id),
    asked_as     UUID REFERENCES users (id),                     -- the same person as a user, if they are one
    asked_at     BIGINT NOT NULL,
    expires_at   BIGINT NOT NULL,                                -- when it is over, unless it has been refused or collected
    state        TEXT COLLATE "C" NOT NULL,
    decided_by   UUID REFERENCES operators (id),                 -- who approved or refused
    decided_at   BIGINT,
    collected_at BIGINT,
    CONSTRAINT recovery_by_two CHECK (decided_by <> asked_by),
    CONSTRAINT recovery_states CHECK (CASE state
        WHEN 'awaiting-approval' THEN num_nonnulls(decided_by, decided_at, collected_at) = 0
        WHEN 'approved'          THEN decided_by IS NOT NULL AND decided_at IS NOT NULL AND collected_at IS NULL
        WHEN 'refused'           THEN decided_by IS NOT NULL AND decided_at IS NOT NULL AND collected_at IS NULL
        WHEN 'collected'         THEN decided_by IS NOT NULL AND decided_at IS NOT NULL AND collected_at IS NOT NULL
        ELSE FALSE END)
);

CREATE INDEX recoveries_by_age ON recoveries (asked_at, id);
CREATE INDEX recoveries_of_user ON recoveries (user_id, asked_at);

-- Which keys a recovery is for, as they were when it was asked: what is approved is what is handed over.
CREATE TABLE recovered_encs (
    recovery_id   UUID NOT NULL REFERENCES recoveries (id),
    position      BIGINT NOT NULL,                               -- 0, 1, …: newest first
    credential_id UUID NOT NULL REFERENCES credentials (id),
    PRIMARY KEY (recovery_id, position)
);

-- An e-mail address or UPN is one user's, whichever of the two it is: people sign in at the portal with either.
CREATE TABLE addresses (
    address TEXT COLLATE "C" NOT NULL,
    user_id UUID NOT NULL REFERENCES users (id)
);

CREATE UNIQUE INDEX addresses_by_small_letters ON addresses (lower(address));

-- What users say was not them: the desk sees it on the request until it is closed.
CREATE TABLE disputes (
    request_id UUID NOT NULL PRIMARY KEY REFERENCES requests (id),
    since      BIGINT NOT NULL                                   -- when the user first said so
);

-- The letters about a request, for the page of the request.
CREATE INDEX letters_of_request ON letters (request_id) WHERE request_id IS NOT NULL;
-- What was done to a user, and under a request: found without reading the log of everybody.
CREATE INDEX audit_of_user ON audit (user_id, seq) WHERE user_id IS NOT NULL;
CREATE INDEX audit_of_request ON audit (request_id, seq) WHERE request_id IS NOT NULL;

-- The servers that run over this database. One whose beat stands still is taken for dead by the others, and its row removed.
CREATE TABLE servers (
    id         UUID PRIMARY KEY,                                 -- drawn anew at every start
    beat       BIGINT NOT NULL,                                  -- counts up every second while it runs
    rules      BYTEA NOT NULL,                                   -- SHA-256 of the policy, the profiles and the CA by which it decides
    started_at BIGINT NOT NULL
);

-- Which server does which timed work. It goes with the server's row, and anybody may take it then.
CREATE TABLE leases (
    work   TEXT COLLATE "C" PRIMARY KEY,
    holder UUID NOT NULL REFERENCES servers (id) ON DELETE CASCADE
);

-- Since the last CRL was begun, so often has something changed that relying parties are told: whoever publishes takes them away.
CREATE TABLE status_news (
    id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY
);

-- By which words users are found: those of their names and addresses, and of the serial numbers of their devices, in small letters.
CREATE TABLE words (
    word      TEXT COLLATE "C" NOT NULL,
    user_id   UUID NOT NULL REFERENCES users (id),
    source_id UUID NOT NULL,                                     -- the user, or the device that has the serial number
    PRIMARY KEY (word, user_id, source_id)
);

CREATE INDEX words_of_user ON words (user_id, source_id);
-- Users in the order in which they are listed.
CREATE INDEX users_by_name ON users (name, id);
