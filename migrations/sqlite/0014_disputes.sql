-- What users say was not them: the desk sees it on the request until it is closed.
CREATE TABLE disputes (
    request_id BLOB    NOT NULL PRIMARY KEY REFERENCES requests (id),
    since      INTEGER NOT NULL                   -- when the user first said so
) STRICT, WITHOUT ROWID;

-- The letters about a request, for the page of the request.
CREATE INDEX letters_of_request ON letters (request_id) WHERE request_id IS NOT NULL;
