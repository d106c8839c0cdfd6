//! What was sent, and what came of it. It is kept when its verification is over: a lost approval is found here.

use serde_json::{Value, json};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::super::calling_codes;
use super::super::carrier::Carrier;
use super::super::clock::Moment;
use super::super::lookup::Known;
use super::super::pages;
use super::super::parameters::Parameters;
use super::super::replies::{Reply, TwilioError, date_v2, sid};
use super::super::request::Asked;
use super::resource;
use super::verifications::{Channel, Verification};

/// What a message costs, in dollars, by country; the last is for all others. The first are HighLevel's published prices
/// of a segment (article 48001223556 of its help pages, 2025-11-04), the last is the simulator's own.
const PRICES: [(&str, &str); 4] = [("US", "0.0083"), ("CA", "0.0083"), ("PR", "0.0420"), ("", "0.0500")];

/// How many digits behind the point a rate has, as in Twilio's example.
const RATE_DIGITS: u32 = 9;

/// Something that was sent.
#[derive(Clone, Debug)]
pub(super) struct Attempt {
    pub(super) sid: String,
    account_sid: String,
    service_sid: String,
    verification_sid: String,
    to: String,
    country: &'static str,
    channel: Channel,
    converted: bool,
    created_at: OffsetDateTime,
    updated_at: OffsetDateTime,
    listed_from: Moment,
    code_length: usize,
    locale: String,
    carrier: String,
    mcc: String,
    mnc: String,
}

impl Attempt {
    /// Sends a verification's code.
    pub(super) fn new(
        verification: &Verification,
        channel: Channel,
        locale: Option<&str>,
        known: &Known,
        now: OffsetDateTime,
        listed_from: Moment,
    ) -> Self {
        Self {
            sid: sid("VL"),
            account_sid: verification.account_sid.clone(),
            service_sid: verification.service_sid.clone(),
            verification_sid: verification.sid.clone(),
            to: verification.to.clone(),
            country: calling_codes::of(&verification.to).map_or("", |(_, country)| country),
            channel,
            converted: false,
            created_at: now,
            updated_at: now,
            listed_from,
            code_length: verification.code.chars().count(),
            locale: locale.unwrap_or("en").to_owned(),
            carrier: known.carrier_name.clone().unwrap_or_else(|| "Simulated Mobile".to_owned()),
            mcc: known.mobile_country_code.clone().unwrap_or_else(|| "001".to_owned()),
            mnc: known.mobile_network_code.clone().unwrap_or_else(|| "01".to_owned()),
        }
    }

    fn price(&self) -> &'static str {
        PRICES
            .iter()
            .find(|(country, _)| country.is_empty() || *country == self.country)
            .map_or("0", |(_, price)| price)
    }

    fn json(&self, base_url: &str) -> Value {
        json!({
            "account_sid": self.account_sid,
            "channel": self.channel.name(),
            "channel_data": {
                "carrier": self.carrier,
                "code_length": self.code_length,
                "country": self.country,
                "error_code": null,
                "locale": self.locale,
                "mcc": self.mcc,
                "message_status": "delivered",
                "mnc": self.mnc,
                "status": if self.converted { "confirmed" } else { "unconfirmed" },
                "to": self.to,
                "verification_sid": self.verification_sid,
            },
            "conversion_status": if self.converted { "converted" } else { "unconverted" },
            "date_created": date_v2(self.created_at),
            "date_updated": date_v2(self.updated_at),
            "price": {"currency": "usd", "value": self.price()},
            "service_sid": self.service_sid,
            "sid": self.sid,
            "url": format!("{base_url}/v2/Attempts/{}", self.sid),
            "verification_sid": self.verification_sid,
        })
    }
}

impl Carrier {
    /// The code of a verification came: what was sent last has done it.
    pub(super) fn convert(&mut self, verification: &str, now: OffsetDateTime) {
        let mut attempts = self.verify.attempts.iter_mut().rev();
        if let Some(attempt) = attempts.find(|attempt| attempt.verification_sid == verification) {
            attempt.converted = true;
            attempt.updated_at = now;
        }
    }

    /// What an account sent, newest first.
    pub(super) fn list_attempts(&self, account: &str, asked: &Asked) -> Result<Reply, TwilioError> {
        let attempts = self.selected(account, &asked.parameters)?;
        let attempts: Vec<Value> = attempts.iter().rev().map(|attempt| attempt.json(&asked.base_url)).collect();
        pages::page_v2(&format!("{}/v2/Attempts", asked.base_url), "attempts", &attempts, &asked.parameters)
    }

    /// One of them.
    pub(super) fn fetch_attempt(&self, account: &str, sid: &str, asked: &Asked) -> Result<Reply, TwilioError> {
        self.verify
            .attempts
            .iter()
            .find(|attempt| attempt.sid == sid && attempt.account_sid == account)
            .map(|attempt| Reply::json(200, attempt.json(&asked.base_url)))
            .ok_or_else(|| TwilioError::not_found(&resource(&asked.path)))
    }

    /// How many were sent, and how many did what they were for.
    pub(super) fn summary(&self, account: &str, asked: &Asked) -> Result<Reply, TwilioError> {
        let attempts = self.selected(account, &asked.parameters)?;
        let converted = attempts.iter().filter(|attempt| attempt.converted).count();
        Ok(Reply::json(
            200,
            json!({
                "conversion_rate_percentage": percentage(converted, attempts.len()),
                "total_attempts": attempts.len(),
                "total_converted": converted,
                "total_unconverted": attempts.len() - converted,
                "url": format!("{}/v2/Attempts/Summary", asked.base_url),
            }),
        ))
    }

    /// What the filters of a request leave, oldest first.
    fn selected(&self, account: &str, parameters: &Parameters) -> Result<Vec<&Attempt>, TwilioError> {
        let now = self.clock.now();
        let date = |name: &str| {
            let given = parameters.get(name);
            given
                .map(|text| OffsetDateTime::parse(text, &Rfc3339).map_err(|_| TwilioError::invalid_parameter(name)))
                .transpose()
        };
        let (after, before) = (date("DateCreatedAfter")?, date("DateCreatedBefore")?);
        let channel = parameters.get("Channel");
        if channel.is_some_and(|channel| !matches!(channel, "sms" | "call" | "email" | "whatsapp" | "rbm")) {
            return Err(TwilioError::invalid_parameter("Channel"));
        }
        let converted = match parameters.get("Status") {
            None => None,
            Some("converted") => Some(true),
            Some("unconverted") => Some(false),
            Some(_) => return Err(TwilioError::invalid_parameter("Status")),
        };
        let is = |name: &str, value: &str| parameters.get(name).is_none_or(|wanted| wanted == value);
        Ok(self
            .verify
            .attempts
            .iter()
            .filter(|attempt| attempt.account_sid == account && attempt.listed_from <= now)
            .filter(|attempt| after.is_none_or(|after| attempt.created_at > after))
            .filter(|attempt| before.is_none_or(|before| attempt.created_at < before))
            .filter(|attempt| channel.is_none_or(|channel| attempt.channel.name() == channel))
            .filter(|attempt| converted.is_none_or(|converted| attempt.converted == converted))
            .filter(|attempt| is("ChannelData.To", &attempt.to))
            .filter(|attempt| is("Country", attempt.country))
            .filter(|attempt| is("VerifyServiceSid", &attempt.service_sid))
            .filter(|attempt| is("VerificationSid", &attempt.verification_sid))
            .filter(|attempt| parameters.get("DestinationPrefix").is_none_or(|prefix| attempt.to.starts_with(prefix)))
            .collect())
    }
}

/// A share in per cent, cut off and not rounded: 9 of 11 are `81.818181818`. Of nothing it is `0`.
fn percentage(part: usize, whole: usize) -> String {
    if whole == 0 {
        return "0".to_owned();
    }
    let unit = 10_u128.pow(RATE_DIGITS);
    let scaled = part as u128 * 100 * unit / whole as u128;
    let text = format!("{}.{:09}", scaled / unit, scaled % unit);
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

#[cfg(test)]
mod tests {
    use super::percentage;

    #[test]
    fn rates_are_texts() {
        assert_eq!(percentage(9, 11), "81.818181818");
        assert_eq!(percentage(1, 3), "33.333333333");
        assert_eq!((percentage(0, 7), percentage(0, 0)), ("0".to_owned(), "0".to_owned()));
        assert_eq!((percentage(2, 2), percentage(1, 2)), ("100".to_owned(), "50".to_owned()));
    }
}
