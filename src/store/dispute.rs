//! Disputes: requests of which the user says that it was not them.

use jiff::Timestamp;

use super::Store;
use super::column::Millis;
use super::error::StoreError;
use super::script::Script;
use super::sql::query;
use crate::lifecycle::ids::RequestId;

impl Store {
    /// Since when the user says so of this request.
    pub async fn dispute_of(&self, request: RequestId) -> Result<Option<Timestamp>, StoreError> {
        let found = query("SELECT since FROM disputes WHERE request_id = ?").bind(request);
        Ok(found.cell(&self.readers).await?.map(|since: Millis| since.0))
    }

    /// Open requests that are disputed, oldest first.
    pub async fn disputed_requests(&self, limit: u32) -> Result<Vec<RequestId>, StoreError> {
        let found = query(
            "SELECT request_id FROM disputes JOIN requests ON requests.id = request_id \
             WHERE state IN ('awaiting-approval', 'approved', 'bound', 'issuing') ORDER BY since LIMIT ?",
        );
        Ok(found.bind(limit).column(&self.readers).await?)
    }
}

/// Said twice is said once.
pub(super) fn dispute(script: &mut Script, request: RequestId, since: Timestamp) {
    script
        .run("INSERT INTO disputes (request_id, since) VALUES (?, ?) ON CONFLICT (request_id) DO NOTHING")
        .bind(request)
        .bind(Millis(since));
}
