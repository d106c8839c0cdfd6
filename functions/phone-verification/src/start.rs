//! Sending a passcode. The defences stand in the order of what they cost: nothing is paid for a number that a limit
//! refuses.

use adapters::ambient::Ambient;
use adapters::http_event::{HttpAnswer, HttpRequest};
use adapters::items::{Versioned, channel_name};
use adapters::problem::{Problem, ProblemType, unavailable};
use adapters::queue::Queue;
use adapters::regions::country_of;
use adapters::store::{Store, StoreError, Write};
use adapters::twilio::{LookupError, Passcodes, PhoneLookup, RateLimitValues, Sending};
use domain::{
    CONVERSION_SENT_MIN, COUNTRY_AGAIN_MS, COUNTRY_REFUSED_MS, CountryCode, Decision, Dimension, Instant, PhoneEvent,
    PhoneRecord, PhoneState, PhoneVerification as Verification, PhoneVerificationId, Refusal, START_LEASE_MS, Screened,
    SubAccountId, VerifySid, Window, prefix_of, screen_country, screen_line_type, screen_risk,
};
use futures::future::try_join;
use lambda_http::http::StatusCode;
use tracing::{error, info, warn};

use crate::PhoneVerification;
use crate::body::Asking;
use crate::ledger::{self, SeenWindow, Standing, Subject, TRIES_MAX};
use crate::refusal::refused;
use crate::view::view;

/// When a request that Twilio did not process is worth repeating, in seconds, unless it says so.
const NOT_PROCESSED_S: u32 = 2;

/// A start whose units are taken, and whose number is screened next.
struct Taken {
    verification: Versioned<Verification>,
    record: Versioned<PhoneRecord>,
    /// Whether it was this start that took the units: those of an earlier message are no refusal's to give back.
    took_units: bool,
    served: bool,
    /// What was remembered of the phone before.
    before: PhoneRecord,
}

/// A refusal, and what follows it.
struct Refused {
    why: Refusal,
    again_at: Instant,
    /// Whether the number's whole range is refused until then.
    blocks_prefix: bool,
}

/// What becomes of the units of a start that is refused.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Units {
    /// Nothing was sent, and nothing speaks against who asked.
    GoBack,
    /// What was refused is what the limits are there for, or was paid for at Lookup.
    StayTaken,
}

/// What becomes of the units where Twilio refused: it has sent nothing, but its Fraud Guard speaks of a campaign.
fn units_after(why: Refusal) -> Units {
    match why {
        Refusal::Country | Refusal::Limit | Refusal::LineType | Refusal::SlowedDown | Refusal::Channel => Units::GoBack,
        Refusal::Risk => Units::StayTaken,
    }
}

/// What becomes of a request before anything is paid for.
enum Admitted {
    /// It goes on.
    Taken(Box<Taken>),
    /// It was asked for before.
    Before(Box<Verification>),
}

impl<S: Store, Q: Queue, L: PhoneLookup, P: Passcodes, A: Ambient> PhoneVerification<S, Q, L, P, A> {
    /// Sends a passcode, once per key: repeated, the request finds what became of it, or goes on where it died.
    ///
    /// After a crash here the units are taken and the passcode may be under way; the same key goes on after its lease.
    pub(crate) async fn start(&self, request: &HttpRequest, sub_account: SubAccountId) -> Result<HttpAnswer, Problem> {
        let asking = Asking::read(request)?;
        let now = self.ambient.now();
        let Some(country) = country_of(&asking.number) else {
            return Err(refused(Refusal::Country, now.plus_ms(COUNTRY_AGAIN_MS), now, None));
        };
        let taken = match self.admit(&asking, &sub_account, country).await? {
            Admitted::Taken(taken) => taken,
            Admitted::Before(verification) => return Ok(HttpAnswer::json(StatusCode::OK, &view(&verification))),
        };
        self.screen(&taken, country).await?;
        let limits = RateLimitValues {
            number_prefix: prefix_of(&asking.number),
            sub_account: sub_account.to_string(),
            source_address: asking.address.clone(),
        };
        match self.passcodes.start(&asking.number, asking.channel, &limits).await {
            Sending::Sent(sid) => self.sent(&taken, &sid).await,
            Sending::Refused { why: Refusal::Country, .. } => Err(self.refuse_country(&taken, country).await),
            Sending::Refused { why, again_after_s, blocks_prefix } => {
                let now = self.ambient.now();
                let again_at = now.plus_ms(i64::from(again_after_s) * 1000);
                Err(self.refuse(&taken, Refused { why, again_at, blocks_prefix }, units_after(why)).await)
            }
            Sending::NotANumber => Err(self.refuse_line(&taken, Units::GoBack).await),
            Sending::NotProcessed { retry_after_s } => {
                let again_after_s = retry_after_s.unwrap_or(NOT_PROCESSED_S).max(1);
                let again_at = self.ambient.now().plus_ms(i64::from(again_after_s) * 1000);
                let refused = Refused { why: Refusal::Limit, again_at, blocks_prefix: false };
                Err(self.refuse(&taken, refused, Units::GoBack).await)
            }
            Sending::Misconfigured => {
                error!(metric = "verify_misconfigured", "Twilio Verify refuses our credential or our settings.");
                self.write_down(&taken, Vec::new(), Units::GoBack).await;
                Err(self.passcodes_unavailable())
            }
            Sending::Unknown => {
                warn!(metric = "verify_unavailable", "Twilio Verify did not answer.");
                Err(self.passcodes_unavailable())
            }
        }
    }

    /// Limits, and the units that the verification holds until it is answered.
    async fn admit(
        &self,
        asking: &Asking,
        sub_account: &SubAccountId,
        country: CountryCode,
    ) -> Result<Admitted, Problem> {
        let policy = &self.settings.policy;
        let id = PhoneVerificationId::of(sub_account, &asking.key);
        let address = asking.address.as_deref();
        let subject = Subject { sub_account, id: &id, number: &asking.number, country, address };
        for _ in 0..TRIES_MAX {
            let now = self.ambient.now();
            let standing =
                ledger::standing(&self.store, &subject, policy).await.map_err(|error| unavailable(&error))?;
            let begun = match &standing.verification {
                None => Versioned { value: begin(&subject, asking, now), version: 0 },
                Some(seen) => match goes_on(seen, asking, now)? {
                    Some(begun) => begun,
                    None => return Ok(Admitted::Before(Box::new(seen.value.clone()))),
                },
            };
            if let Screened::Refused { why, again_at, .. } = screen_country(policy, Some(country), standing.served, now)
            {
                return Err(refused(why, again_at, now, Some(country)));
            }
            if let Some(again_at) = standing.refused_over(asking.channel, now) {
                return Err(refused(Refusal::Country, again_at, now, Some(country)));
            }
            let record = standing.record.value.clone().at(now, &policy.limits.phone);
            if let Some(again_at) = limited(&standing, &record, sub_account, now, policy) {
                return Err(refused(Refusal::Limit, again_at, now, Some(country)));
            }
            let units = units(&standing);
            let mut writes = vec![ledger::put_verification(&begun.value, begun.version)];
            if record.takes_units(sub_account) {
                writes
                    .extend(units.iter().map(|unit| ledger::put_window(unit, &unit.seen.value.take(now, &unit.limit))));
            }
            let took_units = record.takes_units(sub_account);
            let dimensions = units.into_iter().map(|unit| unit.dimension.clone()).collect();
            let before = record.clone();
            let record = record.asked(sub_account, now, dimensions);
            writes.push(ledger::put_record(&asking.number, &record, standing.record.version, policy));
            if ledger::commit(&self.store, writes).await.map_err(|error| unavailable(&error))? {
                return Ok(Admitted::Taken(Box::new(Taken {
                    verification: Versioned { version: begun.version + 1, ..begun },
                    record: Versioned { value: record, version: standing.record.version + 1 },
                    took_units,
                    served: standing.served,
                    before,
                })));
            }
        }
        warn!(metric = "phone_contention", "A start met others too often.");
        Err(Problem::try_again())
    }

    /// What Twilio knows of the number. Where it knows nothing, or does not answer, the limits alone stand.
    async fn screen(&self, taken: &Taken, country: CountryCode) -> Result<(), Problem> {
        let policy = &self.settings.policy;
        let Verification { number, channel, sub_account, .. } = &taken.verification.value;
        if policy.line_types != domain::LineTypePolicy::NotAsked {
            match self.lookup.line_type(number).await {
                Ok(line) => {
                    let screened = screen_line_type(policy.line_types, line, *channel, self.ambient.now());
                    self.pass(taken, screened).await?;
                }
                Err(LookupError::NotANumber) => return Err(self.refuse_line(taken, Units::StayTaken).await),
                Err(error) => unknown(error, "line_type"),
            }
        }
        if let Some(risk_policy) = policy.risk_for(country) {
            match self.lookup.pumping_risk(number, sub_account).await {
                Ok(risk) => {
                    let (record, now) = (&taken.record.value, self.ambient.now());
                    self.pass(taken, screen_risk(&risk_policy, risk, record, taken.served, now)).await?;
                }
                Err(LookupError::NotANumber) => return Err(self.refuse_line(taken, Units::StayTaken).await),
                Err(error) => unknown(error, "sms_pumping_risk"),
            }
        }
        Ok(())
    }

    async fn pass(&self, taken: &Taken, screened: Screened) -> Result<(), Problem> {
        match screened {
            Screened::Passed => Ok(()),
            Screened::PassedForReview => {
                let country = taken.verification.value.country.to_string();
                info!(metric = "phone_review", country, "A passcode goes to a number that looks like pumping.");
                Ok(())
            }
            Screened::Refused { why, again_at, blocks_prefix } => {
                Err(self.refuse(taken, Refused { why, again_at, blocks_prefix }, Units::StayTaken).await)
            }
        }
    }

    /// Writes down that no passcode was sent.
    async fn refuse(&self, taken: &Taken, refusal: Refused, units: Units) -> Problem {
        let Refused { why, again_at, blocks_prefix } = refusal;
        let now = self.ambient.now();
        let policy = &self.settings.policy;
        let Versioned { value: verification, version } = &taken.verification;
        let event = PhoneEvent::Refused { why, again_at };
        if let Decision::Applied { next, .. } = verification.decide(&event, now) {
            let mut writes = vec![ledger::put_verification(&next, *version)];
            if why == Refusal::SlowedDown
                && taken.record.value.slowed_at.is_none_or(|at| at.plus_ms(domain::SLOWED_FOR_MS) <= now)
            {
                let record = PhoneRecord { slowed_at: Some(now), ..taken.record.value.clone() };
                writes.push(ledger::put_record(&verification.number, &record, taken.record.version, policy));
            }
            self.write_down(taken, writes, units).await;
        }
        if blocks_prefix {
            let range = Dimension::Prefix(prefix_of(&verification.number));
            self.close(&range, verification.country, |window| window.block(again_at)).await;
        }
        refused(why, again_at, now, Some(verification.country))
    }

    /// It is nobody's number.
    async fn refuse_line(&self, taken: &Taken, units: Units) -> Problem {
        let again_at = self.ambient.now().plus_ms(COUNTRY_AGAIN_MS);
        self.refuse(taken, Refused { why: Refusal::LineType, again_at, blocks_prefix: false }, units).await
    }

    /// Twilio sends nothing to this country: for an hour, nobody else need ask.
    async fn refuse_country(&self, taken: &Taken, country: CountryCode) -> Problem {
        if taken.served {
            let country = country.to_string();
            error!(metric = "verify_misconfigured", country, "Twilio sends nothing to a country that is served.");
        }
        let again_at = self.ambient.now().plus_ms(COUNTRY_REFUSED_MS);
        let channel = taken.verification.value.channel;
        let refuse = |window: Window| window.refuse(channel, again_at);
        self.close(&Dimension::UnservedCountry(country), country, refuse).await;
        self.refuse(taken, Refused { why: Refusal::Country, again_at, blocks_prefix: false }, Units::GoBack).await
    }

    /// What one refusal says of others, so that nothing is paid for them.
    async fn close(&self, what: &Dimension, country: CountryCode, close: impl Fn(Window) -> Window) {
        let (limit, now) = (self.settings.policy.limit(what, country), self.ambient.now());
        if let Err(error) = ledger::close(&self.store, what, limit, now, close).await {
            warn!(%error, "A range or a country could not be closed.");
        }
    }

    /// Writes a refusal, and gives back what this start took, in one transaction: its units, and the phone's message, which
    /// was not sent. Where others write the same windows all the time, the refusal is written without them at last. What
    /// cannot be written is only forgotten: the units stay taken, and fade.
    async fn write_down(&self, taken: &Taken, refusal: Vec<Write>, units: Units) {
        let now = self.ambient.now();
        for attempt in 1..=TRIES_MAX {
            let gives_back = units == Units::GoBack && attempt < TRIES_MAX;
            let mut writes = refusal.clone();
            let written = async {
                if gives_back {
                    writes.extend(self.returned_units(taken, now).await?);
                }
                if writes.is_empty() { Ok(true) } else { ledger::commit(&self.store, writes).await }
            };
            match written.await {
                Ok(written) if written || !gives_back => return,
                Ok(_) => {}
                Err(error) => {
                    warn!(%error, "A refusal could not be written down.");
                    return;
                }
            }
        }
    }

    async fn returned_units(&self, taken: &Taken, now: Instant) -> Result<Vec<Write>, StoreError> {
        let policy = &self.settings.policy;
        let (Versioned { value: record, version }, verification) = (&taken.record, &taken.verification.value);
        let returned = |window: &SeenWindow| window.seen.value.give_back(record.first_at, now, &window.limit);
        let mut writes = match taken.took_units {
            true => ledger::put_units(&self.store, record, verification.country, policy, returned).await?,
            false => Vec::new(),
        };
        writes.push(ledger::put_record(&verification.number, &taken.before, *version, policy));
        Ok(writes)
    }

    /// Writes down that a passcode is under way, since when, and until when the phone waits for it, and counts it, in one
    /// transaction.
    async fn sent(&self, taken: &Taken, sid: &VerifySid) -> Result<HttpAnswer, Problem> {
        let policy = &self.settings.policy;
        let (mut seen, mut record) = (taken.verification.clone(), taken.record.clone());
        for attempt in 1..=TRIES_MAX {
            let now = self.ambient.now();
            if let Some(again_at) = record.value.taken_by_another(&seen.value.sub_account, sid) {
                let refused = Refused { why: Refusal::Limit, again_at, blocks_prefix: false };
                return Err(self.refuse(taken, refused, Units::StayTaken).await);
            }
            let known_since = record.value.under_way_since(sid);
            let since = known_since.unwrap_or(now);
            let decision = seen.value.decide(&PhoneEvent::Sent { sid: sid.clone(), since }, now);
            let Decision::Applied { next, .. } = decision else {
                return Ok(HttpAnswer::json(StatusCode::OK, &view(&seen.value)));
            };
            let next = next.with_wrong(record.value.wrong_for(sid));
            let counted = ledger::Counting::of(&next, next.channel);
            let counts = counted.load(&self.store).await.map_err(|error| unavailable(&error))?;
            let (counts, count) = counted.put(&counts, record.value.counts_as(), now);
            let mut writes = vec![ledger::put_verification(&next, seen.version)];
            if attempt < TRIES_MAX {
                writes.push(count);
            } else {
                // The message is sent: what others write all the time is no reason to forget it.
                warn!(metric = "phone_contention", "A passcode that was sent is not counted: too many others are.");
            }
            if known_since.is_none() {
                let next_record = record.value.clone().sent(&next.sub_account, sid.clone(), next.channel, since);
                writes.push(ledger::put_record(&next.number, &next_record, record.version, policy));
            }
            if ledger::commit(&self.store, writes).await.map_err(|error| unavailable(&error))? {
                self.tell_sent(&next, counts.recent(now));
                let answer = HttpAnswer::json(StatusCode::CREATED, &view(&next));
                let resend_at = taken.record.value.opens_at(&next.sub_account, now, &policy.limits.phone);
                return Ok(match resend_at {
                    None => answer,
                    Some(at) => answer.with("retry-after", at.whole_seconds_from(now).to_string()),
                });
            }
            let current = try_join(
                ledger::load(&self.store, &next.sub_account, &next.id),
                ledger::load_record(&self.store, &next.number),
            );
            let (verification, current_record) = current.await.map_err(|error| unavailable(&error))?;
            (seen, record) = (verification.ok_or_else(Problem::try_again)?, current_record);
        }
        Err(Problem::try_again())
    }

    fn tell_sent(&self, verification: &Verification, conversion: domain::Conversion) {
        let (country, channel) = (verification.country.to_string(), channel_name(&verification.channel));
        let cost_microdollars = self.settings.prices.of(verification.country);
        // Nothing is said of too few.
        let conversion_percent = conversion.percent().filter(|_| conversion.sent >= CONVERSION_SENT_MIN);
        info!(metric = "phone_sent", country, channel, cost_microdollars, conversion_percent, "A passcode was sent.");
        if conversion.is_low() {
            let sent = conversion.sent;
            warn!(metric = "conversion_low", country, channel, conversion_percent, sent, "Few passcodes are answered.");
        }
    }

    fn passcodes_unavailable(&self) -> Problem {
        let detail = "The passcode may or may not be under way. Send the same request again, with the same \
                      Idempotency-Key.";
        let retry_after_s = u32::try_from(START_LEASE_MS / 1000).ok();
        Problem { retry_after_s, ..Problem::new(ProblemType::PasscodesUnavailable, detail) }
    }
}

fn begin(subject: &Subject<'_>, asking: &Asking, now: Instant) -> Verification {
    Verification {
        id: subject.id.clone(),
        sub_account: subject.sub_account.clone(),
        body_hash: asking.hash,
        number: asking.number.clone(),
        country: subject.country,
        channel: asking.channel,
        created_at: now,
        state: PhoneState::Starting { lease_until: now.plus_ms(START_LEASE_MS) },
    }
}

/// What a repeated request finds: a start that it goes on with, or nothing left to do (`None`).
fn goes_on(
    seen: &Versioned<Verification>,
    asking: &Asking,
    now: Instant,
) -> Result<Option<Versioned<Verification>>, Problem> {
    if seen.value.body_hash != asking.hash {
        let detail = "This Idempotency-Key was used for another request. Use a fresh key for a new passcode.";
        return Err(Problem::new(ProblemType::IdempotencyKeyReused, detail));
    }
    match seen.value.decide(&PhoneEvent::Resumed, now) {
        Decision::Applied { next, .. } => Ok(Some(Versioned { value: next, version: seen.version })),
        Decision::AlreadyDone { .. } => Ok(None),
        Decision::Illegal(_) => match seen.value.state {
            PhoneState::Refused { why, again_at } => Err(refused(why, again_at, now, Some(seen.value.country))),
            PhoneState::Starting { lease_until } => {
                let retry_after_s = Some(lease_until.whole_seconds_from(now));
                Err(Problem { retry_after_s, ..Problem::try_again() })
            }
            PhoneState::Pending { .. }
            | PhoneState::Approved { .. }
            | PhoneState::UsedUp { .. }
            | PhoneState::Expired { .. } => Ok(None),
        },
    }
}

/// When the phone's own pause and every limit that counts it are over; `None` means now.
fn limited(
    standing: &Standing,
    record: &PhoneRecord,
    sub_account: &SubAccountId,
    now: Instant,
    policy: &domain::PhonePolicy,
) -> Option<Instant> {
    let phone = record.opens_at(sub_account, now, &policy.limits.phone);
    let windows = units(standing).into_iter().filter_map(|unit| {
        let window = unit.seen.value;
        if record.takes_units(sub_account) {
            window.opens_at(now, &unit.limit)
        } else {
            // Sent again, it takes no unit; a range that is refused meanwhile is refused to it as well.
            window.blocked_until.filter(|until| *until > now)
        }
    });
    windows.chain(phone).max()
}

/// The limits that count this start: a country's own tight one only where it is not served.
fn units(standing: &Standing) -> Vec<&SeenWindow> {
    let counts = |window: &&SeenWindow| !standing.served || !matches!(window.dimension, Dimension::UnservedCountry(_));
    standing.windows.iter().filter(counts).collect()
}

/// What is not known refuses nobody.
fn unknown(error: LookupError, package: &'static str) {
    match error {
        LookupError::NotANumber => info!(package, "Lookup knows no such number."),
        LookupError::Nothing(code) => info!(package, code, "Lookup has nothing on a number."),
        LookupError::Unavailable => warn!(package, metric = "lookup_unavailable", "The limits alone decide."),
        LookupError::Unauthorised => {
            error!(package, metric = "lookup_unauthorised", "Lookup refuses our credential: the limits alone decide.");
        }
    }
}
