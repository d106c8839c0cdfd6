//! The filters of `GET /inquiries` (reference page "List all Inquiries").

use super::clock::Moment;
use super::errors::ApiError;
use super::inquiry::{Inquiry, Status};
use super::resource::Template;

/// Inquiries that can be asked for by id in one list.
const INQUIRY_IDS_MAX: usize = 100;

/// One filter of `GET /inquiries`.
#[derive(Debug)]
pub(super) enum Filter {
    ReferenceId(String),
    Status(Vec<Status>),
    InquiryTemplateId(Vec<String>),
    AccountId(Vec<String>),
    InquiryId(Vec<String>),
    /// A template of the old kind, which no simulated inquiry has.
    LegacyTemplateId,
    CreatedAtStart(Moment),
    CreatedAtEnd(Moment),
    Note(String),
}

impl Filter {
    /// The filter of that name, in kebab-case.
    pub(super) fn parse(name: &str, value: &str) -> Result<Self, ApiError> {
        let items = || value.split(',').map(|item| item.trim().to_owned()).collect::<Vec<_>>();
        let instant = || {
            let parsed = Moment::parse(value);
            parsed.ok_or_else(|| ApiError::bad_request(format!("filter[{name}] must be an RFC 3339 instant")))
        };
        match name {
            "reference-id" => Ok(Self::ReferenceId(value.to_lowercase())),
            "status" => {
                let statuses = value.split(',').map(|text| Status::parse(text.trim())).collect::<Option<Vec<_>>>();
                statuses
                    .map(Self::Status)
                    .ok_or_else(|| ApiError::bad_request("filter[status] names an unknown status"))
            }
            "inquiry-template-id" => Ok(Self::InquiryTemplateId(items())),
            "account-id" => Ok(Self::AccountId(items())),
            "inquiry-id" => match items() {
                ids if ids.len() > INQUIRY_IDS_MAX => {
                    Err(ApiError::bad_request(format!("filter[inquiry-id] takes at most {INQUIRY_IDS_MAX} ids")))
                }
                ids => Ok(Self::InquiryId(ids)),
            },
            "template-id" => Ok(Self::LegacyTemplateId),
            "created-at-start" => instant().map(Self::CreatedAtStart),
            "created-at-end" => instant().map(Self::CreatedAtEnd),
            "note" => Ok(Self::Note(value.to_owned())),
            unknown => Err(ApiError::bad_request(format!("filter[{unknown}] is not a filter of inquiries"))),
        }
    }

    /// Whether the inquiry is one of those that are wanted.
    pub(super) fn passes(&self, inquiry: &Inquiry, template: &Template) -> bool {
        match self {
            Self::ReferenceId(wanted) => inquiry.reference_id.as_ref().is_some_and(|id| id.to_lowercase() == *wanted),
            Self::Status(wanted) => wanted.contains(&inquiry.status),
            Self::InquiryTemplateId(wanted) => wanted.contains(&template.id),
            Self::AccountId(wanted) => inquiry.account_id.as_ref().is_some_and(|id| wanted.contains(id)),
            Self::InquiryId(wanted) => wanted.contains(&inquiry.id),
            Self::LegacyTemplateId => false,
            Self::CreatedAtStart(start) => inquiry.created_at >= *start,
            Self::CreatedAtEnd(end) => inquiry.created_at <= *end,
            Self::Note(wanted) => inquiry.note.as_ref() == Some(wanted),
        }
    }
}
