//! Stock: devices that are known before anybody owns them.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::Operator;
use super::bodies::ProblemBody;
use super::effects::Asked;
use crate::http::body::{Listed, Parsed};
use crate::http::problem::Problem;
use crate::http::words::{Queried, id, parse};
use crate::lifecycle::device::Device;
use crate::workflows::failure::Failure;
use crate::workflows::look_up_user::works_at_the_desk;
use crate::workflows::stock::{NewStock, add_stock, import_stock};
use crate::workflows::world::World;

/// A page of a list is at most so long.
const PAGE: u32 = 50;

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewStockBody {
    /// `smart-card`: other kinds do not come from stock.
    #[schema(example = "smart-card")]
    pub kind: String,
    /// The maker's serial number.
    #[schema(example = "0A31-7702")]
    pub serial: String,
    #[schema(example = "PIV card 4.2")]
    pub model: Option<String>,
}

impl NewStockBody {
    pub fn parsed(self) -> Result<NewStock, Problem> {
        Ok(NewStock { kind: parse("kind", &self.kind)?, serial: self.serial, model: self.model.unwrap_or_else(|| "card".to_owned()) })
    }
}

#[derive(Serialize, ToSchema)]
pub struct StockDeviceBody {
    pub id: String,
    pub kind: &'static str,
    pub serial: String,
    pub model: String,
}

#[derive(Serialize, ToSchema)]
pub struct StockBody {
    pub devices: Vec<StockDeviceBody>,
    /// Give it as `after` for the next page; absent on the last.
    pub next: Option<String>,
}

#[derive(Serialize, ToSchema)]
pub struct ImportedBody {
    /// How many devices the list has.
    pub devices: usize,
    /// False for a preview.
    pub imported: bool,
}

#[derive(Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct StockQuery {
    /// From the `next` of the page before.
    after: Option<String>,
}

impl From<&Device> for StockDeviceBody {
    fn from(device: &Device) -> Self {
        let Device { id, kind, serial, model, .. } = device;
        Self { id: id.to_string(), kind: kind.as_str(), serial: serial.clone(), model: model.clone() }
    }
}

/// What is in stock, by kind and serial number.
#[utoipa::path(get, path = "/api/stock", params(StockQuery), responses((status = 200, body = StockBody), (status = "4XX", body = ProblemBody)))]
pub async fn list(
    State(world): State<Arc<World>>,
    Operator(caller): Operator,
    Queried(query): Queried<StockQuery>,
) -> Result<Json<StockBody>, Problem> {
    works_at_the_desk(&world, &caller, "list-stock").await?;
    let after = query.after.as_deref().map(|text| id("after", text)).transpose()?;
    let devices = world.store.stock(after, PAGE).await.map_err(Failure::from)?;
    let is_full = devices.len() == PAGE as usize;
    let next = devices.last().filter(|_| is_full).map(|device| device.id.to_string());
    Ok(Json(StockBody { devices: devices.iter().map(Into::into).collect(), next }))
}

/// Add a device to stock (issuance officer).
#[utoipa::path(post, path = "/api/stock", params(Asked), request_body = NewStockBody,
    responses((status = 201, body = StockDeviceBody), (status = 200, body = ImportedBody, description = "with preview=true: nothing is added"),
        (status = "4XX", body = ProblemBody)))]
pub async fn add(
    State(world): State<Arc<World>>,
    Operator(caller): Operator,
    asked: Asked,
    Parsed(body): Parsed<NewStockBody>,
) -> Result<Response, Problem> {
    let device = add_stock(&world, &caller, body.parsed()?, asked.is_preview()).await?;
    Ok(match asked.is_preview() {
        true => Json(ImportedBody { devices: 1, imported: false }).into_response(),
        false => (StatusCode::CREATED, Json(StockDeviceBody::from(&device))).into_response(),
    })
}

/// Import a list of devices into stock (issuance officer): `text/csv` with the header `kind,serial` or `kind,serial,model`. All of it is
/// imported, or nothing; the error names the first line that is wrong.
#[utoipa::path(post, path = "/api/stock/import", params(Asked), request_body(content = String, content_type = "text/csv"),
    responses((status = 201, body = ImportedBody), (status = 200, body = ImportedBody, description = "with preview=true: nothing is imported"),
        (status = "4XX", body = ProblemBody)))]
pub async fn import(
    State(world): State<Arc<World>>,
    Operator(caller): Operator,
    asked: Asked,
    headers: HeaderMap,
    Listed(body): Listed,
) -> Result<(StatusCode, Json<ImportedBody>), Problem> {
    is_csv(&headers)?;
    let text = String::from_utf8(body.to_vec()).map_err(|_| Problem::malformed("body: expected: UTF-8"))?;
    let is_preview = asked.is_preview();
    let devices = import_stock(&world, &caller, &text, is_preview).await?;
    let status = if is_preview { StatusCode::OK } else { StatusCode::CREATED };
    Ok((status, Json(ImportedBody { devices, imported: !is_preview })))
}

fn is_csv(headers: &HeaderMap) -> Result<(), Problem> {
    let found = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or("none");
    if found.split(';').next().unwrap_or_default().trim().eq_ignore_ascii_case("text/csv") {
        return Ok(());
    }
    Err(Problem::new("wrong-media-type", format!("content type: found: {found}, expected: text/csv")))
}
