-- The house: everything that Remint remembers, on SQLite.
--
-- How to read it. An id is a UUID of 16 bytes; a serial is the 20 bytes of a certificate's serial number; a time is an INTEGER, Unix
-- milliseconds; a key id is the SHA-256 of a DER SubjectPublicKeyInfo, 32 bytes; a word is TEXT, as docs/lifecycle.md spells it. A state
-- carries its facts: each constraint named *_states says which columns a state fills and which it leaves empty.
--
-- What is kept of one user is found by `user_id` alone, and changes only together with `users.version`.

-- The people who hold devices, as the directory names them.
CREATE TABLE users (
    id         BLOB    NOT NULL PRIMARY KEY,
    name       TEXT    NOT NULL,                  -- what people call them; the common name in certificates
    email      TEXT    NOT NULL COLLATE NOCASE,   -- where mail reaches them; in certificates
    upn        TEXT    NOT NULL COLLATE NOCASE,   -- user principal name: what they log on with; in certificates
    version    INTEGER NOT NULL DEFAULT 1,        -- counts the changes to what they hold; a change decided on an older version is a conflict
    created_at INTEGER NOT NULL,                  -- since when the directory entry is here
    CONSTRAINT user_ids CHECK (length(id) = 16),
    CONSTRAINT user_emails UNIQUE (email),
    CONSTRAINT user_upns UNIQUE (upn)
) STRICT, WITHOUT ROWID;

-- The people at the desk. A record is closed, never removed: the audit log names it.
CREATE TABLE operators (
    id       BLOB    NOT NULL PRIMARY KEY,
    name     TEXT    NOT NULL,                    -- unique for ever, so that an old audit entry names one person
    user_id  BLOB             REFERENCES users (id),   -- the same person as a user, if they are one
    added_at INTEGER NOT NULL,                    -- since when the record is open
    ended_at INTEGER,                             -- when it was closed; empty while somebody acts under it
    CONSTRAINT operator_ids CHECK (length(id) = 16),
    CONSTRAINT operator_names UNIQUE (name)
) STRICT, WITHOUT ROWID;

-- What an operator may do.
CREATE TABLE operator_roles (
    operator_id BLOB NOT NULL REFERENCES operators (id),
    role        TEXT NOT NULL,                    -- one row a role
    PRIMARY KEY (operator_id, role),
    CONSTRAINT operator_role_words CHECK (role IN ('help-desk', 'validation-officer', 'issuance-officer', 'auditor'))
) STRICT, WITHOUT ROWID;

-- Certificates of the issuing CA that are nobody's credential: operators' logons, the OCSP and delivery signers. On record before they
-- are signed, so that OCSP can answer for each.
CREATE TABLE service_certificates (
    serial            BLOB    NOT NULL PRIMARY KEY,
    name              TEXT    NOT NULL,           -- the common name of its subject
    operator_id       BLOB             REFERENCES operators (id),   -- whom it identifies, if it is an operator's
    reserved_at       INTEGER NOT NULL,           -- when its serial went on record
    not_after         INTEGER NOT NULL,           -- the end of its validity
    revoked_at        INTEGER,
    revocation_reason TEXT,                       -- a word of RFC 5280 §5.3.1
    CONSTRAINT service_serials CHECK (length(serial) = 20),
    CONSTRAINT service_states CHECK ((revoked_at IS NULL) = (revocation_reason IS NULL)),
    CONSTRAINT service_reasons CHECK (revocation_reason IN ('key-compromise', 'superseded', 'cessation-of-operation'))
) STRICT, WITHOUT ROWID;

CREATE INDEX service_certificates_revoked ON service_certificates (not_after) WHERE revoked_at IS NOT NULL;

-- Requests: each asks for one device of one user to be issued or updated.
CREATE TABLE requests (
    id                 BLOB    NOT NULL PRIMARY KEY,
    user_id            BLOB    NOT NULL REFERENCES users (id),
    kind               TEXT    NOT NULL,          -- of the device that is issued or updated
    purpose            TEXT    NOT NULL,
    mode               TEXT,                      -- how the device is provisioned; an update has none
    reason             TEXT,                      -- why a device is replaced
    line_original      BLOB REFERENCES devices (id),   -- the device that the target stands in for, if it was in use at submission
    line_target        BLOB REFERENCES devices (id),   -- the device that is replaced
    line_stand_in      BLOB REFERENCES devices (id),   -- the stand-in in use for the target at submission
    updated_device     BLOB REFERENCES devices (id),   -- the device that an update is for
    requester          TEXT    NOT NULL,          -- who asked
    requester_operator BLOB REFERENCES operators (id),
    requester_user     BLOB REFERENCES users (id),
    opened_at          INTEGER NOT NULL,
    state              TEXT    NOT NULL,
    device_id          BLOB REFERENCES devices (id),   -- bound to it, at work on it, or issued under it
    session_id         BLOB,                      -- the session at work; its row is written by the same commit, in either order
    session_since      INTEGER,                   -- since when that session is at work
    closed_at          INTEGER,                   -- when it was issued, rejected or canceled
    CONSTRAINT request_ids CHECK (length(id) = 16),
    CONSTRAINT request_kinds CHECK (kind IN ('smart-card', 'mobile-smart-card', 'mobile-app')),
    CONSTRAINT request_modes CHECK (mode IN ('local', 'self-enrollment', 'remote')),
    CONSTRAINT request_reasons CHECK (reason IN ('damaged', 'expired', 'lost', 'stolen', 'forgotten')),
    CONSTRAINT request_purposes CHECK (CASE purpose
        WHEN 'initial'     THEN mode IS NOT NULL AND coalesce(reason, line_original, line_target, line_stand_in, updated_device) IS NULL
        WHEN 'replacement' THEN mode IS NOT NULL AND reason IS NOT NULL AND line_target IS NOT NULL AND updated_device IS NULL
        WHEN 'update'      THEN updated_device IS NOT NULL AND coalesce(mode, reason, line_original, line_target, line_stand_in) IS NULL
        ELSE FALSE END),
    CONSTRAINT request_requesters CHECK (CASE requester
        WHEN 'operator' THEN requester_operator IS NOT NULL AND requester_user IS NULL
        WHEN 'user'     THEN requester_operator IS NULL AND requester_user IS NOT NULL
        WHEN 'system'   THEN requester_operator IS NULL AND requester_user IS NULL
        ELSE FALSE END),
    CONSTRAINT request_states CHECK (CASE state
        WHEN 'awaiting-approval' THEN coalesce(device_id, session_id, session_since, closed_at) IS NULL
        WHEN 'approved'          THEN coalesce(device_id, session_id, session_since, closed_at) IS NULL
        WHEN 'bound'             THEN device_id IS NOT NULL AND coalesce(session_id, session_since, closed_at) IS NULL
        WHEN 'issuing'           THEN device_id IS NOT NULL AND session_id IS NOT NULL AND session_since IS NOT NULL AND closed_at IS NULL
        WHEN 'issued'            THEN device_id IS NOT NULL AND coalesce(session_id, session_since) IS NULL AND closed_at IS NOT NULL
        WHEN 'rejected'          THEN coalesce(device_id, session_id, session_since) IS NULL AND closed_at IS NOT NULL
        WHEN 'canceled'          THEN coalesce(device_id, session_id, session_since) IS NULL AND closed_at IS NOT NULL
        ELSE FALSE END)
) STRICT, WITHOUT ROWID;

CREATE INDEX requests_of_user ON requests (user_id, opened_at);
CREATE INDEX requests_by_age ON requests (opened_at);
CREATE INDEX requests_open ON requests (opened_at) WHERE state IN ('awaiting-approval', 'approved', 'bound', 'issuing');
CREATE INDEX requests_issuing ON requests (session_id) WHERE state = 'issuing';

-- What holds credentials: stock, and what users have or had.
CREATE TABLE devices (
    id                   BLOB    NOT NULL PRIMARY KEY,
    user_id              BLOB REFERENCES users (id),      -- whose it is; stock is nobody's
    kind                 TEXT    NOT NULL,
    serial               TEXT    NOT NULL,        -- the maker's; a phone that is issued to again is a new device with the same serial
    model                TEXT    NOT NULL,
    name                 TEXT    NOT NULL,        -- what its user calls it
    state                TEXT    NOT NULL,
    request_id           BLOB REFERENCES requests (id),   -- to which an assigned device is bound
    issued_at            INTEGER,                 -- when it confirmed; kept when it ends
    stand_in_original    BLOB REFERENCES devices (id),    -- for whom a temporary device stands in; kept when it ends
    stand_in_arrangement BLOB REFERENCES requests (id),   -- the temporary request that made it
    stand_in_until       INTEGER,                 -- when it lapses
    terminated_at        INTEGER,
    end_reason           TEXT,                    -- why it ended
    CONSTRAINT device_ids CHECK (length(id) = 16),
    CONSTRAINT device_kinds CHECK (kind IN ('smart-card', 'mobile-smart-card', 'mobile-app')),
    CONSTRAINT device_end_reasons CHECK (end_reason IN
        ('damaged', 'expired', 'lost', 'stolen', 'retired', 'replaced', 'lapsed', 'unissued')),
    CONSTRAINT device_states CHECK (CASE state
        WHEN 'available'  THEN coalesce(user_id, request_id, issued_at, terminated_at, end_reason) IS NULL
        WHEN 'assigned'   THEN user_id IS NOT NULL AND request_id IS NOT NULL AND coalesce(issued_at, terminated_at, end_reason) IS NULL
        WHEN 'issued'     THEN user_id IS NOT NULL AND issued_at IS NOT NULL AND coalesce(request_id, terminated_at, end_reason) IS NULL
        WHEN 'terminated' THEN user_id IS NOT NULL AND terminated_at IS NOT NULL AND end_reason IS NOT NULL AND request_id IS NULL
        ELSE FALSE END),
    CONSTRAINT device_stand_ins CHECK (CASE
        WHEN stand_in_original IS NULL THEN coalesce(stand_in_arrangement, stand_in_until) IS NULL
        ELSE stand_in_arrangement IS NOT NULL AND stand_in_until IS NOT NULL AND issued_at IS NOT NULL END)
) STRICT, WITHOUT ROWID;

CREATE INDEX devices_of_user ON devices (user_id);

-- One certificate and its private key each. The row is there before anything is signed.
CREATE TABLE credentials (
    id                BLOB    NOT NULL PRIMARY KEY,
    user_id           BLOB    NOT NULL REFERENCES users (id),
    slot              TEXT    NOT NULL,           -- where it sits on a card
    serial            BLOB    NOT NULL,           -- of the certificate, chosen before it is signed
    made_for          BLOB    NOT NULL REFERENCES devices (id),   -- others that carry it recovered it later
    state             TEXT    NOT NULL,
    reserved_at       INTEGER,                    -- when the serial went on record
    key_id            BLOB,                       -- which key was certified; also in seen_keys, which keeps it unique
    not_before        INTEGER,                    -- the validity of the certificate
    not_after         INTEGER,
    issued_at         INTEGER,                    -- when a device confirmed it; kept when it is revoked
    revoked_at        INTEGER,
    revocation_reason TEXT,                       -- a word of RFC 5280 §5.3.1
    CONSTRAINT credential_ids CHECK (length(id) = 16),
    CONSTRAINT credential_serials UNIQUE (serial),
    CONSTRAINT credential_serial_sizes CHECK (length(serial) = 20),
    CONSTRAINT credential_slots CHECK (slot IN ('auth', 'sign', 'enc', 'card-auth')),
    CONSTRAINT credential_reasons CHECK (revocation_reason IN ('key-compromise', 'superseded', 'cessation-of-operation')),
    CONSTRAINT credential_certified CHECK (CASE
        WHEN key_id IS NULL THEN coalesce(not_before, not_after, issued_at) IS NULL
        ELSE length(key_id) = 32 AND not_before IS NOT NULL AND not_after IS NOT NULL END),
    CONSTRAINT credential_states CHECK (CASE state
        WHEN 'reserved' THEN reserved_at IS NOT NULL AND coalesce(key_id, issued_at, revoked_at, revocation_reason) IS NULL
        WHEN 'signed'   THEN key_id IS NOT NULL AND coalesce(issued_at, revoked_at, revocation_reason) IS NULL
        WHEN 'issued'   THEN key_id IS NOT NULL AND issued_at IS NOT NULL AND coalesce(revoked_at, revocation_reason) IS NULL
        WHEN 'revoked'  THEN revoked_at IS NOT NULL AND revocation_reason IS NOT NULL
        ELSE FALSE END)
) STRICT, WITHOUT ROWID;

CREATE INDEX credentials_of_user ON credentials (user_id);
-- What a CRL lists, without a look at the many that are good.
CREATE INDEX credentials_not_issued ON credentials (not_after) WHERE state <> 'issued';

-- The DER certificate of a credential, apart from it: what a user holds is loaded often, a certificate seldom.
CREATE TABLE certificates (
    credential_id BLOB NOT NULL PRIMARY KEY REFERENCES credentials (id),
    der           BLOB NOT NULL
) STRICT;

-- The private key of an `enc` credential, sealed under the master key: what a later device of the same user recovers.
CREATE TABLE escrow (
    credential_id BLOB NOT NULL PRIMARY KEY REFERENCES credentials (id),
    sealed        BLOB NOT NULL
) STRICT;

-- Which credential sits on which device. Kept when the device ends: it did carry them.
CREATE TABLE carries (
    user_id       BLOB NOT NULL REFERENCES users (id),
    device_id     BLOB NOT NULL REFERENCES devices (id),
    credential_id BLOB NOT NULL REFERENCES credentials (id),
    carried       TEXT NOT NULL,                  -- history is decrypt-only
    PRIMARY KEY (user_id, device_id, credential_id),
    CONSTRAINT carried_words CHECK (carried IN ('current', 'history'))
) STRICT, WITHOUT ROWID;

-- Why a device or a credential may not be used now. A suspension is the set of them: each act lifts what it placed, and nothing else.
CREATE TABLE holds (
    user_id          BLOB    NOT NULL REFERENCES users (id),
    device_id        BLOB REFERENCES devices (id),       -- on what it stands: a device …
    credential_id    BLOB REFERENCES credentials (id),   -- … or a credential
    cause_request    BLOB REFERENCES requests (id),      -- what placed it: a replacement request …
    cause_device     BLOB REFERENCES devices (id),       -- … an operator who suspended a device …
    cause_credential BLOB REFERENCES credentials (id),   -- … or a single credential
    since            INTEGER NOT NULL,                   -- since when it stands
    CONSTRAINT hold_on_one_thing CHECK ((device_id IS NULL) + (credential_id IS NULL) = 1),
    CONSTRAINT hold_for_one_cause CHECK ((cause_request IS NULL) + (cause_device IS NULL) + (cause_credential IS NULL) = 2)
) STRICT;

-- One hold of a cause on a thing; also how the holds on a thing are found, since no two kinds of things share an id.
CREATE UNIQUE INDEX hold_once ON holds (coalesce(device_id, credential_id), coalesce(cause_request, cause_device, cause_credential));
CREATE INDEX holds_of_user ON holds (user_id);

-- One-time rights to provision one device under one request.
CREATE TABLE tickets (
    id            BLOB    NOT NULL PRIMARY KEY,   -- the invitation id on the wire
    user_id       BLOB    NOT NULL REFERENCES users (id),
    request_id    BLOB    NOT NULL REFERENCES requests (id),
    expires_at    INTEGER NOT NULL,
    attempts_left INTEGER NOT NULL,               -- wrong proofs that are still forgiven; at zero it is locked
    state         TEXT    NOT NULL,
    session_id    BLOB,                           -- the session that redeemed it; kept when the ticket dies
    sealed_key    BLOB,                           -- the key that proves its secret, sealed under the master key; the secret itself is not kept
    CONSTRAINT ticket_ids CHECK (length(id) = 16),
    CONSTRAINT ticket_attempts CHECK (attempts_left >= 0),
    CONSTRAINT ticket_states CHECK (CASE state
        WHEN 'open'     THEN session_id IS NULL
        WHEN 'redeemed' THEN session_id IS NOT NULL
        WHEN 'dead'     THEN TRUE
        ELSE FALSE END)
) STRICT, WITHOUT ROWID;

CREATE INDEX tickets_of_user ON tickets (user_id);

-- What a device and the server agreed on when a ticket was redeemed or an update began. Never removed: it answers repeated messages.
CREATE TABLE sessions (
    id               BLOB    NOT NULL PRIMARY KEY,
    user_id          BLOB    NOT NULL REFERENCES users (id),
    request_id       BLOB    NOT NULL REFERENCES requests (id),
    device_id        BLOB    NOT NULL REFERENCES devices (id),
    opened_by        TEXT    NOT NULL,            -- a ticket, or an issued device for its update
    ticket_id        BLOB REFERENCES tickets (id),
    session_key      BLOB,                        -- DER SubjectPublicKeyInfo of the key that redeemed the ticket
    bootstrap_serial BLOB,                        -- of the certificate that it got; from an authority of its own
    challenge        BLOB    NOT NULL,            -- 32 random bytes that the device signs with every key when it confirms
    opened_at        INTEGER NOT NULL,
    expires_at       INTEGER NOT NULL,            -- when it is given up, unless it has confirmed
    transport_key    BLOB,                        -- DER SubjectPublicKeyInfo of the key to which `enc` keys are delivered, once shown
    receipt          TEXT,                        -- the answer to its confirmation, a compact JWS, once it has confirmed
    releases         INTEGER NOT NULL,            -- how often encryption keys have been handed to it
    CONSTRAINT session_ids CHECK (length(id) = 16),
    CONSTRAINT session_tickets UNIQUE (ticket_id),
    CONSTRAINT session_bootstraps UNIQUE (bootstrap_serial),
    CONSTRAINT session_challenges CHECK (length(challenge) = 32),
    CONSTRAINT session_origins CHECK (CASE opened_by
        WHEN 'ticket' THEN ticket_id IS NOT NULL AND session_key IS NOT NULL AND bootstrap_serial IS NOT NULL
        WHEN 'device' THEN coalesce(ticket_id, session_key, bootstrap_serial) IS NULL
        ELSE FALSE END)
) STRICT, WITHOUT ROWID;

CREATE INDEX sessions_of_user ON sessions (user_id);

-- The `enc` credentials that a device has collected in a session, as it was handed them last.
CREATE TABLE collected_encs (
    session_id    BLOB    NOT NULL,               -- as in requests.session_id
    position      INTEGER NOT NULL,               -- 0 is the current one; then the history, newest first
    credential_id BLOB    NOT NULL REFERENCES credentials (id),
    PRIMARY KEY (session_id, position)
) STRICT, WITHOUT ROWID;

-- Every key that was ever shown to us or made by us: a certified key is certified once, and was nothing else before.
CREATE TABLE seen_keys (
    key_id   BLOB NOT NULL PRIMARY KEY,
    used_for TEXT NOT NULL,                       -- what it was first seen as
    owner_id BLOB NOT NULL,                       -- the credential, or the session that showed it
    CONSTRAINT seen_key_sizes CHECK (length(key_id) = 32),
    CONSTRAINT seen_key_uses CHECK (used_for IN ('credential', 'session', 'transport'))
) STRICT, WITHOUT ROWID;

-- The audit log: one entry an act, in the same transaction; refusals too. It names what may not exist, so nothing here is a reference.
CREATE TABLE audit (
    seq             INTEGER PRIMARY KEY AUTOINCREMENT,   -- only ever rises
    at              INTEGER NOT NULL,
    who             TEXT    NOT NULL,             -- what sort of actor
    who_id          BLOB,                         -- the operator, the user or the session
    who_fingerprint TEXT,                         -- SHA-256 of the certificate that was shown
    act             TEXT    NOT NULL,
    user_id         BLOB,                         -- whom it concerns
    request_id      BLOB,
    outcome         TEXT    NOT NULL,
    refusal         TEXT,                         -- the stable code
    details         TEXT    NOT NULL,             -- JSON, without secrets
    source          TEXT    NOT NULL,             -- the network address that asked, or `local`
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
    CONSTRAINT audit_details CHECK (json_valid(details))
) STRICT;

CREATE TRIGGER audit_is_not_rewritten BEFORE UPDATE ON audit BEGIN
    SELECT raise(ABORT, 'the audit log is only ever added to');
END;

CREATE TRIGGER audit_is_not_shortened BEFORE DELETE ON audit BEGIN
    SELECT raise(ABORT, 'the audit log is only ever added to');
END;

-- The CRL that was published last. The next takes its place: several a second may be published.
CREATE TABLE crls (
    number      INTEGER PRIMARY KEY,              -- RFC 5280 §5.2.3; only ever rises
    this_update INTEGER NOT NULL,
    next_update INTEGER NOT NULL,
    der         BLOB    NOT NULL
) STRICT;
