//! The bodies of the two requests.

use std::net::IpAddr;

use adapters::http_event::HttpRequest;
use adapters::problem::{Problem, ProblemType};
use adapters::regions::has_other_digits;
use adapters::request_body::{BodyError, read_object};
use domain::{BodyHash, Channel, IdempotencyKey, PhoneNumber};
use secrecy::SecretString;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use sha2::{Digest, Sha256};

/// Largest body, in bytes: a request takes under 200.
const BODY_BYTES_MAX: usize = 4 * 1024;

/// Digits of a passcode (Twilio Verify, "Services": `CodeLength` is 4 to 10).
const CODE_DIGITS: std::ops::RangeInclusive<usize> = 4..=10;

/// How many bits of an address of version 6 name a household or a site: the rest is the device's own choice.
const ADDRESS_BITS: u32 = 64;

/// Who is asked for a passcode, understood.
pub(crate) struct Asking {
    pub(crate) key: IdempotencyKey,
    pub(crate) number: PhoneNumber,
    pub(crate) channel: Channel,
    /// A hash of the address that the person has.
    pub(crate) address: Option<String>,
    /// Of number and channel: spaces and the order of fields make no difference.
    pub(crate) hash: BodyHash,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct StartBody {
    phone_number: String,
    #[serde(default)]
    channel: ChannelWord,
    /// Where the person is, when an agency's server asks on their behalf; else the request's own source counts. Whoever
    /// holds another token could name a fresh address each time.
    source_address: Option<IpAddr>,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "snake_case")]
enum ChannelWord {
    #[default]
    Sms,
    Call,
    Whatsapp,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct CheckBody {
    code: String,
}

impl Asking {
    /// Reads a request. Nothing is written for one that cannot be read, so its key stays free.
    pub(crate) fn read(request: &HttpRequest) -> Result<Self, Problem> {
        let key = request.idempotency_key()?;
        let body: StartBody = read_body(request)?;
        let number = PhoneNumber::parse(&body.phone_number)
            .map_err(|error| Problem::new(ProblemType::InvalidPhoneNumber, format!("{error}.")))?;
        if has_other_digits(&number) {
            let detail = "After its calling code the number has a digit that is not dialled from abroad, such as a 0.";
            return Err(Problem::new(ProblemType::InvalidPhoneNumber, detail));
        }
        let (channel, word) = match body.channel {
            ChannelWord::Sms => (Channel::Sms, "sms"),
            ChannelWord::Call => (Channel::Call, "call"),
            ChannelWord::Whatsapp => (Channel::Whatsapp, "whatsapp"),
        };
        let hash = BodyHash(Sha256::digest([number.as_str(), word].join("\0")).into());
        let by_agency = request.claims.as_ref().is_some_and(|claims| claims.agency.is_some());
        let named = body.source_address.filter(|_| by_agency);
        let address = named.or(request.source_address).map(address_hash);
        Ok(Self { key, number, channel, address, hash })
    }
}

/// Reads the passcode of a check. It is never part of a message or a log.
pub(crate) fn read_code(request: &HttpRequest) -> Result<SecretString, Problem> {
    let CheckBody { code } = read_body(request)?;
    if CODE_DIGITS.contains(&code.len()) && code.bytes().all(|byte| byte.is_ascii_digit()) {
        Ok(code.into())
    } else {
        Err(Problem::new(ProblemType::InvalidRequest, "The field `code` is not 4 to 10 digits."))
    }
}

/// Only the place is told: what is wrong there may be a passcode.
fn read_body<T: DeserializeOwned>(request: &HttpRequest) -> Result<T, Problem> {
    read_object(request, BODY_BYTES_MAX).map_err(|error| match error {
        BodyError::Unreadable { place, .. } => {
            Problem::new(ProblemType::InvalidRequest, format!("{place} cannot be understood."))
        }
        BodyError::TooLarge { .. } | BodyError::NotAnObject | BodyError::Followed => error.into(),
    })
}

/// Addresses are counted, never kept: 128 bits of a hash. Of version 6 only the part that a site is given counts.
fn address_hash(address: IpAddr) -> String {
    const HASH_BYTES: usize = 16;
    let site = match address.to_canonical() {
        IpAddr::V4(address) => address.octets().to_vec(),
        IpAddr::V6(address) => (address.to_bits() >> (u128::BITS - ADDRESS_BITS)).to_be_bytes().to_vec(),
    };
    let digest = Sha256::new().chain_update("source address\0").chain_update(site).finalize();
    hex::encode(&digest[..HASH_BYTES])
}
