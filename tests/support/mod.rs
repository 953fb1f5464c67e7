//! What the tests share: a house in a temporary folder, a clock that they move, chance that repeats, and a device without a wire; and the
//! real server as a process, with what judges it from outside.
#![allow(dead_code, reason = "each test binary uses its part")]

pub mod android;
pub mod cluster;
pub mod database;
pub mod device;
pub mod house;
pub mod live;
pub mod mutator;
pub mod no;
pub mod openssl;
pub mod outcome;
pub mod portal;
pub mod process;
pub mod record;
pub mod relay;
pub mod relying_party;
pub mod stage;
pub mod wire_device;
pub mod witness;
