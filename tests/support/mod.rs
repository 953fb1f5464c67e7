//! What the tests share: a house in a temporary folder, a clock that they move, chance that repeats, and a device without a wire.
#![allow(dead_code, reason = "each test binary uses its part")]

pub mod device;
pub mod house;
pub mod live;
pub mod openssl;
pub mod record;
pub mod wire_device;
