//! The desk judged, over real TLS: every act on things in every state by everybody; what a preview promises and what then happens; stock;
//! the officer's whole way with a card in a reader; many at once; and a transaction that fails half-way.

mod colleague;
mod scene;
mod table;

mod cards;
mod crowds;
mod directory;
mod halves;
mod melee;
mod previews;
mod refusals;
mod stock;
