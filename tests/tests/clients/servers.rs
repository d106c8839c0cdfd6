//! Simulators on free ports; each ends with its value.

use std::time::Duration;

use adapters::config::BaseUrl;
use local::{persona_simulator, twilio_simulator};
use reqwest::Client;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::task::JoinSet;

/// How long a client waits that expects an answer, in milliseconds. Never reached when all is well.
pub(crate) const PATIENT_MS: u64 = 20_000;
/// How long a client waits that expects none, in milliseconds: the test waits as long. A slow machine makes such a test
/// no less right, as the answer never comes, or comes [`SLOW_MS`] later.
pub(crate) const IMPATIENT_MS: u64 = 300;
/// How late an answer is that comes too late, in milliseconds.
pub(crate) const SLOW_MS: u64 = 60_000;

/// The key and the template at Persona.
pub(crate) const PERSONA_KEY: &str = "persona_sandbox_tests";
/// The inquiry template.
pub(crate) const TEMPLATE: &str = "itmpl_tests";

/// The account at Twilio and its token.
pub(crate) const ACCOUNT: &str = "ACaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";
/// The account's token.
pub(crate) const TOKEN: &str = "token-of-the-account";
/// The restricted API key, which may search and not buy.
pub(crate) const API_KEY: &str = "SKaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";
/// The secret of that key.
pub(crate) const API_SECRET: &str = "secret-of-the-restricted-key";

/// The Verify service.
pub(crate) const VERIFY_SERVICE: &str = "VAaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";

/// A running server.
pub(crate) struct Server {
    url: String,
    http: Client,
    _tasks: JoinSet<()>,
}

impl Server {
    /// A simulator of Persona, whose workflow decides nothing.
    pub(crate) async fn persona() -> Self {
        let (listener, url) = listener().await;
        let settings = persona_simulator::Settings {
            api_key: PERSONA_KEY.to_owned(),
            template_id: TEMPLATE.to_owned(),
            template_version_id: "itmplv_tests".to_owned(),
            public_url: url.clone(),
            webhook_secret: None,
            clock_scale: 1.0,
            decision: persona_simulator::Decision::None,
        };
        Self::running(url, async move {
            persona_simulator::serve(listener, settings, std::future::pending()).await.expect("it serves");
        })
    }

    /// A simulator of Twilio.
    pub(crate) async fn twilio() -> Self {
        let (listener, url) = listener().await;
        let settings = twilio_simulator::Settings {
            account_sid: ACCOUNT.to_owned(),
            auth_token: TOKEN.to_owned(),
            api_key_sid: API_KEY.to_owned(),
            api_key_secret: API_SECRET.to_owned(),
            verify_service_sid: VERIFY_SERVICE.to_owned(),
            clock_scale: 1.0,
        };
        Self::running(url, async move {
            twilio_simulator::serve(listener, settings, std::future::pending()).await.expect("it serves");
        })
    }

    /// A server of the test's own.
    pub(crate) fn running(url: String, server: impl Future<Output = ()> + Send + 'static) -> Self {
        let mut tasks = JoinSet::new();
        tasks.spawn(server);
        let http = Client::builder().no_proxy().build().expect("a client");
        Self { url, http, _tasks: tasks }
    }

    /// Its address below this path.
    pub(crate) fn base_url(&self, path: &str) -> BaseUrl {
        BaseUrl::parse(&format!("{}{path}", self.url)).expect("plain http to this machine is allowed")
    }

    /// One of the simulator's own routes.
    pub(crate) async fn control(&self, route: &str, body: Value) {
        let url = format!("{}/simulator/{route}", self.url);
        let answer = self.http.post(url).json(&body).send().await.expect("an answer");
        assert!(answer.status().is_success(), "{}", answer.text().await.unwrap_or_default());
    }

    /// What the simulator says of itself.
    pub(crate) async fn state(&self) -> Value {
        let url = format!("{}/simulator/state", self.url);
        let answer = self.http.get(url).send().await.expect("an answer");
        serde_json::from_str(&answer.text().await.expect("a body")).expect("is JSON")
    }

    /// A call of Persona's API that the client does not make itself.
    pub(crate) async fn persona_call(&self, method: reqwest::Method, path: &str) {
        self.persona_send(method, path, &json!({})).await;
    }

    /// What a person does in front of the camera.
    pub(crate) async fn persona_act(&self, inquiry: &domain::InquiryId, actions: &[&str]) {
        let actions: Vec<Value> = actions.iter().map(|action| json!({"type": action})).collect();
        let body = json!({"meta": {"simulate-actions": actions}});
        self.persona_send(reqwest::Method::POST, &format!("inquiries/{inquiry}/perform-simulate-actions"), &body).await;
    }

    async fn persona_send(&self, method: reqwest::Method, path: &str, body: &Value) {
        let url = format!("{}/api/v1/{path}", self.url);
        let request = self.http.request(method, url).bearer_auth(PERSONA_KEY).json(body);
        let answer = request.send().await.expect("an answer");
        assert!(answer.status().is_success(), "{}", answer.text().await.unwrap_or_default());
    }
}

/// A listener on a free port, and its address.
pub(crate) async fn listener() -> (TcpListener, String) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let url = format!("http://{}", listener.local_addr().expect("a bound port has an address"));
    (listener, url)
}

/// Fails when something takes longer than any wait in these tests.
pub(crate) async fn in_time<T>(doing: impl Future<Output = T>) -> T {
    tokio::time::timeout(Duration::from_millis(PATIENT_MS * 2), doing).await.expect("ends in time")
}
