//! Numbers that Geo Permissions and Fraud Guard leave alone.

use serde_json::{Value, json};

use super::super::carrier::Carrier;
use super::super::replies::{Reply, TwilioError, sid};
use super::super::request::Asked;
use super::super::stock;
use super::resource;

/// A number on the list.
#[derive(Clone, Debug)]
pub(super) struct SafeNumber {
    sid: String,
    phone_number: String,
}

impl SafeNumber {
    fn json(&self, base_url: &str) -> Value {
        json!({
            "phone_number": self.phone_number,
            "sid": self.sid,
            "url": format!("{base_url}/v2/SafeList/Numbers/{}", self.phone_number),
        })
    }
}

impl Carrier {
    /// Is this number on the list?
    pub(super) fn is_safe(&self, number: &str) -> bool {
        self.verify.safe_list.iter().any(|safe| safe.phone_number == number)
    }

    /// Puts a number on the list; one that is there already stays as it is.
    pub(super) fn add_safe_number(&mut self, asked: &Asked) -> Result<Reply, TwilioError> {
        let number =
            asked.parameters.get("PhoneNumber").ok_or_else(|| TwilioError::missing_parameter("PhoneNumber"))?;
        if !stock::is_e164(number) {
            return Err(TwilioError::invalid_parameter("PhoneNumber"));
        }
        if !self.is_safe(number) {
            self.verify.safe_list.push(SafeNumber { sid: sid("GN"), phone_number: number.to_owned() });
        }
        let listed = self.verify.safe_list.iter().find(|safe| safe.phone_number == number);
        Ok(Reply::json(201, listed.map_or(Value::Null, |safe| safe.json(&asked.base_url))))
    }

    /// A number on the list.
    pub(super) fn fetch_safe_number(&self, number: &str, asked: &Asked) -> Result<Reply, TwilioError> {
        let listed = self.verify.safe_list.iter().find(|safe| safe.phone_number == number);
        listed
            .map(|safe| Reply::json(200, safe.json(&asked.base_url)))
            .ok_or_else(|| TwilioError::not_found(&resource(&asked.path)))
    }

    /// Takes a number off the list.
    pub(super) fn delete_safe_number(&mut self, number: &str, asked: &Asked) -> Result<Reply, TwilioError> {
        if !self.is_safe(number) {
            return Err(TwilioError::not_found(&resource(&asked.path)));
        }
        self.verify.safe_list.retain(|safe| safe.phone_number != number);
        Ok(Reply::empty(204))
    }
}
