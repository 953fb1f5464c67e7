-- What was done to a user, for the page of the user: found without reading the log of everybody.
CREATE INDEX audit_of_user ON audit (user_id, seq) WHERE user_id IS NOT NULL;
CREATE INDEX audit_of_request ON audit (request_id, seq) WHERE request_id IS NOT NULL;
