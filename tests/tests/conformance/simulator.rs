//! The simulator, and requests to it as anybody's.

use local::twilio_simulator;
use reqwest::{Client, Method};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::task::JoinSet;

/// The account and its token.
pub(crate) const ACCOUNT: &str = "ACaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";
/// The account's token.
pub(crate) const TOKEN: &str = "token-of-the-account";
/// The restricted API key and its secret.
pub(crate) const API_KEY: &str = "SKaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";
/// The secret of that key.
pub(crate) const API_SECRET: &str = "secret-of-the-restricted-key";
/// The Verify service.
pub(crate) const SERVICE: &str = "VAaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";

/// A running simulator; it ends with its value.
pub(crate) struct Simulator {
    /// Where it listens.
    pub(crate) url: String,
    /// Where requests are sent: there, or to what stands in front of it.
    pub(crate) front: String,
    http: Client,
    _server: JoinSet<()>,
}

impl Simulator {
    /// Starts one.
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let url = format!("http://{}", listener.local_addr().expect("a bound port has an address"));
        let settings = twilio_simulator::Settings {
            account_sid: ACCOUNT.to_owned(),
            auth_token: TOKEN.to_owned(),
            api_key_sid: API_KEY.to_owned(),
            api_key_secret: API_SECRET.to_owned(),
            verify_service_sid: SERVICE.to_owned(),
            clock_scale: 1.0,
        };
        let mut server = JoinSet::new();
        server.spawn(async move {
            twilio_simulator::serve(listener, settings, std::future::pending()).await.expect("it serves");
        });
        let http = Client::builder().no_proxy().build().expect("a client");
        Self { front: url.clone(), url, http, _server: server }
    }

    /// A request; its answer's status and body.
    pub(crate) async fn call(
        &self,
        (user, password): (&str, &str),
        method: &str,
        path: &str,
        pairs: &[(&str, &str)],
    ) -> (u16, Value) {
        let method = Method::from_bytes(method.as_bytes()).expect("a method");
        let request = self.http.request(method.clone(), format!("{}{path}", self.front));
        let request = request.basic_auth(user, Some(password));
        let request = if method == Method::POST { request.form(pairs) } else { request.query(pairs) };
        let answer = request.send().await.expect("an answer");
        let status = answer.status().as_u16();
        (status, serde_json::from_str(&answer.text().await.expect("a body")).unwrap_or(Value::Null))
    }

    /// One of the simulator's own routes.
    pub(crate) async fn control(&self, route: &str, body: Value) {
        let url = format!("{}/simulator/{route}", self.url);
        let answer = self.http.post(url).json(&body).send().await.expect("an answer");
        assert!(answer.status().is_success(), "{}", answer.text().await.unwrap_or_default());
    }

    /// Lets time pass.
    pub(crate) async fn pass(&self, ms: u64) {
        self.control("advance", json!({ "ms": ms })).await;
    }

    /// The code that was sent last.
    pub(crate) async fn code(&self) -> String {
        let answer = self.http.get(format!("{}/simulator/state", self.url)).send().await.expect("an answer");
        let state: Value = serde_json::from_str(&answer.text().await.expect("a body")).expect("is JSON");
        let all = state["verify"]["verifications"].as_array().expect("a list");
        all.last().expect("one was started")["code"].as_str().expect("a text").to_owned()
    }
}
