//! A story, as its file tells it. An unknown key is an error.

use std::collections::BTreeMap;

use serde::Deserialize;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Story {
    pub title: String,
    #[allow(dead_code, reason = "for its readers")]
    pub source: String,
    #[serde(default)]
    pub user: Vec<UserLine>,
    #[serde(default)]
    pub device: Vec<DeviceLine>,
    #[serde(default)]
    pub step: Vec<Step>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct UserLine {
    pub name: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DeviceLine {
    pub name: String,
    pub kind: String,
    pub user: Option<String>,
    #[serde(default)]
    pub carries: Vec<String>,
    pub state: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Step {
    pub by: String,
    #[serde(rename = "do")]
    pub act: String,
    pub request: Option<String>,
    pub target: Option<String>,
    pub reason: Option<String>,
    pub mode: Option<String>,
    pub device: Option<String>,
    pub credential: Option<String>,
    pub user: Option<String>,
    pub kind: Option<String>,
    pub until: Option<String>,
    pub days: Option<i64>,
    pub hours: Option<i64>,
    pub refused: Option<String>,
    #[serde(default)]
    pub now: Now,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Now {
    #[serde(default)]
    pub devices: BTreeMap<String, String>,
    #[serde(default)]
    pub credentials: BTreeMap<String, String>,
    #[serde(default)]
    pub requests: BTreeMap<String, String>,
    #[serde(default)]
    pub carries: BTreeMap<String, Vec<String>>,
}
