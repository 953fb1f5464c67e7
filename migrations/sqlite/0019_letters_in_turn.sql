-- Letters that wait are found in their turn without a look at all that wait: the codes first, and of one address the earlier ones.
CREATE INDEX letters_codes ON letters (written_at, id) WHERE state = 'waiting' AND kind = 'sign-in-code';
CREATE INDEX letters_waiting_by_recipient ON letters (recipient, written_at, id) WHERE state = 'waiting';
