//! The stock: blank cards, added one by one or as a list.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use maud::html;
use serde::Deserialize;

use super::Visitor;
use crate::http::problem::Problem;
use crate::http::words::{Queried, id};
use crate::lifecycle::actor::Role;
use crate::lifecycle::device::DeviceKind;
use crate::lifecycle::ids::DeviceId;
use crate::pages::form::Filled;
use crate::pages::frame::Page;
use crate::pages::going::see;
use crate::pages::parts::{name, wrong, wrong_field};
use crate::pages::visit::Visit;
use crate::workflows::deeds::Outcome;
use crate::workflows::failure::Failure;
use crate::workflows::stock::{NewStock, add_stock, import_stock};
use crate::workflows::world::World;

const PAGE: u32 = 100;

#[derive(Deserialize)]
pub struct StockQuery {
    after: Option<String>,
}

pub async fn stock(State(world): State<Arc<World>>, visitor: Visitor, Queried(query): Queried<StockQuery>) -> Result<Page, Problem> {
    visitor.caller.actor.must_be(Role::IssuanceOfficer).map_err(Failure::from)?;
    let after = query.after.as_deref().map(|text| id("device", text)).transpose()?;
    page(&world, &visitor, after, Typed::default()).await
}

/// What was typed, and what is wrong with it.
#[derive(Clone, Copy, Default)]
struct Typed<'f> {
    serial: &'f str,
    model: &'f str,
    wrong: Option<(&'f str, &'f str)>,
}

async fn page(world: &World, visitor: &Visitor, after: Option<DeviceId>, typed: Typed<'_>) -> Result<Page, Problem> {
    let words = visitor.words;
    let cards = world.store.stock(after, PAGE).await.map_err(Failure::from)?;
    let next = cards.last().filter(|_| cards.len() == PAGE as usize).map(|last| last.id);
    let body = html! {
        h1 { (words.say("stock-title")) }
        (wrong(words, typed.wrong))
        form method="post" {
            (visitor.token(world)?.field())
            label for="serial" { (words.say("stock-serial")) }
            input #serial name="serial" required maxlength="64" autocomplete="off" value=(typed.serial);
            label for="model" { (words.say("stock-model")) }
            input #model name="model" maxlength="64" value=(typed.model);
            button.primary { (words.say("stock-add")) }
        }
        p { a href="/stock/import" { (words.say("stock-import-title")) } }
        @if cards.is_empty() { p { (words.say("stock-empty")) } } @else {
            div.scroll tabindex="0" role="region" aria-label=(words.say("stock-title")) {
                table {
                    thead { tr { th scope="col" { (words.say("stock-serial")) } th scope="col" { (words.say("stock-model")) } } }
                    tbody { @for card in &cards { tr { td { code { (card.serial) } } td { (name(&card.model)) } } } }
                }
            }
        }
        @if let Some(next) = next { p { a href={ "?after=" (next) } { (words.say("next-page")) } } }
    };
    Ok(visitor.page("/stock", words.say("stock-title"), body))
}

#[derive(Deserialize)]
pub struct CardFields {
    token: String,
    serial: String,
    #[serde(default)]
    model: String,
}

pub async fn add(State(world): State<Arc<World>>, visitor: Visitor, Filled(fields): Filled<CardFields>) -> Result<Response, Problem> {
    let click = visitor.click(&world, &fields.token)?;
    let model = Some(fields.model.trim()).filter(|model| !model.is_empty()).unwrap_or("card").to_owned();
    let new = NewStock { kind: DeviceKind::SmartCard, serial: fields.serial.trim().to_owned(), model };
    let (at, caller) = (Arc::clone(&world), visitor.caller.clone());
    let act = async move { add_stock(&at, &caller, new, false).await.map(|_| Outcome::default()) };
    match world.deeds.once(world.now(), click, visitor.who(), act).await {
        Ok(_) => Ok(see("/stock")),
        Err(failure) => {
            let Some((field, told)) = wrong_field(visitor.words, &failure, &["serial", "model"]) else { return Err(failure.into()) };
            let typed = Typed { serial: &fields.serial, model: &fields.model, wrong: Some((field, &told)) };
            Ok(page(&world, &visitor, None, typed).await?.again())
        }
    }
}

/// A list of cards, pasted.
pub async fn list(State(world): State<Arc<World>>, visitor: Visitor) -> Result<Page, Problem> {
    visitor.caller.actor.must_be(Role::IssuanceOfficer).map_err(Failure::from)?;
    Ok(list_page(&world, &visitor, "", None)?)
}

fn list_page(world: &World, visitor: &Visitor, text: &str, told: Option<&str>) -> Result<Page, Failure> {
    let words = visitor.words;
    let body = html! {
        h1 { (words.say("stock-import-title")) }
        (wrong(words, told.map(|told| ("list", told))))
        form method="post" {
            (visitor.token(world)?.field())
            label for="list" { (words.say("stock-list")) }
            p.hint #list-hint { (words.say("stock-list-hint")) }
            textarea #list name="list" rows="12" required aria-describedby="list-hint" { (text) }
            button.primary { (words.say("stock-import")) }
            " " a href="/stock" { (words.say("leave-it")) }
        }
    };
    Ok(visitor.page("/stock", words.say("stock-import-title"), body))
}

#[derive(Deserialize)]
pub struct ListFields {
    token: String,
    list: String,
}

pub async fn import(State(world): State<Arc<World>>, visitor: Visitor, Filled(fields): Filled<ListFields>) -> Result<Response, Problem> {
    let click = visitor.click(&world, &fields.token)?;
    let (at, caller, csv) = (Arc::clone(&world), visitor.caller.clone(), fields.list.clone());
    let act = async move { import_stock(&at, &caller, &csv, false).await.map(|_| Outcome::default()) };
    match world.deeds.once(world.now(), click, visitor.who(), act).await {
        Ok(_) => Ok(see("/stock")),
        Err(Failure::Invalid { detail, .. }) => Ok(list_page(&world, &visitor, &fields.list, Some(&detail))?.again()),
        Err(failure) => Err(failure.into()),
    }
}
