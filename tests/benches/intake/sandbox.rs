//! The `bootstrap` of `persona-webhook` as Lambda would run it, over doubles of its neighbours on loopback.

use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};
use tests::world::{SECRET, TEMPLATE};
use tokio::net::TcpListener;

/// How often Linux counts processor time, in ticks a second: `getconf CLK_TCK` says 100 on every platform of ours.
const TICKS_PER_S: u64 = 100;

/// Where the sandboxes find their neighbours.
pub(crate) struct Addresses {
    /// Lambda's Runtime API, as host and port.
    pub(crate) runtime_api: String,
    /// The table.
    pub(crate) table_url: String,
    /// The table's name.
    pub(crate) table_name: &'static str,
    /// The queue.
    pub(crate) queue_url: String,
}

/// A running function; ends with this value.
pub(crate) struct Sandbox(Child);

impl Sandbox {
    /// Starts it.
    pub(crate) fn start(bootstrap: &Path, addresses: &Addresses) -> Self {
        let child = Command::new(bootstrap)
            .env_clear()
            .envs([
                ("AWS_LAMBDA_RUNTIME_API", addresses.runtime_api.as_str()),
                ("AWS_LAMBDA_FUNCTION_NAME", "intake"),
                ("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST"),
                ("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "256"),
                ("AWS_LAMBDA_LOG_GROUP_NAME", "intake"),
                ("AWS_LAMBDA_LOG_STREAM_NAME", "intake"),
                ("AWS_REGION", "us-east-1"),
                ("AWS_ACCESS_KEY_ID", "test"),
                ("AWS_SECRET_ACCESS_KEY", "test"),
                ("AWS_ENDPOINT_URL_DYNAMODB", &addresses.table_url),
                ("AWS_ENDPOINT_URL_SQS", &addresses.queue_url),
                ("TABLE_NAME", addresses.table_name),
                ("PURCHASE_QUEUE_URL", &format!("{}/123456789012/purchases", addresses.queue_url)),
                ("PERSONA_BASE_URL", "http://127.0.0.1:9/api/v1"),
                ("PERSONA_API_KEY", "persona_sandbox_bench"),
                ("PERSONA_TEMPLATE_ID", TEMPLATE),
                ("PERSONA_WEBHOOK_SECRETS", SECRET),
            ])
            .stdout(Stdio::null())
            .spawn()
            .expect("the function can be started: cargo build -p persona-webhook");
        Self(child)
    }

    /// Processor time that it has used, user's and system's (proc(5), `/proc/pid/stat`).
    pub(crate) fn processor_time(&self) -> Duration {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.0.id())).expect("it runs");
        let fields: Vec<&str> = stat.rsplit(')').next().unwrap_or_default().split_whitespace().collect();
        let ticks: u64 = [11, 12].into_iter().filter_map(|place| fields.get(place)?.parse::<u64>().ok()).sum();
        Duration::from_millis(ticks * 1000 / TICKS_PER_S)
    }
}

impl Drop for Sandbox {
    fn drop(&mut self) {
        // One that has ended already cannot be ended again.
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

/// A queue that takes everything (Amazon SQS, "SendMessageBatch"); its address.
pub(crate) async fn queue() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let url = format!("http://{}", listener.local_addr().expect("a bound port has an address"));
    tokio::spawn(async move { axum::serve(listener, Router::new().fallback(sent)).await });
    url
}

async fn sent(body: Bytes) -> Response {
    let request: Value = serde_json::from_slice(&body).unwrap_or(Value::Null);
    let entries = request["Entries"].as_array().cloned().unwrap_or_default();
    let taken: Vec<Value> = entries
        .iter()
        .map(|entry| json!({"Id": entry["Id"], "MessageId": "m", "MD5OfMessageBody": "d41d8cd98f00b204e9800998ecf8427e"}))
        .collect();
    let answer = json!({"Successful": taken, "Failed": []}).to_string();
    (StatusCode::OK, [("content-type", "application/x-amz-json-1.0")], answer).into_response()
}
