-- A session that a device opened by its certificate ends with the device: it is good only while the device is active.
ALTER TABLE portal_sessions ADD COLUMN device_id BLOB REFERENCES devices (id);
