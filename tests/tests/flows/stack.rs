//! The deployed stack, and what a web app, a person and an operator do with it.

use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use aws_config::{BehaviorVersion, Region};
use aws_sdk_dynamodb::config::Credentials;
use local::issuer::{TokenRequest, request_token};
use local::stack::{Options, Stack};
use reqwest::{Client, Method, Response};
use serde_json::{Value, json};
use tokio::time::{sleep, timeout};

/// How long anything that happens by itself may take here: far over what it takes, since the machine may be busy.
const PATIENCE: Duration = Duration::from_secs(60);
/// Pause between two looks at something that happens by itself.
const PAUSE: Duration = Duration::from_millis(100);

/// Both scopes.
pub(crate) const BOTH: &str = "purchases:read purchases:write";

/// The deployed stack.
pub(crate) struct Deployed {
    stack: Stack,
    pub(crate) http: Client,
    pub(crate) aws: aws_config::SdkConfig,
    counter: AtomicU32,
}

/// An answer of the API.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: reqwest::header::HeaderMap,
    pub(crate) body: Value,
}

impl Deployed {
    pub(crate) async fn start() -> Result<Self, String> {
        let mut options = Options::new(format!("flows-{}", std::process::id()));
        // Short enough that a flow sees a lease end, long enough for a slow machine.
        let parameters = [
            ("SweepSchedule", "DISABLED"),
            ("SweepStepSeconds", "1"),
            ("PollAgeSeconds", "1"),
            ("LeaseSeconds", "4"),
            ("TwilioTimeoutMilliseconds", "2000"),
            // All flows at once are one platform, and more people than come in a minute.
            ("PersonaRequestsPerMinute", "60000"),
        ];
        options.parameters = parameters.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
        let stack = Stack::start(options).await.map_err(|error| error.to_string())?;
        let aws = aws_config::defaults(BehaviorVersion::latest())
            .region(Region::new("us-east-1"))
            .credentials_provider(Credentials::new("test", "test", None, None, "tests"))
            .endpoint_url(&stack.aws_endpoint_url)
            .load()
            .await;
        let http = Client::builder().no_proxy().build().map_err(|error| error.to_string())?;
        Ok(Self { stack, http, aws, counter: AtomicU32::new(0) })
    }

    pub(crate) async fn stop(self) {
        self.stack.stop().await;
    }

    pub(crate) fn description(&self) -> &local::stack::Description {
        self.stack.description()
    }

    /// A sub-account that no other flow uses.
    pub(crate) fn sub_account(&self) -> String {
        format!("Flow{}", self.counter.fetch_add(1, Ordering::SeqCst))
    }

    /// A number in this area code that no other flow uses.
    pub(crate) fn number(&self, area_code: &str) -> String {
        format!("+1{area_code}555{:04}", 2000 + self.counter.fetch_add(1, Ordering::SeqCst))
    }

    pub(crate) async fn token(&self, sub_account: &str, scope: &str) -> String {
        self.stack.token(sub_account, scope).await.expect("the issuer answers")
    }

    /// A token of an agency's own.
    pub(crate) async fn agency_token(&self, agency: &str) -> String {
        let (agency, scope) = (Some(agency.to_owned()), Some(BOTH.to_owned()));
        let request = TokenRequest { agency, scope, ..TokenRequest::default() };
        request_token(&self.stack.issuer_url, &request).await.expect("the issuer answers")
    }

    /// Calls the API as this sub-account, or as nobody.
    pub(crate) async fn call(
        &self,
        method: Method,
        path: &str,
        token: Option<&str>,
        headers: &[(&str, &str)],
        body: Option<String>,
    ) -> Answer {
        let mut request = self.http.request(method, format!("{}/v1{path}", self.stack.api_url));
        if let Some(token) = token {
            request = request.bearer_auth(token);
        }
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        if let Some(body) = body {
            request = request.header("content-type", "application/json").body(body);
        }
        Answer::of(request.send().await.expect("the gateway answers")).await
    }

    /// Asks for a number.
    pub(crate) async fn ask(&self, sub_account: &str, key: &str, number: &str) -> Answer {
        let token = self.token(sub_account, BOTH).await;
        let body = json!({"kind": "number", "phone_number": number}).to_string();
        let path = format!("/sub-accounts/{sub_account}/purchases");
        self.call(Method::POST, &path, Some(&token), &[("idempotency-key", key)], Some(body)).await
    }

    /// Reads a purchase until it is in this state.
    pub(crate) async fn until(&self, sub_account: &str, id: &str, state: &str) -> Value {
        let token = self.token(sub_account, BOTH).await;
        let path = format!("/sub-accounts/{sub_account}/purchases/{id}");
        let mut last = Value::Null;
        let reached = timeout(PATIENCE, async {
            loop {
                last = self.call(Method::GET, &path, Some(&token), &[], None).await.body;
                if last["state"] == state {
                    return;
                }
                sleep(PAUSE).await;
            }
        })
        .await;
        assert!(reached.is_ok(), "the purchase did not become {state}: {last}");
        last
    }

    /// Sweeps until `done` says so, as the schedule would every minute.
    pub(crate) async fn sweep_until<F: Future<Output = bool>>(&self, mut done: impl FnMut() -> F) {
        let reached = timeout(PATIENCE, async {
            while !done().await {
                self.sweep().await;
                sleep(PAUSE).await;
            }
        })
        .await;
        assert!(reached.is_ok(), "sweeping led nowhere");
    }

    /// Invokes the sweeper once; what it says of the sweep.
    pub(crate) async fn sweep(&self) -> Value {
        self.lambda(Method::POST, "sweeper", "invocations", json!({})).await
    }

    /// Changes variables of a function's environment; those that it had.
    pub(crate) async fn set_variables(&self, function: &str, variables: &[(&str, &str)]) -> Value {
        let before = self.lambda(Method::GET, function, "configuration", Value::Null).await["Environment"].clone();
        let mut after = before.clone();
        for (name, value) in variables {
            after["Variables"][name] = json!(value);
        }
        self.set_environment(function, &after).await;
        before
    }

    /// Gives a function this environment.
    pub(crate) async fn set_environment(&self, function: &str, environment: &Value) {
        self.lambda(Method::PUT, function, "configuration", json!({"Environment": environment})).await;
    }

    /// One call of the emulator's Lambda.
    async fn lambda(&self, method: Method, function: &str, what: &str, body: Value) -> Value {
        let name = &self.description().functions[function];
        let url = format!("{}/2015-03-31/functions/{name}/{what}", self.stack.aws_endpoint_url);
        let authorization = "AWS4-HMAC-SHA256 Credential=test/20261122/us-east-1/lambda/aws4_request, \
                             SignedHeaders=host, Signature=0";
        let request = self.http.request(method, url).header("authorization", authorization);
        let request = if body.is_null() { request } else { request.body(body.to_string()) };
        let answer = request.send().await.expect("the emulator answers");
        assert!(answer.status().is_success(), "{function}, {what}: {}", answer.text().await.unwrap_or_default());
        answer.json().await.expect("Lambda answers in JSON")
    }

    /// What a person does in front of the camera, and what Persona then decides.
    pub(crate) async fn act(&self, inquiry: &str, actions: &[&str]) {
        let actions: Vec<Value> = actions.iter().map(|action| json!({"type": action})).collect();
        let url = format!("{}/api/v1/inquiries/{inquiry}/perform-simulate-actions", self.stack.persona_url);
        let body = json!({"meta": {"simulate-actions": actions}});
        let request = self.http.post(url).bearer_auth(&self.stack.persona_api_key).json(&body);
        let answer = request.send().await.expect("Persona's simulator answers");
        assert!(answer.status().is_success(), "Persona refused: {}", answer.text().await.unwrap_or_default());
    }

    /// Makes a fresh sub-account verified through a purchase; its id.
    pub(crate) async fn verified(&self) -> String {
        let sub_account = self.sub_account();
        let asked = self.ask(&sub_account, "to-verify", &self.number("212")).await;
        assert_eq!(asked.status, 202, "{}", asked.body);
        self.act(asked.text("/verification/inquiry_id"), &["start_inquiry", "complete_inquiry"]).await;
        self.until(&sub_account, asked.text("/id"), "completed").await;
        sub_account
    }

    /// What Twilio's simulator has of a number.
    pub(crate) async fn owned(&self, number: &str) -> Vec<Value> {
        let account = &self.stack.twilio_account_sid;
        let url = format!("{}/2010-04-01/Accounts/{account}/IncomingPhoneNumbers.json", self.stack.twilio_url);
        let request = self.http.get(url).basic_auth(account, Some(&self.stack.twilio_auth_token));
        let answer = request.query(&[("PhoneNumber", number)]).send().await.expect("Twilio's simulator answers");
        let list: Value = answer.json().await.expect("Twilio's simulator answers in JSON");
        list["incoming_phone_numbers"].as_array().expect("is a list").clone()
    }

    /// Arms a fault at one of the simulators.
    pub(crate) async fn fault(&self, simulator_url: &str, fault: &Value) {
        let request = self.http.post(format!("{simulator_url}/simulator/faults")).json(fault);
        let answer = request.send().await.expect("the simulator answers");
        assert!(answer.status().is_success(), "refused: {}", answer.text().await.unwrap_or_default());
    }

    /// Tells Twilio's simulator what Lookup says.
    pub(crate) async fn lookup(&self, orders: &Value) {
        let request = self.http.post(format!("{}/simulator/lookup", self.description().twilio_url)).json(orders);
        let answer = request.send().await.expect("the simulator answers");
        assert!(answer.status().is_success(), "refused: {}", answer.text().await.unwrap_or_default());
    }

    /// Every item of the table, as DynamoDB's JSON has it. Only a test may scan.
    pub(crate) async fn everything_stored(&self) -> String {
        let client = aws_sdk_dynamodb::Client::new(&self.aws);
        let mut pages = client.scan().table_name(&self.stack.table_name).into_paginator().items().send();
        let mut stored = Vec::new();
        while let Some(item) = pages.next().await {
            stored.push(format!("{:?}", item.expect("the emulator answers")));
        }
        stored.join("\n")
    }

    /// How many messages lie in a queue.
    pub(crate) async fn messages_in(&self, queue_url: &str) -> u32 {
        let url = &self.stack.aws_endpoint_url;
        let body = json!({"QueueUrl": queue_url, "AttributeNames": ["ApproximateNumberOfMessages"]});
        let answer = self.sqs(url, "GetQueueAttributes", &body).await;
        answer["Attributes"]["ApproximateNumberOfMessages"].as_str().and_then(|text| text.parse().ok()).unwrap_or(0)
    }

    /// Puts a message of this text into the purchase queue.
    pub(crate) async fn send_by_hand(&self, text: &str) {
        self.send_to(&self.stack.purchase_queue_url, text).await;
    }

    /// Puts a message of this text into a queue.
    pub(crate) async fn send_to(&self, queue_url: &str, text: &str) {
        let body = json!({"QueueUrl": queue_url, "MessageBody": text});
        let sent = self.sqs(&self.stack.aws_endpoint_url, "SendMessage", &body).await;
        assert!(sent["MessageId"].is_string(), "{sent}");
    }

    /// How long a message that was received from a queue is hidden from now on.
    pub(crate) async fn hide_for(&self, queue_url: &str, seconds: u32) {
        let attributes = json!({"VisibilityTimeout": seconds.to_string()});
        let body = json!({"QueueUrl": queue_url, "Attributes": attributes});
        self.sqs(&self.stack.aws_endpoint_url, "SetQueueAttributes", &body).await;
    }

    async fn sqs(&self, url: &str, action: &str, body: &Value) -> Value {
        let authorization = "AWS4-HMAC-SHA256 Credential=test/20261122/us-east-1/sqs/aws4_request, \
                             SignedHeaders=host, Signature=0";
        let request = self
            .http
            .post(url)
            .header("authorization", authorization)
            .header("x-amz-target", format!("AmazonSQS.{action}"))
            .header("content-type", "application/x-amz-json-1.0")
            .body(body.to_string());
        let answer = request.send().await.expect("the emulator answers");
        assert!(answer.status().is_success(), "{action}: {}", answer.text().await.unwrap_or_default());
        // Some actions answer with nothing.
        serde_json::from_str(&answer.text().await.unwrap_or_default()).unwrap_or(Value::Null)
    }
}

impl Answer {
    async fn of(response: Response) -> Self {
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        let text = response.text().await.unwrap_or_default();
        Self { status, headers, body: serde_json::from_str(&text).unwrap_or(Value::Null) }
    }

    /// The text at this place of the body.
    pub(crate) fn text(&self, pointer: &str) -> &str {
        self.body.pointer(pointer).and_then(Value::as_str).unwrap_or_else(|| panic!("no {pointer} in {}", self.body))
    }
}
