//! What people do and see: the desk's acts by everybody on everything, the pages, the portal, and the letters.

#![allow(clippy::unwrap_used, reason = "a test that meets what it does not expect fails, and says where")]

#[path = "../support/mod.rs"]
mod support;

mod desk_acts;
mod letters;
mod pages;
mod portal;
