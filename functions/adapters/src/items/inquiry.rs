//! The inquiry map's item: whose inquiry it is, and what is remembered of it once another has replaced it.

use domain::{Attempt, FormerInquiry, InquiryId, Instant, Owner, Seen, TemplateId};

use super::verification::{SEEN_AT, SEEN_CLASS, attempt_name, attempt_of, class_name, insert_seen, seen_from_fields};
use super::{Fields, VISITS, copied, keys, n, s, unreadable};
use crate::store::{Condition, DUE_AT, DUE_SHARD, Item, Key, PK, SK, StoreError, Value, Write};

/// Which owner an inquiry was opened for, and from which template: what makes an event ours.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InquiryMap {
    /// The owner.
    pub owner: Owner,
    /// The template.
    pub template: TemplateId,
    /// The newest of what Persona said of it, once another inquiry has replaced it: until then its verification knows.
    pub seen: Option<Seen>,
    /// Whether it had used one of the owner's attempts by then.
    pub attempt: Attempt,
}

/// Name of the attribute that says whether the inquiry has used an attempt; it is missing until another replaces it.
const ATTEMPT: &str = "attempt";

impl InquiryMap {
    /// An inquiry that was just opened for `owner` from `template`.
    #[must_use]
    pub fn new(owner: Owner, template: TemplateId) -> Self {
        Self { owner, template, seen: None, attempt: Attempt::Unused }
    }

    /// # Errors
    /// [`StoreError::Broken`] when an attribute cannot be read.
    pub fn from_item(item: &Item) -> Result<Self, StoreError> {
        let fields = Fields(item);
        let attempt = match fields.optional_text(ATTEMPT)? {
            Some(name) => attempt_of(name).ok_or_else(|| unreadable(ATTEMPT))?,
            None => Attempt::Unused,
        };
        Ok(Self {
            owner: keys::owner_of_pk(fields.text("owner")?)?,
            template: fields.parsed("template", TemplateId::parse)?,
            seen: seen_from_fields(&fields)?,
            attempt,
        })
    }

    /// The item of an inquiry that was opened at `at`.
    #[must_use]
    pub fn to_item(&self, inquiry: &InquiryId, at: Instant) -> Item {
        let Key { pk, sk } = keys::inquiry_map(inquiry);
        let mut item = Item::from([
            ("owner", s(keys::owner_pk(&self.owner))),
            ("template", copied(self.template.as_str())),
            ("created_at", n(at)),
            (PK, Value::S(pk)),
            (SK, Value::S(sk)),
        ]);
        insert_seen(&mut item, self.seen);
        if self.attempt == Attempt::Used {
            item.insert(ATTEMPT, s(attempt_name(&self.attempt)));
        }
        item
    }

    /// The inquiry as a former one.
    #[must_use]
    pub fn former(self) -> FormerInquiry {
        FormerInquiry { seen: self.seen, template: self.template, attempt: self.attempt }
    }
}

/// Writes down what is now remembered of an inquiry that another replaces or has replaced, on condition of what was
/// `read` of it, and when Persona is to be asked about it, if ever, counting from so many asks. An inquiry that was forgotten
/// stays so: the write is refused.
#[must_use]
pub fn remember_former(
    inquiry: &InquiryId,
    read: Option<Seen>,
    seen: Option<Seen>,
    attempt: Attempt,
    due: Option<(Instant, u32)>,
) -> Write {
    let unchanged = match read {
        None => Condition::Missing(SEEN_AT),
        Some((_, at)) => Condition::Equals(SEEN_AT, n(at)),
    };
    let key = keys::inquiry_map(inquiry);
    let mut set = vec![(ATTEMPT, s(attempt_name(&attempt)))];
    if let Some((class, at)) = seen {
        set.extend([(SEEN_CLASS, s(class_name(&class))), (SEEN_AT, n(at))]);
    }
    let names = [DUE_SHARD, DUE_AT, VISITS];
    let remove = match due {
        None => names.to_vec(),
        Some((due_at, asks)) => {
            set.extend(names.into_iter().zip([s(keys::ask_shard(&key.pk)), n(due_at), Value::N(asks.into())]));
            vec![]
        }
    };
    Write::Update { key, set, remove, expect: Condition::All(vec![Condition::ItemPresent, unchanged]) }
}
