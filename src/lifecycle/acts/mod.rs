//! The acts, one file each: a function from what is held to what changes, or to a refusal.

pub mod abandon;
pub mod approve;
pub mod ask_recovery;
pub mod bind;
pub mod cancel;
pub mod collect;
pub mod collect_recovery;
pub mod decide_recovery;
pub mod enroll;
pub mod escalate;
pub mod invite;
pub mod issue;
pub mod lapse;
pub mod redeem;
pub mod renew;
pub mod request_initial;
pub mod returned;
pub mod submit;
pub mod suspend;
pub mod terminate;
pub mod update;
