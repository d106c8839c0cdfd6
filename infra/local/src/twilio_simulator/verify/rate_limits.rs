//! Limits of a service's own: so many starts with one value of a key in so many seconds
//! (<https://www.twilio.com/docs/verify/api/programmable-rate-limits>).

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};
use time::OffsetDateTime;

use super::super::carrier::Carrier;
use super::super::clock::{Clock, Moment};
use super::super::pages;
use super::super::parameters::Parameters;
use super::super::replies::{Reply, TwilioError, date_v2, sid};
use super::super::request::Asked;
use super::resource;

/// How often one verification may be read: so many times in so many seconds
/// (<https://www.twilio.com/docs/verify/api/rate-limits-and-timeouts>).
const POLLS: [(usize, u64); 3] = [(60, 60), (180, 3600), (250, 24 * 3600)];

/// A limit, by the name under which requests give its key's value.
#[derive(Clone, Debug)]
pub(super) struct RateLimit {
    sid: String,
    service_sid: String,
    account_sid: String,
    unique_name: String,
    description: String,
    created_at: OffsetDateTime,
    updated_at: OffsetDateTime,
    buckets: Vec<Bucket>,
    /// When each value was used.
    uses: BTreeMap<String, Vec<Moment>>,
}

/// So many uses in so many seconds.
#[derive(Clone, Debug)]
struct Bucket {
    sid: String,
    max: usize,
    interval_s: usize,
    created_at: OffsetDateTime,
    updated_at: OffsetDateTime,
}

impl RateLimit {
    fn json(&self, base_url: &str) -> Value {
        let url = self.url(base_url);
        json!({
            "account_sid": self.account_sid,
            "date_created": date_v2(self.created_at),
            "date_updated": date_v2(self.updated_at),
            "description": self.description,
            "links": {"buckets": format!("{url}/Buckets")},
            "service_sid": self.service_sid,
            "sid": self.sid,
            "unique_name": self.unique_name,
            "url": url,
        })
    }

    fn bucket_json(&self, bucket: &Bucket, base_url: &str) -> Value {
        json!({
            "account_sid": self.account_sid,
            "date_created": date_v2(bucket.created_at),
            "date_updated": date_v2(bucket.updated_at),
            "interval": bucket.interval_s,
            "max": bucket.max,
            "rate_limit_sid": self.sid,
            "service_sid": self.service_sid,
            "sid": bucket.sid,
            "url": format!("{}/Buckets/{}", self.url(base_url), bucket.sid),
        })
    }

    fn url(&self, base_url: &str) -> String {
        format!("{base_url}/v2/Services/{}/RateLimits/{}", self.service_sid, self.sid)
    }

    /// When another use of this value is allowed, in seconds from now; `None` if it is now.
    fn wait_s(&self, value: &str, clock: &Clock) -> Option<u32> {
        let uses = self.uses.get(value)?;
        let windows = self.buckets.iter().map(|bucket| (bucket.max, bucket.interval_s as u64));
        wait_s(uses, windows, clock)
    }
}

/// When another use is allowed, in seconds from now; `None` if it is now. Windows slide: a use counts until it is as
/// old as the window is long.
fn wait_s(uses: &[Moment], windows: impl Iterator<Item = (usize, u64)>, clock: &Clock) -> Option<u32> {
    windows
        .filter_map(|(max, interval_s)| {
            // The use that must grow too old first.
            let blocking = uses.len().checked_sub(max)?;
            let Some(blocking) = uses.get(blocking) else { return Some(u32::try_from(interval_s).unwrap_or(u32::MAX)) };
            Some(clock.left_s(blocking.later_by_s(interval_s))).filter(|left_s| *left_s > 0)
        })
        .max()
}

/// When each verification was read.
#[derive(Debug, Default)]
pub(super) struct Polls(BTreeMap<String, Vec<Moment>>);

impl Polls {
    /// Counts a reading; if it is one too many, says when the next is allowed, in seconds from now.
    pub(super) fn reached(&mut self, verification: &str, clock: &Clock) -> Option<u32> {
        let uses = self.0.entry(verification.to_owned()).or_default();
        let wait_s = wait_s(uses, POLLS.into_iter(), clock);
        if wait_s.is_none() {
            uses.push(clock.now());
        }
        wait_s
    }
}

impl Carrier {
    /// Counts a start against the limits that it names. If one is reached, the answer is 429 with its name and a time
    /// to wait, and none counts it.
    ///
    /// # Errors
    /// 60200 when `RateLimits` is not a JSON object of texts, or names a limit that the service does not have (the
    /// simulator's choice: no page says what Twilio does).
    pub(super) fn reached_rate_limit(
        &mut self,
        service: &str,
        parameters: &Parameters,
    ) -> Result<Option<Reply>, TwilioError> {
        let Some(text) = parameters.get("RateLimits") else { return Ok(None) };
        let invalid = || TwilioError::invalid_parameter("RateLimits");
        let given: Map<String, Value> = serde_json::from_str(text).map_err(|_| invalid())?;
        let mut used = Vec::new();
        for (name, value) in &given {
            let value = value.as_str().ok_or_else(invalid)?;
            let limit = self
                .verify
                .rate_limits
                .iter()
                .position(|limit| limit.service_sid == service && limit.unique_name == *name)
                .ok_or_else(invalid)?;
            if let Some(retry_after_s) = self.verify.rate_limits[limit].wait_s(value, &self.clock) {
                let reply = Reply::from(TwilioError::too_many_requests());
                return Ok(Some(reply.with_retry_after(Some(retry_after_s)).with_reached_rate_limit(name)));
            }
            used.push((limit, value));
        }
        let now = self.clock.now();
        for (limit, value) in used {
            self.verify.rate_limits[limit].uses.entry(value.to_owned()).or_default().push(now);
        }
        Ok(None)
    }

    /// A service's limits, newest first.
    pub(super) fn list_rate_limits(&self, service: &str, asked: &Asked) -> Result<Reply, TwilioError> {
        let limits = self.verify.rate_limits.iter().rev().filter(|limit| limit.service_sid == service);
        let limits: Vec<Value> = limits.map(|limit| limit.json(&asked.base_url)).collect();
        pages::page_v2(&own_url(asked), "rate_limits", &limits, &asked.parameters)
    }

    /// Adds a limit, which limits nothing until it has a bucket.
    pub(super) fn create_rate_limit(
        &mut self,
        account: &str,
        service: &str,
        asked: &Asked,
        now: OffsetDateTime,
    ) -> Result<Reply, TwilioError> {
        let name = asked.parameters.get("UniqueName").ok_or_else(|| TwilioError::missing_parameter("UniqueName"))?;
        if !name.chars().all(|character| character.is_ascii_alphanumeric() || "-_.".contains(character)) {
            return Err(TwilioError::new(400, 60209, "Invalid unique name for rate limit"));
        }
        let taken = |limit: &RateLimit| limit.service_sid == service && limit.unique_name == name;
        if self.verify.rate_limits.iter().any(taken) {
            return Err(TwilioError::new(400, 60208, "Rate limit with the same unique name already exists"));
        }
        let limit = RateLimit {
            sid: sid("RK"),
            service_sid: service.to_owned(),
            account_sid: account.to_owned(),
            unique_name: name.to_owned(),
            description: asked.parameters.get("Description").unwrap_or_default().to_owned(),
            created_at: now,
            updated_at: now,
            buckets: Vec::new(),
            uses: BTreeMap::new(),
        };
        let reply = Reply::json(201, limit.json(&asked.base_url));
        self.verify.rate_limits.push(limit);
        Ok(reply)
    }

    /// One limit.
    pub(super) fn fetch_rate_limit(&self, limit: &str, asked: &Asked) -> Result<Reply, TwilioError> {
        let index = self.limit(limit, asked)?;
        Ok(Reply::json(200, self.verify.rate_limits[index].json(&asked.base_url)))
    }

    /// Changes a limit's description.
    pub(super) fn update_rate_limit(
        &mut self,
        limit: &str,
        asked: &Asked,
        now: OffsetDateTime,
    ) -> Result<Reply, TwilioError> {
        let index = self.limit(limit, asked)?;
        let limit = &mut self.verify.rate_limits[index];
        if let Some(description) = asked.parameters.given("Description") {
            description.clone_into(&mut limit.description);
        }
        limit.updated_at = now;
        Ok(Reply::json(200, limit.json(&asked.base_url)))
    }

    /// Takes a limit away.
    pub(super) fn delete_rate_limit(&mut self, limit: &str, asked: &Asked) -> Result<Reply, TwilioError> {
        let index = self.limit(limit, asked)?;
        self.verify.rate_limits.remove(index);
        Ok(Reply::empty(204))
    }

    /// A limit's buckets, newest first.
    pub(super) fn list_buckets(&self, limit: &str, asked: &Asked) -> Result<Reply, TwilioError> {
        let limit = &self.verify.rate_limits[self.limit(limit, asked)?];
        let buckets = limit.buckets.iter().rev().map(|bucket| limit.bucket_json(bucket, &asked.base_url));
        pages::page_v2(&own_url(asked), "buckets", &buckets.collect::<Vec<Value>>(), &asked.parameters)
    }

    /// Adds a bucket.
    pub(super) fn create_bucket(
        &mut self,
        limit: &str,
        asked: &Asked,
        now: OffsetDateTime,
    ) -> Result<Reply, TwilioError> {
        let index = self.limit(limit, asked)?;
        let needed =
            |name: &str| positive(&asked.parameters, name)?.ok_or_else(|| TwilioError::missing_parameter(name));
        let bucket = Bucket {
            sid: sid("BL"),
            max: needed("Max")?,
            interval_s: needed("Interval")?,
            created_at: now,
            updated_at: now,
        };
        let limit = &mut self.verify.rate_limits[index];
        if limit.buckets.iter().any(|other| other.interval_s == bucket.interval_s) {
            return Err(TwilioError::new(400, 60211, "A bucket with that interval already exists"));
        }
        let reply = Reply::json(201, limit.bucket_json(&bucket, &asked.base_url));
        limit.buckets.push(bucket);
        Ok(reply)
    }

    /// One bucket.
    pub(super) fn fetch_bucket(&self, limit: &str, bucket: &str, asked: &Asked) -> Result<Reply, TwilioError> {
        let (limit, bucket) = self.bucket(limit, bucket, asked)?;
        let limit = &self.verify.rate_limits[limit];
        Ok(Reply::json(200, limit.bucket_json(&limit.buckets[bucket], &asked.base_url)))
    }

    /// Changes a bucket.
    pub(super) fn update_bucket(
        &mut self,
        limit: &str,
        bucket: &str,
        asked: &Asked,
        now: OffsetDateTime,
    ) -> Result<Reply, TwilioError> {
        let (limit, bucket) = self.bucket(limit, bucket, asked)?;
        let (max, interval_s) = (positive(&asked.parameters, "Max")?, positive(&asked.parameters, "Interval")?);
        let limit = &mut self.verify.rate_limits[limit];
        let changed = &mut limit.buckets[bucket];
        changed.max = max.unwrap_or(changed.max);
        changed.interval_s = interval_s.unwrap_or(changed.interval_s);
        changed.updated_at = now;
        Ok(Reply::json(200, limit.bucket_json(&limit.buckets[bucket], &asked.base_url)))
    }

    /// Takes a bucket away.
    pub(super) fn delete_bucket(&mut self, limit: &str, bucket: &str, asked: &Asked) -> Result<Reply, TwilioError> {
        let (limit, bucket) = self.bucket(limit, bucket, asked)?;
        self.verify.rate_limits[limit].buckets.remove(bucket);
        Ok(Reply::empty(204))
    }

    /// Where a limit is. Its service was found already.
    fn limit(&self, sid: &str, asked: &Asked) -> Result<usize, TwilioError> {
        let inside = |limit: &RateLimit| limit.sid == sid && asked.path.contains(&limit.service_sid);
        let found = self.verify.rate_limits.iter().position(inside);
        found.ok_or_else(|| TwilioError::not_found(&resource(&asked.path)))
    }

    fn bucket(&self, limit: &str, sid: &str, asked: &Asked) -> Result<(usize, usize), TwilioError> {
        let limit = self.limit(limit, asked)?;
        let found = self.verify.rate_limits[limit].buckets.iter().position(|bucket| bucket.sid == sid);
        found.map(|bucket| (limit, bucket)).ok_or_else(|| TwilioError::not_found(&resource(&asked.path)))
    }
}

/// The address of the list that is asked for.
fn own_url(asked: &Asked) -> String {
    format!("{}{}", asked.base_url, asked.path)
}

/// A whole number of 1 or more.
fn positive(parameters: &Parameters, name: &str) -> Result<Option<usize>, TwilioError> {
    let number = parameters.number(name).map_err(|_| TwilioError::invalid_parameter(name))?;
    if number == Some(0) { Err(TwilioError::invalid_parameter(name)) } else { Ok(number) }
}
