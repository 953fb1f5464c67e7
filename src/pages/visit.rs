//! Somebody who looks at pages: at the desk or at the portal.

use maud::Markup;
use uuid::Uuid;

use super::form::{Token, click};
use super::frame::Page;
use super::words::Words;
use crate::http::problem::Problem;
use crate::lifecycle::ids::UserId;
use crate::workflows::failure::Failure;
use crate::workflows::world::{Caller, World};

pub trait Visit: Sync {
    fn words(&self) -> Words;

    fn caller(&self) -> &Caller;

    /// Whom forms are sealed for: who was shown one fills it in.
    fn who(&self) -> &str;

    /// Where all that a user holds is seen.
    fn user_path(user: UserId) -> String;

    /// The vocabulary that tells how an act is undone.
    fn undo_words(&self) -> &'static str {
        "undo"
    }

    /// A page with the navigation of this visitor; `here` is its place in it.
    fn page(&self, here: &'static str, title: impl Into<String>, body: Markup) -> Page;

    fn token(&self, world: &World) -> Result<Token, Failure> {
        Token::new(world, self.who())
    }

    /// Which click it is.
    fn click(&self, world: &World, token: &str) -> Result<Uuid, Problem> {
        click(world, self.who(), token)
    }
}
