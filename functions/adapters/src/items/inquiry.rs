//! The inquiry map's item: whose inquiry it is, and what is remembered of it once another has replaced it.

use domain::{FormerInquiry, InquiryId, Instant, Owner, Seen, TemplateId};

use super::verification::{SEEN_AT, SEEN_CLASS, class_name, insert_seen, seen_from_fields};
use super::{Fields, copied, keys, n, s};
use crate::store::{Condition, Item, Key, PK, SK, StoreError, Value, Write};

/// Which owner an inquiry was opened for, and from which template: what makes an event ours.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InquiryMap {
    /// The owner.
    pub owner: Owner,
    /// The template.
    pub template: TemplateId,
    /// The newest of what Persona said of it, once another inquiry has replaced it: until then its verification knows.
    pub seen: Option<Seen>,
}

impl InquiryMap {
    /// # Errors
    /// [`StoreError::Broken`] when an attribute cannot be read.
    pub fn from_item(item: &Item) -> Result<Self, StoreError> {
        let fields = Fields(item);
        Ok(Self {
            owner: keys::owner_of_pk(fields.text("owner")?)?,
            template: fields.parsed("template", TemplateId::parse)?,
            seen: seen_from_fields(&fields)?,
        })
    }

    /// The item of an inquiry that was just opened.
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
        item
    }

    /// The inquiry as a former one.
    #[must_use]
    pub fn former(self) -> FormerInquiry {
        FormerInquiry { seen: self.seen, template: self.template }
    }
}

/// Writes down what is now remembered of an inquiry that another replaces or has replaced, on condition of what was
/// read of it. An inquiry that was forgotten stays so: the write is refused.
#[must_use]
pub fn remember_former(inquiry: &InquiryId, read: Option<Seen>, seen: Seen) -> Write {
    let unchanged = match read {
        None => Condition::Missing(SEEN_AT),
        Some((_, at)) => Condition::Equals(SEEN_AT, n(at)),
    };
    Write::Update {
        key: keys::inquiry_map(inquiry),
        set: vec![(SEEN_CLASS, s(class_name(&seen.0))), (SEEN_AT, n(seen.1))],
        remove: vec![],
        expect: Condition::All(vec![Condition::ItemPresent, unchanged]),
    }
}
