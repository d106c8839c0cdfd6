//! Purchases and verifications as the contract shows them.

use adapters::items::{
    AuditCause, AuditEntry, fulfilment_name, if_unavailable_name, inquiry_status_name, name_level_name,
    operator_action_name, pool_state_name, reason_name, state_name, verification_state_name,
};
use adapters::persona::Session;
use adapters::purchases::{Stored, StoredPool, StoredPurchase};
use adapters::rfc3339;
use domain::{
    MemberIndex, NameCheck, Operator, OperatorAction, Phase, PhoneNumber, PhoneRequirement, Place, Pool, PoolState,
    Purchase, PurchaseState, Reason, Release, Reviewer, Verification, VerificationPolicy, VerificationState,
};
use secrecy::ExposeSecret;
use serde_json::{Map, Value, json};

/// When asking again about a purchase that waits for a person is worth it, in seconds.
const RETRY_AFTER_PERSON_S: u32 = 5;
/// When asking again about a purchase that is under way is worth it, in seconds.
const RETRY_AFTER_MACHINE_S: u32 = 1;

/// What a purchase that has not ended stands on.
#[derive(Debug)]
pub(crate) enum Standing {
    /// It is cleared: it is on its way.
    Cleared,
    /// It waits for this verification, and perhaps for a phone as well; with a session where one was just handed out.
    Waiting(Verification, PhoneRequirement, Option<Session>),
    /// It waits for an approved phone, and for nothing else.
    NeedsPhone,
    /// Its own state says everything.
    Ended,
}

/// The numbers of a pool, as far as anything was asked for them.
#[derive(Debug)]
pub(crate) enum Members {
    /// All of them; none of a purchase of one number, or of a pool that has not begun.
    Read(Vec<Purchase>),
    /// They are too many to be read here, so nothing is said of what became of each.
    Unread,
}

/// A purchase, with what it is shown with.
#[derive(Debug)]
pub(crate) struct Shown {
    /// The purchase.
    pub(crate) stored: Stored,
    /// What it stands on.
    pub(crate) standing: Standing,
    /// Its numbers, where it is a pool.
    pub(crate) members: Members,
}

/// How far a purchase is, of one number or of a pool: what the contract shows as `state`, and what follows from it.
struct Progress {
    state: &'static str,
    /// Whether nothing more happens by itself.
    ended: bool,
    /// Whether nothing was asked for yet.
    waits: bool,
    reason: Option<Reason>,
    held: bool,
}

impl Shown {
    /// When asking again is worth it; none once the purchase has ended.
    pub(crate) fn retry_after_s(&self) -> Option<u32> {
        let progress = self.progress();
        match (&self.standing, progress.waits, progress.ended) {
            (_, _, true) => None,
            (Standing::Waiting(..) | Standing::NeedsPhone, true, false) => Some(RETRY_AFTER_PERSON_S),
            (Standing::Waiting(..) | Standing::NeedsPhone | Standing::Cleared | Standing::Ended, _, false) => {
                Some(RETRY_AFTER_MACHINE_S)
            }
        }
    }

    /// The purchase as the contract shows it.
    pub(crate) fn view(&self) -> Value {
        let request = self.stored.request();
        let progress = self.progress();
        let mut view = Map::new();
        let mut set = |name: &str, value: Value| view.insert(name.to_owned(), value);
        set("id", json!(request.id.as_str()));
        set("sub_account", json!(request.sub_account.as_str()));
        set("state", json!(progress.state));
        if let Some(reason) = &progress.reason {
            set("reason", json!(reason_name(reason)));
        }
        if let Some(action) = self.next_action(&progress) {
            set("next_action", json!(action));
        }
        set("created_at", json!(rfc3339(request.created_at)));
        match &self.stored {
            Stored::One(StoredPurchase { purchase, .. }) => {
                set("kind", json!("number"));
                set("if_unavailable", json!(if_unavailable_name(&purchase.if_unavailable)));
                set("updated_at", json!(rfc3339(purchase.updated_at)));
                set("numbers", json!([number_view(purchase)]));
            }
            Stored::Pool(StoredPool { pool, .. }) => {
                set("kind", json!("number_pool"));
                set("if_unavailable", json!(if_unavailable_name(&pool.if_unavailable)));
                set("fulfilment", json!(fulfilment_name(&pool.fulfilment)));
                let (updated_at, numbers) = match &self.members {
                    Members::Read(members) => {
                        let last = members.iter().map(|member| member.updated_at).fold(pool.updated_at, Ord::max);
                        (last, pool_numbers(pool, members))
                    }
                    Members::Unread => {
                        let numbers = pool.numbers.iter().map(|number| json!({"phone_number": number.as_str()}));
                        (pool.updated_at, numbers.collect())
                    }
                };
                set("updated_at", json!(rfc3339(updated_at)));
                set("numbers", Value::Array(numbers));
            }
        }
        match &self.standing {
            Standing::Waiting(verification, _, session) => {
                set("deadline", json!(rfc3339(request.deadline)));
                set("verification", waiting_view(verification, session.as_ref()));
            }
            Standing::NeedsPhone => {
                set("deadline", json!(rfc3339(request.deadline)));
            }
            Standing::Cleared | Standing::Ended => {}
        }
        Value::Object(view)
    }

    fn progress(&self) -> Progress {
        let shown_waiting = match self.standing {
            Standing::Waiting(..) | Standing::NeedsPhone => "awaiting_verification",
            Standing::Cleared | Standing::Ended => "queued",
        };
        match &self.stored {
            Stored::One(StoredPurchase { purchase, .. }) => {
                let state = &purchase.state;
                let waits = *state == PurchaseState::Waiting;
                Progress {
                    state: if waits { shown_waiting } else { state_name(state) },
                    ended: !waits && !matches!(state, PurchaseState::Buying(_) | PurchaseState::Releasing(_)),
                    waits,
                    reason: match state {
                        PurchaseState::Failed { reason, .. } => Some(*reason),
                        PurchaseState::Waiting
                        | PurchaseState::Buying(_)
                        | PurchaseState::Completed { .. }
                        | PurchaseState::Expired { .. }
                        | PurchaseState::Cancelled { .. }
                        | PurchaseState::Releasing(_)
                        | PurchaseState::Released { .. }
                        | PurchaseState::Held { .. } => None,
                    },
                    held: matches!(state, PurchaseState::Held { .. }),
                }
            }
            Stored::Pool(StoredPool { pool, .. }) => {
                let waits = pool.state == PoolState::Waiting;
                Progress {
                    state: if waits { shown_waiting } else { pool_state_name(&pool.state) },
                    ended: !waits && !matches!(pool.state, PoolState::Buying | PoolState::Releasing { .. }),
                    waits,
                    reason: match pool.state {
                        PoolState::Releasing { reason }
                        | PoolState::PartiallyCompleted { reason, .. }
                        | PoolState::Failed { reason, .. } => Some(reason),
                        PoolState::Waiting
                        | PoolState::Buying
                        | PoolState::Completed { .. }
                        | PoolState::Expired { .. }
                        | PoolState::Cancelled { .. }
                        | PoolState::Held { .. } => None,
                    },
                    held: matches!(pool.state, PoolState::Held { .. }),
                }
            }
        }
    }

    fn next_action(&self, progress: &Progress) -> Option<&'static str> {
        match (&self.standing, &progress.reason) {
            (Standing::Waiting(verification, phone, _), _) if progress.waits => {
                verification_action(verification, *phone).or_else(|| phone_action(*phone))
            }
            (Standing::NeedsPhone, _) if progress.waits => Some(VERIFY_PHONE),
            _ if progress.held => Some("contact_support"),
            (_, Some(reason)) if progress.ended => reason_action(*reason),
            (Standing::Waiting(..) | Standing::NeedsPhone | Standing::Cleared | Standing::Ended, _) => None,
        }
    }
}

/// A verification as the contract shows it, with its session where one was just handed out; `phone` as it is missing for
/// the name on the ID to be compared with its owner's.
pub(crate) fn verification_view(
    verification: &Verification,
    session: Option<&Session>,
    policy: &VerificationPolicy,
    phone: PhoneRequirement,
) -> Value {
    let mut view = waiting_view(verification, session);
    view["attempts_left"] = json!(policy.attempts_max.saturating_sub(verification.attempts_used));
    if let Some(action) = verification_action(verification, phone) {
        view["next_action"] = json!(action);
    }
    if let Some(at) = verification.verified_at() {
        view["verified_at"] = json!(rfc3339(at));
    }
    view
}

/// The verification of a sub-account that its agency covers: the agency's own inquiry is none of its business.
pub(crate) fn covered_view(agency: &Verification) -> Value {
    let mut view = json!({"state": verification_state_name(&agency.state), "covered_by": "agency"});
    if let Some(at) = agency.verified_at() {
        view["verified_at"] = json!(rfc3339(at));
    }
    view
}

/// One entry of an audit, as data and as a sentence.
pub(crate) fn audit_view(entry: &AuditEntry) -> Value {
    let mut view = json!({"at": rfc3339(entry.at), "from": entry.from, "to": entry.to});
    let mut set = |name: &str, value: &str| view[name] = json!(value);
    let what = match &entry.cause {
        AuditCause::Event { id, inquiry, status } => {
            let status = inquiry_status_name(status);
            set("by", "persona");
            set("what", status);
            set("event_id", id.as_str());
            set("inquiry_id", inquiry.as_str());
            format!("Persona's event {id} said that the inquiry {inquiry} is {status}")
        }
        AuditCause::Look { inquiry, status } => {
            let status = inquiry_status_name(status);
            set("by", "persona");
            set("what", status);
            set("inquiry_id", inquiry.as_str());
            format!("Persona, when asked, said that the inquiry {inquiry} is {status}")
        }
        AuditCause::Redacted { inquiry } => {
            set("by", "persona");
            set("what", "redacted");
            set("inquiry_id", inquiry.as_str());
            format!("Persona, when asked, had redacted the inquiry {inquiry} before it was decided")
        }
        AuditCause::Opened { inquiry } => {
            set("by", "customer");
            set("what", "opened");
            set("inquiry_id", inquiry.as_str());
            format!("The inquiry {inquiry} was opened for the customer")
        }
        AuditCause::Resumed { inquiry } => {
            set("by", "customer");
            set("what", "resumed");
            set("inquiry_id", inquiry.as_str());
            format!("The customer asked to go on with the inquiry {inquiry}")
        }
        AuditCause::NotResumed { inquiry } => {
            set("by", "persona");
            set("what", "not_resumed");
            set("inquiry_id", inquiry.as_str());
            format!("Persona refused to resume the inquiry {inquiry}")
        }
        AuditCause::NamesCompared { inquiry, levels } => {
            let (first, last) = (name_level_name(&levels.first), name_level_name(&levels.last));
            set("by", "dialgate");
            set("what", "names_compared");
            set("inquiry_id", inquiry.as_str());
            set("first_name", first);
            set("last_name", last);
            format!("The name on the ID was compared with the phone's owner: first name {first}, last name {last}")
        }
        AuditCause::Operator { action, operator } => {
            let did = match action {
                OperatorAction::Approve => "approved",
                OperatorAction::Revoke => "revoked",
                OperatorAction::ResetAttempts => "reset the attempts",
            };
            told_by(operator, operator_action_name(action), did, &mut set)
        }
        AuditCause::Profile { agency, account, operator, version: _ } => {
            let mut whose = "no agency".to_owned();
            if let Some(agency) = agency {
                set("agency", agency.as_str());
                whose = format!("the agency {agency}");
            }
            let mut whence = "the default account".to_owned();
            if let Some(account) = account {
                set("twilio_account", account.as_str());
                whence = format!("the account {account}");
            }
            told_by(operator, "profile", &format!("wrote the customer's profile, with {whose} and {whence}"), &mut set)
        }
        AuditCause::Erased { operator } => told_by(operator, "erased", "had the customer forgotten", &mut set),
        AuditCause::Forgotten { hash } => {
            set("what", "forgotten");
            set("hash", hash);
            "Something happened that was forgotten since".to_owned()
        }
    };
    let led = if entry.from == entry.to {
        format!("it stayed {}", entry.to)
    } else {
        format!("{} became {}", entry.from, entry.to)
    };
    set("sentence", &format!("{what}; {led}."));
    view
}

/// What an operator did, and why, as data and as the beginning of a sentence.
fn told_by(operator: &Operator, what: &str, did: &str, set: &mut impl FnMut(&str, &str)) -> String {
    set("by", "operator");
    set("what", what);
    set("reason", operator.reason.as_str());
    let mut name = "without a name";
    if let Some(known) = &operator.name {
        set("operator", known.as_str());
        name = known.as_str();
    }
    format!("The operator {name} {did}, because: {}", operator.reason.as_str())
}

fn waiting_view(verification: &Verification, session: Option<&Session>) -> Value {
    let mut view = json!({"state": verification_state_name(&verification.state)});
    if let VerificationState::InProgress { phase } = verification.state {
        view["phase"] = json!(match phase {
            Phase::NeedsUser => "needs_user",
            Phase::Processing => "processing",
        });
    }
    if let Some(inquiry) = &verification.inquiry {
        view["inquiry_id"] = json!(inquiry.id.as_str());
    }
    if let Some(session) = session {
        view["session_token"] = json!(session.token.expose_secret());
        if let Some(link) = &session.one_time_link {
            view["one_time_link"] = json!(link.expose_secret());
        }
    }
    view
}

fn pool_numbers(pool: &Pool, members: &[Purchase]) -> Vec<Value> {
    let number = |index: MemberIndex| {
        let member = members.iter().find(|member| member.place == Place::Member(index));
        member.map(number_view).or_else(|| pool.unborn(index).as_ref().map(number_view))
    };
    MemberIndex::all(pool.numbers.len()).filter_map(number).collect()
}

fn number_view(purchase: &Purchase) -> Value {
    let mut view = json!({"phone_number": purchase.number.as_str()});
    let state = match &purchase.state {
        PurchaseState::Waiting => "waiting",
        PurchaseState::Buying(_) | PurchaseState::Held { .. } => "buying",
        // Until the carrier says that it is gone, it is ours.
        PurchaseState::Completed { sid, .. } | PurchaseState::Releasing(Release { sid, .. }) => {
            view["sid"] = json!(sid.as_str());
            "bought"
        }
        PurchaseState::Failed { reason, .. } => {
            view["reason"] = json!(reason_name(reason));
            "failed"
        }
        PurchaseState::Released { .. } => {
            view["reason"] = json!(reason_name(&Reason::PoolUndone));
            "released"
        }
        // Never asked for, and never will be.
        PurchaseState::Expired { .. } | PurchaseState::Cancelled { .. } => "waiting",
    };
    view["state"] = json!(state);
    for (name, numbers) in [("instead_of", &purchase.given_up), ("alternatives", &purchase.alternatives)] {
        if !numbers.is_empty() {
            view[name] = numbers.iter().map(PhoneNumber::as_str).collect();
        }
    }
    view
}

fn reason_action(reason: Reason) -> Option<&'static str> {
    match reason {
        Reason::NumberUnavailable => Some("choose_another_number"),
        Reason::DuplicatePurchase | Reason::PoolUndone => None,
        Reason::CarrierRefused
        | Reason::AddressRequired
        | Reason::AccountRestricted
        | Reason::VerificationRevoked
        | Reason::CarrierUnresponsive => Some("contact_support"),
    }
}

/// What a customer does next who needs an approved phone.
pub(crate) const VERIFY_PHONE: &str = "verify_phone";

fn phone_action(phone: PhoneRequirement) -> Option<&'static str> {
    match phone {
        PhoneRequirement::Met => None,
        PhoneRequirement::VerifyPhone => Some(VERIFY_PHONE),
    }
}

/// What an owner can do next about its verification, where a phone may be missing for its name to be compared.
pub(crate) fn verification_action(verification: &Verification, phone: PhoneRequirement) -> Option<&'static str> {
    match verification.state {
        VerificationState::Unverified
        | VerificationState::Declined
        | VerificationState::Failed
        | VerificationState::Expired => Some("start_verification"),
        VerificationState::InProgress { phase: Phase::NeedsUser } => Some("complete_verification"),
        VerificationState::InReview { by: Reviewer::Names { .. } } => match verification.names {
            NameCheck::NotWanted | NameCheck::Wanted => phone_action(phone),
            NameCheck::Compared(_) => Some("contact_support"),
        },
        VerificationState::InProgress { phase: Phase::Processing }
        | VerificationState::InReview { by: Reviewer::Persona }
        | VerificationState::Verified { .. } => None,
        VerificationState::Locked | VerificationState::Revoked { .. } => Some("contact_support"),
    }
}
