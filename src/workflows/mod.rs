//! One file for each thing that somebody does: load → decide → apply, in numbered steps. The only thread through the layers: a workflow
//! reads with [`crate::pki`], decides with [`crate::lifecycle`], and keeps with [`crate::store`], in one transaction with its audit entry.
//!
//! Every workflow may be run twice, or die anywhere: what it keeps, it keeps at once, and what it answers, it answers again.

pub mod abandon_session;
pub mod add_operator;
pub mod answer_status;
pub mod approve_request;
pub mod bind_device;
pub mod budget;
pub mod cancel_request;
pub mod check_house;
pub mod checkpoint_audit;
pub mod confirm_issuance;
pub mod create_user;
pub mod deeds;
pub mod deliver_encryption_key;
pub mod deliver_letters;
pub mod describe_user;
mod digits;
pub mod dispute_request;
pub mod enroll_credential;
pub mod errand;
pub mod escrow;
pub mod failure;
pub mod follow_request;
pub mod identify;
pub mod invitation;
pub mod invite_again;
pub mod letters;
pub mod limits;
pub mod look_up_user;
pub mod open_session;
pub mod publish_crl;
pub mod publish_shard;
pub mod recover_keys;
pub mod renew_credential;
pub mod request_initial_issuance;
pub mod rotate_escrow;
pub mod second_step;
mod session;
pub mod set_password;
pub mod settle_dues;
pub mod sign_in;
pub mod sign_in_by_device;
pub mod stock;
pub mod submit_replacement;
pub mod suspend;
pub mod sync_device;
pub mod take_back_original;
pub mod terminate_device;
mod tries;
pub mod verify_audit;
pub mod world;

pub use session::{AtWork, plan};
