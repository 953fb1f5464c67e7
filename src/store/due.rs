//! What falls due by itself: for whom, and when next. Which acts it is that fall due, the rules read off the holdings.

use jiff::{SignedDuration, Timestamp};

use super::Store;
use super::column::Millis;
use super::error::StoreError;
use super::sql::query;
use crate::lifecycle::ids::UserId;

impl Store {
    /// Users whose stand-in should have lapsed, or who have a lost or stolen device that nobody replaced within `escalation`.
    pub async fn users_with_dues(&self, now: Timestamp, escalation: Option<SignedDuration>, limit: u32) -> Result<Vec<UserId>, StoreError> {
        let lapsing = query("SELECT user_id FROM devices WHERE state = 'issued' AND stand_in_until <= ? ORDER BY stand_in_until LIMIT ?");
        let mut users: Vec<UserId> = lapsing.bind(Millis(now)).bind(limit).column(&self.readers).await?;
        if let Some(opened_before) = escalation.and_then(|after| now.checked_sub(after).ok()) {
            let escalating = query(
                "SELECT requests.user_id FROM requests JOIN devices ON devices.id = line_target \
                 WHERE requests.state IN ('awaiting-approval', 'approved', 'bound', 'issuing') AND opened_at <= ? \
                 AND reason IN ('lost', 'stolen') AND devices.state = 'issued' ORDER BY opened_at LIMIT ?",
            );
            let escalating: Vec<UserId> = escalating.bind(Millis(opened_before)).bind(limit).column(&self.readers).await?;
            users.extend(escalating);
        }
        users.sort();
        users.dedup();
        Ok(users)
    }

    /// When something falls due next: a session's end, a stand-in's, or an escalation.
    pub async fn next_due(&self, escalation: Option<SignedDuration>) -> Result<Option<Timestamp>, StoreError> {
        let session = query(
            "SELECT min(sessions.expires_at) FROM requests JOIN sessions ON sessions.id = requests.session_id \
             WHERE requests.state = 'issuing'",
        );
        let lapse = query("SELECT min(stand_in_until) FROM devices WHERE state = 'issued' AND stand_in_until IS NOT NULL");
        let opened = query(
            "SELECT min(opened_at) FROM requests JOIN devices ON devices.id = line_target \
             WHERE requests.state IN ('awaiting-approval', 'approved', 'bound', 'issuing') \
             AND reason IN ('lost', 'stolen') AND devices.state = 'issued'",
        );
        let session: Option<Millis> = session.cell(&self.readers).await?.flatten();
        let lapse: Option<Millis> = lapse.cell(&self.readers).await?.flatten();
        let opened: Option<Millis> = match escalation {
            Some(_) => opened.cell(&self.readers).await?.flatten(),
            None => None,
        };
        let escalates = opened.and_then(|opened| opened.0.checked_add(escalation?).ok());
        let times = [session.map(|at| at.0), lapse.map(|at| at.0), escalates];
        Ok(times.into_iter().flatten().min())
    }
}
