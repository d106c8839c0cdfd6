//! DynamoDB's protocol in this process (the crate `dynoxide-rs`), with a table as the template makes it.

use adapters::dynamodb::DynamoDb;
use adapters::store::{BY_TIME, DUE_AT, DUE_SHARD, PK, SK};
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::config::{BehaviorVersion, Credentials, Region};
use aws_sdk_dynamodb::types::{
    AttributeDefinition, BillingMode, GlobalSecondaryIndex, KeySchemaElement, KeyType, LocalSecondaryIndex, Projection,
    ProjectionType, ScalarAttributeType,
};
use tokio::net::TcpListener;
use tokio::task::JoinSet;

/// Name of the table in every test.
const TABLE: &str = "dialgate";

/// A running server with its table; it ends with this value.
#[derive(Debug)]
pub struct Server {
    client: Client,
    url: String,
    _tasks: JoinSet<()>,
}

impl Server {
    /// Starts on a free port and makes the table.
    pub async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let url = format!("http://{}", listener.local_addr().expect("a bound port has an address"));
        let database = dynoxide::Database::memory().expect("a database in memory");
        let mut tasks = JoinSet::new();
        tasks.spawn(dynoxide::server::serve_on(listener, database));
        let client = Client::from_conf(
            aws_sdk_dynamodb::Config::builder()
                .behavior_version(BehaviorVersion::latest())
                .region(Region::new("us-east-1"))
                .credentials_provider(Credentials::new("test", "test", None, None, "tests"))
                .endpoint_url(&url)
                .build(),
        );
        make_table(&client).await;
        Self { client, url, _tasks: tasks }
    }

    /// The table, through the adapter.
    pub fn table(&self) -> DynamoDb {
        DynamoDb::new(self.client.clone(), TABLE.to_owned())
    }

    /// The table's client, for items that the adapter never writes.
    pub fn client(&self) -> &Client {
        &self.client
    }

    /// Where it is.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The table's name.
    pub fn table_name(&self) -> &'static str {
        TABLE
    }
}

/// The table of `template.yaml`: keys, the local index `by_time`, the sparse index `due`, both with keys only.
async fn make_table(client: &Client) {
    let keys_only = || Projection::builder().projection_type(ProjectionType::KeysOnly).build();
    let local = LocalSecondaryIndex::builder()
        .index_name("by_time")
        .set_key_schema(Some(vec![key(PK, KeyType::Hash), key(BY_TIME, KeyType::Range)]))
        .projection(keys_only())
        .build()
        .expect("is complete");
    let global = GlobalSecondaryIndex::builder()
        .index_name("due")
        .set_key_schema(Some(vec![key(DUE_SHARD, KeyType::Hash), key(DUE_AT, KeyType::Range)]))
        .projection(keys_only())
        .build()
        .expect("is complete");
    let attributes = [
        (PK, ScalarAttributeType::S),
        (SK, ScalarAttributeType::S),
        (BY_TIME, ScalarAttributeType::S),
        (DUE_SHARD, ScalarAttributeType::S),
        (DUE_AT, ScalarAttributeType::N),
    ];
    client
        .create_table()
        .table_name(TABLE)
        .billing_mode(BillingMode::PayPerRequest)
        .set_attribute_definitions(Some(attributes.into_iter().map(attribute).collect()))
        .set_key_schema(Some(vec![key(PK, KeyType::Hash), key(SK, KeyType::Range)]))
        .local_secondary_indexes(local)
        .global_secondary_indexes(global)
        .send()
        .await
        .expect("the table is made");
}

fn key(name: &str, kind: KeyType) -> KeySchemaElement {
    KeySchemaElement::builder().attribute_name(name).key_type(kind).build().expect("is complete")
}

fn attribute((name, kind): (&str, ScalarAttributeType)) -> AttributeDefinition {
    AttributeDefinition::builder().attribute_name(name).attribute_type(kind).build().expect("is complete")
}
