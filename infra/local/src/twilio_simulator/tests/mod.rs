//! The simulator over real connections: one of its own for each test, on a free port.

mod access;
mod faults;
mod lookup;
mod numbers;
mod search;
mod shapes;
mod verify;

use std::time::Duration;

use reqwest::{Client, Method, RequestBuilder, Response};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use super::{Settings, serve};

const ACCOUNT: &str = "ACaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";
const TOKEN: &str = "token of the account";
const API_KEY: &str = "SKaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";
const API_SECRET: &str = "secret of the restricted key";

const SERVICE: &str = "VAaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";

/// Longer than any answer takes that comes at all.
const PATIENCE: Duration = Duration::from_secs(20);

/// A running simulator and a client for it.
struct Twilio {
    base_url: String,
    client: Client,
    shutdown: oneshot::Sender<()>,
    server: JoinHandle<std::io::Result<()>>,
}

/// A status and a body, `null` if there is none.
#[derive(Debug, PartialEq)]
struct Answer {
    status: u16,
    body: Value,
}

impl Answer {
    /// The status and the error code.
    fn error(&self) -> (u16, u64) {
        (self.status, self.body["code"].as_u64().unwrap_or_default())
    }

    /// A text of the body.
    fn text(&self, field: &str) -> String {
        self.body[field].as_str().unwrap_or_else(|| panic!("no {field} in {:?}", self.body)).to_owned()
    }

    /// The phone numbers of a list or a search.
    fn phone_numbers(&self) -> Vec<String> {
        ["incoming_phone_numbers", "available_phone_numbers"]
            .iter()
            .find_map(|key| self.body[*key].as_array())
            .unwrap_or_else(|| panic!("no list in {:?}", self.body))
            .iter()
            .map(|item| item["phone_number"].as_str().expect("numbers are texts").to_owned())
            .collect()
    }
}

impl Twilio {
    async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let base_url = format!("http://{}", listener.local_addr().expect("a bound port has an address"));
        let settings = Settings {
            account_sid: ACCOUNT.to_owned(),
            auth_token: TOKEN.to_owned(),
            api_key_sid: API_KEY.to_owned(),
            api_key_secret: API_SECRET.to_owned(),
            verify_service_sid: SERVICE.to_owned(),
            clock_scale: 1.0,
        };
        let (shutdown, ended) = oneshot::channel::<()>();
        let server = tokio::spawn(serve(listener, settings, async move {
            // A dropped sender ends the server too.
            let _ = ended.await;
        }));
        Self { base_url, client: Client::builder().no_proxy().build().expect("a client"), shutdown, server }
    }

    /// A request with the account's credentials to a path below the account.
    fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.request_as(ACCOUNT, TOKEN, method, &format!("/2010-04-01/Accounts/{ACCOUNT}{path}"))
    }

    fn request_as(&self, name: &str, secret: &str, method: Method, path: &str) -> RequestBuilder {
        self.client.request(method, format!("{}{path}", self.base_url)).basic_auth(name, Some(secret)).timeout(PATIENCE)
    }

    async fn get(&self, path: &str) -> Answer {
        read(self.request(Method::GET, path).send().await).await
    }

    async fn post(&self, path: &str, form: &[(&str, &str)]) -> Answer {
        read(self.request(Method::POST, path).form(form).send().await).await
    }

    async fn delete(&self, path: &str) -> Answer {
        read(self.request(Method::DELETE, path).send().await).await
    }

    /// Buys a number under a name.
    async fn buy(&self, number: &str, name: &str) -> Answer {
        self.post("/IncomingPhoneNumbers.json", &[("PhoneNumber", number), ("FriendlyName", name)]).await
    }

    /// The numbers that a list with this filter has.
    async fn list(&self, filter: &[(&str, &str)]) -> Answer {
        read(self.request(Method::GET, "/IncomingPhoneNumbers.json").query(filter).send().await).await
    }

    /// One of the simulator's own routes.
    async fn control(&self, route: &str, body: Value) -> Value {
        let url = format!("{}/simulator/{route}", self.base_url);
        let answer = read(self.client.post(url).json(&body).timeout(PATIENCE).send().await).await;
        assert_eq!(answer.status, 200, "{:?}", answer.body);
        answer.body
    }

    /// Orders one fault for the next purchase.
    async fn fault(&self, fault: Value) {
        self.control("faults", json!({"queue": [{"fault": fault}]})).await;
    }

    async fn state(&self) -> Value {
        let url = format!("{}/simulator/state", self.base_url);
        read(self.client.get(url).timeout(PATIENCE).send().await).await.body
    }
}

async fn read(response: reqwest::Result<Response>) -> Answer {
    let response = response.expect("an answer");
    let status = response.status().as_u16();
    let text = response.text().await.expect("a whole body");
    let body = if text.is_empty() { Value::Null } else { serde_json::from_str(&text).expect("JSON") };
    Answer { status, body }
}
