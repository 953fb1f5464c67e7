-- Stock, and what falls due by itself.

-- A card that somebody hands out is known by its maker's serial number, once and for ever. A phone is not: one that is issued to again is a
-- new device.
CREATE UNIQUE INDEX devices_of_stock_kinds ON devices (kind, serial) WHERE kind = 'smart-card';

-- What is in stock, in the order in which it is listed.
CREATE INDEX devices_in_stock ON devices (kind, serial) WHERE state = 'available';

-- Stand-ins in use, by the time when they lapse.
CREATE INDEX devices_standing_in ON devices (stand_in_until) WHERE state = 'issued' AND stand_in_until IS NOT NULL;
