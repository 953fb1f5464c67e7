//! A user at the portal: signed in by a browser's means, a cookie.

use mobile_sim::wire::{Client, Reply, Request};
use serde_json::{Value, json};

pub const PASSWORD: &str = "correct horse battery staple";

/// A browser at the portal.
pub struct Browser {
    pub client: Client,
    /// `name=value`, once signed in.
    pub cookie: Option<String>,
}

impl Browser {
    pub fn new(address: &str, roots: &str) -> Self {
        Self { client: Client::new(address.to_owned(), roots, None).unwrap(), cookie: None }
    }

    /// A user whom the help desk gives an initial password, and who sets their own.
    pub async fn of(address: &str, roots: &str, desk: &Client, user: &str, login: &str) -> Self {
        let mut browser = Self::new(address, roots);
        let given = desk.post(&format!("/api/users/{user}/portal-password")).await.unwrap();
        assert_eq!(given.status, 201, "{}", given.text());
        let initial = given.json::<Value>().unwrap()["password"].as_str().unwrap().to_owned();
        let signed_in = browser.sign_in(login, &initial).await;
        assert_eq!(signed_in.status, 200, "{}", signed_in.text());
        let changed = browser.post("/api/password", &json!({ "current": initial, "new": PASSWORD })).await;
        assert_eq!(changed.status, 204, "{}", changed.text());
        browser
    }

    pub async fn sign_in(&mut self, login: &str, password: &str) -> Reply {
        self.post("/api/sign-in", &json!({ "login": login, "password": password })).await
    }

    pub async fn post(&mut self, path: &str, body: &Value) -> Reply {
        let request = Request::post(path).with_json(body).unwrap();
        self.send(request).await
    }

    pub async fn get(&mut self, path: &str) -> Reply {
        self.send(Request::get(path)).await
    }

    /// Sends the cookie, and keeps the one that comes back.
    pub async fn send(&mut self, request: Request) -> Reply {
        let request = match &self.cookie {
            Some(cookie) => request.with_header("cookie", cookie.clone()),
            None => request,
        };
        let reply = self.client.send(request).await.unwrap();
        if let Some(set) = reply.header("set-cookie") {
            self.cookie = set.split(';').next().map(str::to_owned);
        }
        reply
    }

    /// The answer of a ticket for a request of one's own.
    pub async fn ticket(&mut self, request: &str) -> Value {
        let reply = self.post(&format!("/api/requests/{request}/ticket"), &json!({})).await;
        assert_eq!(reply.status, 201, "{}", reply.text());
        reply.json().unwrap()
    }
}
