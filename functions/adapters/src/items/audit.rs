//! The audit: one entry per change of a verification, in the same transaction, kept for good. It names ids, statuses,
//! instants and operators, nothing that Persona knows of a person.

use domain::{
    AccountSid, AgencyId, EventId, InquiryId, InquiryStatus, Instant, NameLevels, Operator, OperatorAction,
    OperatorName, OperatorReason, Owner, VerificationState,
};

use super::verification::{level_attributes, levels_from_fields, verification_state_of};
use super::{Fields, copied, keys, n, names, s, unreadable, verification_state_name};
use crate::store::{BY_TIME, Item, PK, SK, StoreError, Value};

/// One entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditEntry {
    /// When it was written, by our clock.
    pub at: Instant,
    /// What happened.
    pub cause: AuditCause,
    /// The name of the state that the verification had before.
    pub from: &'static str,
    /// The name of the state that it led to.
    pub to: &'static str,
}

/// What changed a verification.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AuditCause {
    /// Persona delivered an event. The same event is written down, and so applied, once.
    Event {
        /// Its id at Persona.
        id: EventId,
        /// The inquiry that it is about.
        inquiry: InquiryId,
        /// What it said.
        status: InquiryStatus,
    },
    /// We asked Persona. The same answer may change something again: an inquiry that expired, whose resumption was
    /// lost, still is expired.
    Look {
        /// The inquiry that we asked about.
        inquiry: InquiryId,
        /// What Persona answered.
        status: InquiryStatus,
    },
    /// We asked Persona, and it had redacted the inquiry before anything was decided of it.
    Redacted {
        /// The inquiry that we asked about.
        inquiry: InquiryId,
    },
    /// We opened an inquiry.
    Opened {
        /// The new inquiry.
        inquiry: InquiryId,
    },
    /// We resumed the current inquiry.
    Resumed {
        /// The inquiry.
        inquiry: InquiryId,
    },
    /// Persona refused to resume the current inquiry: what was noted of that was taken back.
    NotResumed {
        /// The inquiry.
        inquiry: InquiryId,
    },
    /// The name on the ID was compared with the phone's owner.
    NamesCompared {
        /// The inquiry whose ID it was.
        inquiry: InquiryId,
        /// How well they fit.
        levels: NameLevels,
    },
    /// An operator decided.
    Operator {
        /// What.
        action: OperatorAction,
        /// Who, and why.
        operator: Operator,
    },
    /// An operator changed the sub-account's profile, and thereby perhaps whose verification covers it.
    Profile {
        /// The agency that it names now.
        agency: Option<AgencyId>,
        /// The account at Twilio that it names now.
        account: Option<AccountSid>,
        /// The profile's version by then.
        version: i64,
        /// Who, and why.
        operator: Operator,
    },
    /// The owner was forgotten: its inquiries, and what older entries name.
    Erased {
        /// Who wanted it, and why.
        operator: Operator,
    },
    /// Something that was forgotten since.
    Forgotten {
        /// A hash of what the entry named, as hexadecimal digits.
        hash: String,
    },
}

names!(
    /// A status of an inquiry, as Persona writes it.
    pub inquiry_status_name, inquiry_status_of, InquiryStatus, {
        InquiryStatus::Created => "created" => InquiryStatus::Created,
        InquiryStatus::Pending => "pending" => InquiryStatus::Pending,
        InquiryStatus::Completed => "completed" => InquiryStatus::Completed,
        InquiryStatus::Failed => "failed" => InquiryStatus::Failed,
        InquiryStatus::Expired => "expired" => InquiryStatus::Expired,
        InquiryStatus::NeedsReview => "needs_review" => InquiryStatus::NeedsReview,
        InquiryStatus::Approved => "approved" => InquiryStatus::Approved,
        InquiryStatus::Declined => "declined" => InquiryStatus::Declined,
    }
);
names!(
    /// An operator's action, in the table and in the contract.
    pub operator_action_name, operator_action_of, OperatorAction, {
        OperatorAction::Approve => "approve" => OperatorAction::Approve,
        OperatorAction::Revoke => "revoke" => OperatorAction::Revoke,
        OperatorAction::ResetAttempts => "reset_attempts" => OperatorAction::ResetAttempts,
    }
);

impl AuditEntry {
    /// An entry for the change of a verification from one state to another.
    #[must_use]
    pub fn new(at: Instant, cause: AuditCause, from: &VerificationState, to: &VerificationState) -> Self {
        Self { at, cause, from: verification_state_name(from), to: verification_state_name(to) }
    }

    /// The entry's item. An event's is keyed by the event, so that it is written once; what else happened, by the
    /// version of the verification that it changed.
    #[must_use]
    pub fn to_item(&self, owner: &Owner, version: i64) -> Item {
        let (name, attributes) = match &self.cause {
            AuditCause::Event { id, inquiry, status } => (
                id.to_string(),
                vec![
                    ("cause", s("event")),
                    ("event", copied(id.as_str())),
                    ("inquiry", copied(inquiry.as_str())),
                    ("status", s(inquiry_status_name(status))),
                ],
            ),
            AuditCause::Look { inquiry, status } => (
                format!("look#{inquiry}#{version}"),
                vec![
                    ("cause", s("look")),
                    ("inquiry", copied(inquiry.as_str())),
                    ("status", s(inquiry_status_name(status))),
                ],
            ),
            AuditCause::Redacted { inquiry } => (
                format!("redacted#{inquiry}#{version}"),
                vec![("cause", s("redacted")), ("inquiry", copied(inquiry.as_str()))],
            ),
            AuditCause::Opened { inquiry } => {
                (format!("opened#{inquiry}"), vec![("cause", s("opened")), ("inquiry", copied(inquiry.as_str()))])
            }
            AuditCause::Resumed { inquiry } => (
                format!("resumed#{inquiry}#{version}"),
                vec![("cause", s("resumed")), ("inquiry", copied(inquiry.as_str()))],
            ),
            AuditCause::NotResumed { inquiry } => (
                format!("not_resumed#{inquiry}#{version}"),
                vec![("cause", s("not_resumed")), ("inquiry", copied(inquiry.as_str()))],
            ),
            AuditCause::NamesCompared { inquiry, levels } => {
                let mut attributes = vec![("cause", s("names_compared")), ("inquiry", copied(inquiry.as_str()))];
                attributes.extend(level_attributes(*levels));
                (format!("names#{inquiry}#{version}"), attributes)
            }
            AuditCause::Operator { action, operator } => {
                let mut attributes = vec![("cause", s("operator")), ("action", s(operator_action_name(action)))];
                attributes.extend(operator_attributes(operator));
                (format!("operator#{version}"), attributes)
            }
            AuditCause::Profile { agency, account, version, operator } => {
                let mut attributes = vec![("cause", s("profile")), ("version", Value::N(*version))];
                attributes.extend(agency.as_ref().map(|agency| ("agency", copied(agency.as_str()))));
                attributes.extend(account.as_ref().map(|account| ("account", copied(account.as_str()))));
                attributes.extend(operator_attributes(operator));
                (format!("profile#{version}"), attributes)
            }
            AuditCause::Erased { operator } => {
                let cause = std::iter::once(("cause", s("erased")));
                (format!("erased#{version}"), cause.chain(operator_attributes(operator)).collect())
            }
            AuditCause::Forgotten { hash } => {
                (format!("forgotten#{hash}"), vec![("cause", s("forgotten")), ("hash", copied(hash))])
            }
        };
        let key = keys::audit(owner, &name);
        let placed = [
            (BY_TIME, s(keys::by_time(keys::AUDIT_PREFIX, self.at, &name))),
            ("at", n(self.at)),
            ("from", s(self.from)),
            ("to", s(self.to)),
            (PK, s(key.pk)),
            (SK, s(key.sk)),
        ];
        placed.into_iter().chain(attributes).collect()
    }

    /// Reads an entry's item.
    ///
    /// # Errors
    /// [`StoreError::Broken`] when an attribute cannot be read.
    pub fn from_item(item: &Item) -> Result<Self, StoreError> {
        let fields = Fields(item);
        let inquiry = || fields.parsed("inquiry", InquiryId::parse);
        let status = || inquiry_status_of(fields.text("status")?).ok_or_else(|| unreadable("status"));
        let cause = match fields.text("cause")? {
            "event" => AuditCause::Event {
                id: fields.parsed("event", EventId::parse)?,
                inquiry: inquiry()?,
                status: status()?,
            },
            "look" => AuditCause::Look { inquiry: inquiry()?, status: status()? },
            "redacted" => AuditCause::Redacted { inquiry: inquiry()? },
            "opened" => AuditCause::Opened { inquiry: inquiry()? },
            "resumed" => AuditCause::Resumed { inquiry: inquiry()? },
            "not_resumed" => AuditCause::NotResumed { inquiry: inquiry()? },
            "names_compared" => AuditCause::NamesCompared { inquiry: inquiry()?, levels: levels_from_fields(&fields)? },
            "operator" => AuditCause::Operator {
                action: operator_action_of(fields.text("action")?).ok_or_else(|| unreadable("action"))?,
                operator: operator_of(&fields)?,
            },
            "profile" => AuditCause::Profile {
                agency: fields.optional_parsed("agency", AgencyId::parse)?,
                account: fields.optional_parsed("account", AccountSid::parse)?,
                version: fields.number("version")?,
                operator: operator_of(&fields)?,
            },
            "erased" => AuditCause::Erased { operator: operator_of(&fields)? },
            "forgotten" => AuditCause::Forgotten { hash: fields.text("hash")?.to_owned() },
            _ => return Err(unreadable("cause")),
        };
        Ok(Self {
            at: fields.instant("at")?,
            cause,
            from: state_name(&fields, "from")?,
            to: state_name(&fields, "to")?,
        })
    }
}

fn operator_attributes(operator: &Operator) -> impl Iterator<Item = (&'static str, Value)> {
    let name = operator.name.as_ref().map(|name| ("operator", copied(name.as_str())));
    std::iter::once(("reason", copied(operator.reason.as_str()))).chain(name)
}

fn operator_of(fields: &Fields<'_>) -> Result<Operator, StoreError> {
    let name = fields.optional_parsed("operator", OperatorName::parse)?;
    Ok(Operator { name, reason: fields.parsed("reason", OperatorReason::parse)? })
}

fn state_name(fields: &Fields<'_>, name: &str) -> Result<&'static str, StoreError> {
    let state = verification_state_of(fields.text(name)?).ok_or_else(|| unreadable(name))?;
    Ok(verification_state_name(&state))
}
