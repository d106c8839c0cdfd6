//! The table in DynamoDB: renders writes and conditions, and sorts errors into refused, try again, and broken.

use std::collections::HashMap;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_dynamodb::operation::delete_item::DeleteItemError;
use aws_sdk_dynamodb::operation::put_item::PutItemError;
use aws_sdk_dynamodb::operation::transact_write_items::TransactWriteItemsError;
use aws_sdk_dynamodb::operation::update_item::UpdateItemError;
use aws_sdk_dynamodb::types::{
    AttributeValue, CancellationReason, ConditionCheck, Delete, Put, ReturnValuesOnConditionCheckFailure,
    TransactWriteItem, Update,
};

use crate::conflicts::is_passing;
use crate::store::{
    BY_TIME, Condition, DUE_AT, DUE_SHARD, Item, Key, PK, Page, Query, Range, SK, Store, StoreError, TransactError,
    Value, Write, WriteError,
};

/// Name of the global index of what must be visited by time.
const DUE_INDEX: &str = "due";
/// Name of the local index of what is listed by time.
const NEWEST_INDEX: &str = "by_time";

type Attributes = HashMap<String, AttributeValue>;

/// The table in DynamoDB.
#[derive(Debug, Clone)]
pub struct DynamoDb {
    client: Client,
    table: String,
}

impl DynamoDb {
    /// The table of this name, as the functions reach it: what was in conflict with another transaction is tried again.
    #[must_use]
    pub fn with_config(config: &aws_config::SdkConfig, table: String) -> Self {
        Self::new(crate::conflicts::client(config), table)
    }

    /// The table of this name, through this client.
    #[must_use]
    pub fn new(client: Client, table: String) -> Self {
        Self { client, table }
    }
}

impl Store for DynamoDb {
    async fn get(&self, key: &Key) -> Result<Option<Item>, StoreError> {
        let answer = self
            .client
            .get_item()
            .table_name(&self.table)
            .set_key(Some(key_attributes(key)))
            .consistent_read(true)
            .send()
            .await
            .map_err(|error| store_error(&error))?;
        answer.item.map(from_attributes).transpose()
    }

    async fn write(&self, write: Write) -> Result<(), WriteError> {
        let mut expression = Expression::default();
        let condition = write.expect().map(|expect| expression.condition(expect));
        let refused = ReturnValuesOnConditionCheckFailure::AllOld;
        match write {
            Write::Put { item, .. } => self
                .client
                .put_item()
                .table_name(&self.table)
                .set_item(Some(to_attributes(item)))
                .set_condition_expression(condition)
                .set_expression_attribute_names(expression.names())
                .set_expression_attribute_values(expression.values())
                .return_values_on_condition_check_failure(refused)
                .send()
                .await
                .map(|_| ())
                .map_err(|error| {
                    let item = match error.as_service_error() {
                        Some(PutItemError::ConditionalCheckFailedException(refusal)) => Some(refusal.item.clone()),
                        Some(_) | None => None,
                    };
                    write_error(item, || store_error(&error))
                }),
            Write::Update { key, set, remove, .. } => {
                let update = expression.update(set, &remove);
                self.client
                    .update_item()
                    .table_name(&self.table)
                    .set_key(Some(key_attributes(&key)))
                    .update_expression(update)
                    .set_condition_expression(condition)
                    .set_expression_attribute_names(expression.names())
                    .set_expression_attribute_values(expression.values())
                    .return_values_on_condition_check_failure(refused)
                    .send()
                    .await
                    .map(|_| ())
                    .map_err(|error| {
                        let item = match error.as_service_error() {
                            Some(UpdateItemError::ConditionalCheckFailedException(refusal)) => {
                                Some(refusal.item.clone())
                            }
                            Some(_) | None => None,
                        };
                        write_error(item, || store_error(&error))
                    })
            }
            Write::Delete { key, .. } => self
                .client
                .delete_item()
                .table_name(&self.table)
                .set_key(Some(key_attributes(&key)))
                .set_condition_expression(condition)
                .set_expression_attribute_names(expression.names())
                .set_expression_attribute_values(expression.values())
                .return_values_on_condition_check_failure(refused)
                .send()
                .await
                .map(|_| ())
                .map_err(|error| {
                    let item = match error.as_service_error() {
                        Some(DeleteItemError::ConditionalCheckFailedException(refusal)) => Some(refusal.item.clone()),
                        Some(_) | None => None,
                    };
                    write_error(item, || store_error(&error))
                }),
            Write::Check { .. } => {
                Err(StoreError::Broken("a check makes sense only inside a transaction".to_owned()).into())
            }
        }
    }

    async fn transact(&self, writes: Vec<Write>) -> Result<(), TransactError> {
        let mut items = Vec::with_capacity(writes.len());
        for write in writes {
            items.push(self.transact_item(write)?);
        }
        self.client
            .transact_write_items()
            .client_request_token(request_token())
            .set_transact_items(Some(items))
            .send()
            .await
            .map(|_| ())
            .map_err(|error| {
                match error.as_service_error() {
                    Some(TransactWriteItemsError::TransactionCanceledException(cancelled)) => {
                        cancelled_error(cancelled.cancellation_reasons())
                    }
                    // Another try of the same transaction is under way: it may stand or not.
                    Some(TransactWriteItemsError::TransactionInProgressException(_)) => {
                        StoreError::Unavailable("the same transaction is in progress".to_owned()).into()
                    }
                    Some(_) | None => store_error(&error).into(),
                }
            })
    }

    async fn query(&self, query: Query) -> Result<Page, StoreError> {
        let limit = i32::try_from(query.limit).unwrap_or(i32::MAX);
        let request = self.client.query().table_name(&self.table).limit(limit);
        let request = match query.range {
            Range::Partition { pk, sk_prefix } => request
                .consistent_read(true)
                .key_condition_expression("#p = :p AND begins_with(#s, :s)")
                .expression_attribute_names("#p", PK)
                .expression_attribute_names("#s", SK)
                .expression_attribute_values(":p", AttributeValue::S(pk.into_owned()))
                .expression_attribute_values(":s", AttributeValue::S(sk_prefix.into_owned())),
            Range::Newest { pk, prefix } => request
                .index_name(NEWEST_INDEX)
                .consistent_read(true)
                .scan_index_forward(false)
                .key_condition_expression("#p = :p AND begins_with(#s, :s)")
                .expression_attribute_names("#p", PK)
                .expression_attribute_names("#s", BY_TIME)
                .expression_attribute_values(":p", AttributeValue::S(pk.into_owned()))
                .expression_attribute_values(":s", AttributeValue::S(prefix.into_owned())),
            Range::Due { shard, until_ms } => request
                .index_name(DUE_INDEX)
                .key_condition_expression("#p = :p AND #s <= :s")
                .expression_attribute_names("#p", DUE_SHARD)
                .expression_attribute_names("#s", DUE_AT)
                .expression_attribute_values(":p", AttributeValue::S(shard.into_owned()))
                .expression_attribute_values(":s", AttributeValue::N(until_ms.to_string())),
        };
        let answer = request
            .set_exclusive_start_key(query.after.map(to_attributes))
            .send()
            .await
            .map_err(|error| store_error(&error))?;
        let items = answer.items.unwrap_or_default().into_iter().map(from_attributes).collect::<Result<_, _>>()?;
        let next = answer.last_evaluated_key.map(from_attributes).transpose()?;
        Ok(Page { items, next })
    }
}

impl DynamoDb {
    fn transact_item(&self, write: Write) -> Result<TransactWriteItem, StoreError> {
        let mut expression = Expression::default();
        let condition = write.expect().map(|expect| expression.condition(expect));
        let refused = ReturnValuesOnConditionCheckFailure::AllOld;
        let item = TransactWriteItem::builder();
        let built = match write {
            Write::Put { item: put, .. } => Put::builder()
                .table_name(&self.table)
                .set_item(Some(to_attributes(put)))
                .set_condition_expression(condition)
                .set_expression_attribute_names(expression.names())
                .set_expression_attribute_values(expression.values())
                .return_values_on_condition_check_failure(refused)
                .build()
                .map(|put| item.put(put)),
            Write::Update { key, set, remove, .. } => {
                let update = expression.update(set, &remove);
                Update::builder()
                    .table_name(&self.table)
                    .set_key(Some(key_attributes(&key)))
                    .update_expression(update)
                    .set_condition_expression(condition)
                    .set_expression_attribute_names(expression.names())
                    .set_expression_attribute_values(expression.values())
                    .return_values_on_condition_check_failure(refused)
                    .build()
                    .map(|update| item.update(update))
            }
            Write::Delete { key, .. } => Delete::builder()
                .table_name(&self.table)
                .set_key(Some(key_attributes(&key)))
                .set_condition_expression(condition)
                .set_expression_attribute_names(expression.names())
                .set_expression_attribute_values(expression.values())
                .return_values_on_condition_check_failure(refused)
                .build()
                .map(|delete| item.delete(delete)),
            Write::Check { key, .. } => ConditionCheck::builder()
                .table_name(&self.table)
                .set_key(Some(key_attributes(&key)))
                .set_condition_expression(condition)
                .set_expression_attribute_names(expression.names())
                .set_expression_attribute_values(expression.values())
                .return_values_on_condition_check_failure(refused)
                .build()
                .map(|check| item.condition_check(check)),
        };
        built.map(aws_sdk_dynamodb::types::builders::TransactWriteItemBuilder::build).map_err(|error| broken(&error))
    }
}

/// Makes the SDK's own repetitions after a lost answer one and the same transaction (`ClientRequestToken`, at most 36
/// characters). Drawn anew for each transaction of ours: a token that DynamoDB knows is answered with success for ten
/// minutes, without judging a condition or writing anything, so one made of the content would let a repeated check pass
/// that no longer holds. Not left to the SDK, whose generator is seeded once per client.
#[expect(clippy::disallowed_methods, reason = "names a request at DynamoDB; no rule and no answer depends on it")]
fn request_token() -> String {
    uuid::Uuid::new_v4().simple().to_string()
}

/// Collects the names and values that an expression refers to.
#[derive(Default)]
struct Expression {
    names: HashMap<String, String>,
    values: Attributes,
}

impl Expression {
    fn name(&mut self, name: &str) -> String {
        let placeholder = format!("#{name}");
        self.names.insert(placeholder.clone(), name.to_owned());
        placeholder
    }

    fn value(&mut self, value: Value) -> String {
        let placeholder = format!(":v{}", self.values.len());
        self.values.insert(placeholder.clone(), to_attribute(value));
        placeholder
    }

    fn condition(&mut self, condition: &Condition) -> String {
        match condition {
            Condition::ItemAbsent => format!("attribute_not_exists({})", self.name(PK)),
            Condition::ItemPresent => format!("attribute_exists({})", self.name(PK)),
            Condition::Equals(name, value) => format!("{} = {}", self.name(name), self.value(value.clone())),
            Condition::AtMost(name, bound) => format!("{} <= {}", self.name(name), self.value(Value::N(*bound))),
            Condition::Missing(name) => format!("attribute_not_exists({})", self.name(name)),
            Condition::All(conditions) => self.join(conditions, " AND "),
            Condition::Any(conditions) => self.join(conditions, " OR "),
            Condition::Not(condition) => format!("NOT ({})", self.condition(condition)),
        }
    }

    fn join(&mut self, conditions: &[Condition], by: &str) -> String {
        let rendered: Vec<String> =
            conditions.iter().map(|condition| format!("({})", self.condition(condition))).collect();
        rendered.join(by)
    }

    fn update(&mut self, set: Vec<(&'static str, Value)>, remove: &[&'static str]) -> String {
        let sets: Vec<String> =
            set.into_iter().map(|(name, value)| format!("{} = {}", self.name(name), self.value(value))).collect();
        let removes: Vec<String> = remove.iter().map(|name| self.name(name)).collect();
        let mut update = String::new();
        if !sets.is_empty() {
            update = format!("SET {}", sets.join(", "));
        }
        if !removes.is_empty() {
            update = format!("{update} REMOVE {}", removes.join(", "));
        }
        update
    }

    fn names(&self) -> Option<HashMap<String, String>> {
        (!self.names.is_empty()).then(|| self.names.clone())
    }

    fn values(&self) -> Option<Attributes> {
        (!self.values.is_empty()).then(|| self.values.clone())
    }
}

fn key_attributes(key: &Key) -> Attributes {
    HashMap::from([
        (PK.to_owned(), AttributeValue::S(key.pk.to_string())),
        (SK.to_owned(), AttributeValue::S(key.sk.to_string())),
    ])
}

fn to_attribute(value: Value) -> AttributeValue {
    match value {
        Value::S(text) => AttributeValue::S(text.into_owned()),
        Value::N(number) => AttributeValue::N(number.to_string()),
        Value::Bool(bool) => AttributeValue::Bool(bool),
        Value::Map(item) => AttributeValue::M(to_attributes(item)),
        Value::List(values) => AttributeValue::L(values.into_iter().map(to_attribute).collect()),
    }
}

fn to_attributes(item: Item) -> Attributes {
    item.into_iter().map(|(name, value)| (name.into_owned(), to_attribute(value))).collect()
}

fn from_attributes(attributes: Attributes) -> Result<Item, StoreError> {
    attributes.into_iter().map(|(name, value)| from_attribute(value).map(|value| (name, value))).collect()
}

#[expect(clippy::wildcard_enum_match_arm, reason = "DynamoDB has more types than we ever write")]
fn from_attribute(value: AttributeValue) -> Result<Value, StoreError> {
    match value {
        AttributeValue::S(text) => Ok(Value::S(text.into())),
        AttributeValue::N(number) => {
            number.parse().map(Value::N).map_err(|_| StoreError::Broken("a number is no whole number".to_owned()))
        }
        AttributeValue::Bool(bool) => Ok(Value::Bool(bool)),
        AttributeValue::M(attributes) => from_attributes(attributes).map(Value::Map),
        AttributeValue::L(values) => values.into_iter().map(from_attribute).collect::<Result<_, _>>().map(Value::List),
        _ => Err(StoreError::Broken("an attribute has a type that we never write".to_owned())),
    }
}

fn write_error(refused: Option<Option<Attributes>>, otherwise: impl FnOnce() -> StoreError) -> WriteError {
    match refused {
        Some(existing) => match existing.map(from_attributes).transpose() {
            Ok(item) => WriteError::Refused(item.map(Box::new)),
            Err(error) => error.into(),
        },
        None => otherwise().into(),
    }
}

/// A transaction is refused for a condition only if no reason is a passing one: a conflict beside it means that the
/// item was being changed, so its condition must be judged again.
fn cancelled_error(reasons: &[CancellationReason]) -> TransactError {
    let mut refused = Vec::new();
    for (position, reason) in reasons.iter().enumerate() {
        match reason.code() {
            None | Some("None") => {}
            Some("ConditionalCheckFailed") => match reason.item.clone().map(from_attributes).transpose() {
                Ok(item) => refused.push((position, item.map(Box::new))),
                Err(error) => return error.into(),
            },
            Some(code) if is_passing(code) => return StoreError::Unavailable(code.to_owned()).into(),
            Some(code) => return StoreError::Broken(code.to_owned()).into(),
        }
    }
    TransactError::Refused(refused)
}

fn broken(error: &impl std::fmt::Display) -> StoreError {
    StoreError::Broken(error.to_string())
}

/// Errors of DynamoDB that no repetition cures ("Error handling with DynamoDB", AWS documentation).
const BROKEN_CODES: [&str; 8] = [
    "ValidationException",
    "AccessDeniedException",
    "ResourceNotFoundException",
    "ItemCollectionSizeLimitExceededException",
    "IdempotentParameterMismatchException",
    "UnrecognizedClientException",
    "IncompleteSignatureException",
    "MissingAuthenticationTokenException",
];

/// Everything else is a passing fault, or one that looks like one: a time-out after which the write may stand.
fn store_error<E: ProvideErrorMetadata, R>(error: &SdkError<E, R>) -> StoreError {
    let code = error.code().unwrap_or("no answer");
    if BROKEN_CODES.contains(&code) || matches!(error, SdkError::ConstructionFailure(_)) {
        StoreError::Broken(format!("{code}: {}", error.message().unwrap_or("no message")))
    } else {
        StoreError::Unavailable(code.to_owned())
    }
}
