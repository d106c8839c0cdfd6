//! What goes wrong on demand. The module's documentation one level up lists the kinds for whoever sends them.

use std::collections::VecDeque;

use serde::{Deserialize, Serialize};

use super::operations::OperationName;
use super::replies::Reply;

/// The body of `POST /simulator/faults`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Orders {
    /// Faults to add behind those that wait.
    #[serde(default)]
    pub(super) queue: Vec<Order>,
    /// How long a bought number stays out of lists.
    pub(super) list_lag_ms: Option<u64>,
    /// What buying an own number does.
    pub(super) repeat_create: Option<RepeatCreate>,
}

/// A fault and the requests it is for.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Order {
    /// The operation it meets.
    #[serde(default)]
    pub(super) on: OperationName,
    /// Only requests about this number.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) phone_number: Option<String>,
    /// How many requests are left for it.
    #[serde(default = "once")]
    pub(super) times: u32,
    /// What goes wrong.
    pub(super) fault: Fault,
}

/// What goes wrong.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub(super) enum Fault {
    CommitThenTimeout {
        #[serde(default)]
        then: Silence,
    },
    TimeoutWithoutCommit {
        #[serde(default)]
        then: Silence,
    },
    LateLanding {
        ms: u64,
        #[serde(default = "dropped")]
        then: Silence,
    },
    ErrorAfterCommit {
        #[serde(default = "internal_server_error")]
        status: u16,
        #[serde(default = "internal_server_error_code")]
        code: u32,
    },
    Status {
        status: u16,
        code: u32,
        message: Option<String>,
        retry_after_s: Option<u32>,
    },
    TruncatedBody,
    Altered {
        field: String,
        value: serde_json::Value,
    },
    NotJson {
        #[serde(default = "bad_gateway")]
        status: u16,
    },
}

/// How no answer is given.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Silence {
    /// The connection stays open until the client gives up.
    #[default]
    Hang,
    /// The connection is cut at once.
    Drop,
}

/// What happens when an account buys a number it already has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum RepeatCreate {
    /// 201, and the number takes the request's parameters.
    #[default]
    Update,
    /// 400 with 21422.
    Refuse,
}

/// How an answer reaches the client, or does not.
#[derive(Debug)]
pub(super) enum Delivery {
    /// As it is.
    Whole(Reply),
    /// A page of HTML in its place.
    Html { status: u16 },
    /// Half of it, then the connection ends.
    Truncated(Reply),
    /// Not at all.
    Nothing(Silence),
}

/// The faults that wait for a request.
#[derive(Debug, Default)]
pub(super) struct FaultQueue(VecDeque<Order>);

impl FaultQueue {
    /// Adds faults behind the others.
    pub(super) fn extend(&mut self, orders: Vec<Order>) {
        self.0.extend(orders.into_iter().filter(|order| order.times > 0));
    }

    /// The first fault for this request; uses it up once.
    pub(super) fn take(&mut self, operation: OperationName, phone_number: Option<&str>) -> Option<Fault> {
        let index = self.0.iter().position(|order| {
            (order.on == OperationName::Any || order.on == operation)
                && (order.phone_number.is_none() || order.phone_number.as_deref() == phone_number)
        })?;
        let order = self.0.get_mut(index)?;
        order.times -= 1;
        let fault = order.fault.clone();
        if order.times == 0 {
            self.0.remove(index);
        }
        Some(fault)
    }

    /// What still waits.
    pub(super) fn waiting(&self) -> &VecDeque<Order> {
        &self.0
    }
}

const fn dropped() -> Silence {
    Silence::Drop
}

const fn once() -> u32 {
    1
}

const fn internal_server_error() -> u16 {
    500
}

const fn internal_server_error_code() -> u32 {
    20500
}

const fn bad_gateway() -> u16 {
    502
}
