//! Checks of a signature that are wrong, each as it was seen in public code. The vectors must tell every one from a
//! right one. Names say what is wrong; `SEEN` says where.

use std::collections::BTreeMap;

use serde_json::Value;
use tests::hmac::hmac;

use crate::file::{Case, Verdict};

/// How old or early a signature may be, in seconds.
const TOLERANCE_S: i64 = 300;

/// A check that is wrong.
pub(crate) struct KnownBad {
    /// What is wrong with it.
    pub(crate) name: &'static str,
    /// Where it was seen: by number, one of sixteen public integrations of Persona that were read in November 2026.
    pub(crate) seen: &'static str,
    /// The check.
    pub(crate) check: fn(&Case) -> Verdict,
}

/// All of them.
pub(crate) const KNOWN_BAD: [KnownBad; 20] = [
    bad("hmac over the body only", "6, 13, and a widely copied skill", over_the_body_only),
    bad("hmac over the body written anew", "1, 13", over_the_body_written_anew),
    bad("compares as far as the signature goes", "RUSTSEC-2024-0010", compares_a_prefix),
    bad("the first time for all sets", "12, and Persona's own Ruby sample", first_time_for_all_sets),
    bad("splits on commas only", "4, 10", splits_on_commas_only),
    bad("takes any age", "10, 12, 14", takes_any_age),
    bad("compares with the secret itself", "16", compares_the_secret),
    bad("checks only if the header is there", "13", only_if_the_header_is_there),
    bad("checks only if a secret is set", "1", only_if_a_secret_is_set),
    bad("takes any time to come", "a check of `now - t > 300`", takes_any_time_to_come),
    bad("reads the time leniently", "`parseInt`, `Number()`", reads_the_time_leniently),
    bad("reads another header", "1", reads_another_header),
    bad("wants a header that is not sent", "8", wants_a_header_that_is_not_sent),
    bad("the whole header is the signature", "6", whole_header_is_the_signature),
    bad("cuts off the secret's prefix", "a habit from other vendors", cuts_off_the_secrets_prefix),
    bad("the newest secret only", "4, 10: breaks while a secret is rotated", newest_secret_only),
    bad("any version of signature", "reads what stands behind the last `=`", any_version),
    bad("falls over a signature of another length", "12: `timingSafeEqual` throws", falls_over_another_length),
    bad("reads the body as text first", "`await request.text()`", reads_the_body_as_text),
    bad("tries any number of sets", "no limit in any of the sixteen", any_number_of_sets),
];

const fn bad(name: &'static str, seen: &'static str, check: fn(&Case) -> Verdict) -> KnownBad {
    KnownBad { name, seen, check }
}

/// What a check with one mistake still does right.
struct Rules<'a> {
    /// The secrets that count.
    secrets: Vec<&'a str>,
    /// What is signed for a time.
    message: fn(time: &str, body: &[u8]) -> Vec<u8>,
    /// Whether a signature is the right one.
    same: fn(right: &str, sent: &str) -> bool,
    /// The verdict on a right signature of this age, in seconds.
    judge: fn(age_s: i64) -> Verdict,
    /// What a time is.
    time: fn(&str) -> Option<i64>,
    /// Sets that are tried.
    sets_max: usize,
}

impl<'a> Rules<'a> {
    fn right(case: &'a Case) -> Self {
        Self {
            secrets: case.secrets.iter().map(String::as_str).filter(|secret| is_secret(secret)).collect(),
            message: |time, body| [time.as_bytes(), b".", body].concat(),
            same: |right, sent| right.eq_ignore_ascii_case(sent),
            judge: |age_s| {
                if age_s < -TOLERANCE_S {
                    Verdict::Invalid
                } else if age_s > TOLERANCE_S {
                    Verdict::Stale
                } else {
                    Verdict::Valid
                }
            },
            time: |text| {
                let digits = text.bytes().all(|byte| byte.is_ascii_digit()) && text.len() <= 11;
                text.parse().ok().filter(|_| digits && (text == "0" || !text.starts_with('0')))
            },
            sets_max: 4,
        }
    }

    fn check(&self, case: &Case, header: &str) -> Verdict {
        let sets: Vec<&str> = header.split(' ').filter(|set| !set.is_empty()).collect();
        if header.len() > 1024 || sets.len() > self.sets_max {
            return Verdict::Invalid;
        }
        let parsed = sets.into_iter().filter_map(|set| {
            let (time, signature) = set.strip_prefix("t=")?.split_once(",v1=")?;
            Some((time, signature))
        });
        self.best(case, parsed)
    }

    /// The best verdict on pairs of a time and a signature.
    fn best<'s>(&self, case: &Case, sets: impl Iterator<Item = (&'s str, &'s str)>) -> Verdict {
        let body = case.body();
        let mut best = Verdict::Invalid;
        for (time, signature) in sets {
            let Some(time_s) = (self.time)(time) else { continue };
            let right = |secret: &&str| (self.same)(&hmac(secret.as_bytes(), &(self.message)(time, &body)), signature);
            if self.secrets.iter().any(right) {
                match (self.judge)(case.now.saturating_sub(time_s)) {
                    Verdict::Valid => return Verdict::Valid,
                    Verdict::Stale => best = Verdict::Stale,
                    Verdict::Invalid | Verdict::Crash => {}
                }
            }
        }
        best
    }
}

/// Whether a receiver may start with this text as its secret, by what the file's receiver has set up.
fn is_secret(text: &str) -> bool {
    let random: Vec<char> = text.chars().skip("wbhsec_".len()).collect();
    let different = (0..random.len()).filter(|place| !random[..*place].contains(&random[*place])).count();
    let published = ["abcdefgh-1234-5678-9ijk-lmnopqrstuvw", "change", "example", "placeholder", "secret", "webhook"];
    let guessable = published.iter().any(|word| random.iter().collect::<String>().contains(word));
    text.starts_with("wbhsec_") && random.len() >= 9 && !random.contains(&' ') && different >= 8 && !guessable
}

/// A right check, written apart from the adapter's, that the mistakes are made in.
pub(crate) fn right(case: &Case) -> Verdict {
    with(case, |_| {})
}

/// The right check after one change.
fn with<'a>(case: &'a Case, change: impl FnOnce(&mut Rules<'a>)) -> Verdict {
    let mut rules = Rules::right(case);
    change(&mut rules);
    match case.header() {
        Some(header) => rules.check(case, &header),
        None => Verdict::Invalid,
    }
}

fn over_the_body_only(case: &Case) -> Verdict {
    with(case, |rules| rules.message = |_, body| body.to_vec())
}

fn over_the_body_written_anew(case: &Case) -> Verdict {
    with(case, |rules| {
        rules.message = |time, body| {
            let anew = serde_json::from_slice::<Value>(body).map(|value| value.to_string().into_bytes());
            [time.as_bytes(), b".", &anew.unwrap_or_else(|_| body.to_vec())].concat()
        };
    })
}

fn compares_a_prefix(case: &Case) -> Verdict {
    with(case, |rules| {
        rules.same = |right, sent| right.bytes().zip(sent.bytes()).all(|(one, other)| one.eq_ignore_ascii_case(&other))
    })
}

fn first_time_for_all_sets(case: &Case) -> Verdict {
    let header = case.header().unwrap_or_default();
    let time = header.split([' ', ',']).find_map(|part| part.strip_prefix("t=")).unwrap_or_default();
    let signatures = header.split([' ', ',']).filter_map(|part| part.strip_prefix("v1="));
    Rules::right(case).best(case, signatures.map(|signature| (time, signature)))
}

fn splits_on_commas_only(case: &Case) -> Verdict {
    let header = case.header().unwrap_or_default();
    let parts: BTreeMap<&str, &str> = header.split(',').filter_map(|part| part.split_once('=')).collect();
    let set = parts.get("t").copied().zip(parts.get("v1").copied());
    Rules::right(case).best(case, set.into_iter())
}

fn takes_any_age(case: &Case) -> Verdict {
    with(case, |rules| rules.judge = |_| Verdict::Valid)
}

fn compares_the_secret(case: &Case) -> Verdict {
    let header = case.header().unwrap_or_default();
    if case.secrets.contains(&header) { Verdict::Valid } else { Verdict::Invalid }
}

fn only_if_the_header_is_there(case: &Case) -> Verdict {
    if case.header().is_none() { Verdict::Valid } else { right(case) }
}

fn only_if_a_secret_is_set(case: &Case) -> Verdict {
    if case.secrets.iter().all(String::is_empty) { Verdict::Valid } else { right(case) }
}

fn takes_any_time_to_come(case: &Case) -> Verdict {
    with(case, |rules| rules.judge = |age_s| if age_s > TOLERANCE_S { Verdict::Stale } else { Verdict::Valid })
}

fn reads_the_time_leniently(case: &Case) -> Verdict {
    with(case, |rules| rules.time = |text| text.trim().parse().ok())
}

fn reads_another_header(case: &Case) -> Verdict {
    match case.other_headers.get("X-Persona-Signature") {
        Some(header) => Rules::right(case).check(case, header),
        None => Verdict::Invalid,
    }
}

fn wants_a_header_that_is_not_sent(case: &Case) -> Verdict {
    if case.other_headers.contains_key("Persona-Timestamp") { right(case) } else { Verdict::Invalid }
}

fn whole_header_is_the_signature(case: &Case) -> Verdict {
    let header = case.header().unwrap_or_default();
    let right = case.secrets.iter().any(|secret| hmac(secret.as_bytes(), &case.body()) == header);
    if right { Verdict::Valid } else { Verdict::Invalid }
}

fn cuts_off_the_secrets_prefix(case: &Case) -> Verdict {
    with(case, |rules| {
        for secret in &mut rules.secrets {
            *secret = secret.strip_prefix("wbhsec_").unwrap_or(secret);
        }
    })
}

fn newest_secret_only(case: &Case) -> Verdict {
    with(case, |rules| rules.secrets.truncate(1))
}

fn any_version(case: &Case) -> Verdict {
    let header = case.header().unwrap_or_default();
    let time = header.split(',').find_map(|part| part.strip_prefix("t=")).unwrap_or_default();
    let signature = header.rsplit('=').next().unwrap_or_default();
    Rules::right(case).best(case, [(time, signature)].into_iter())
}

fn falls_over_another_length(case: &Case) -> Verdict {
    let header = case.header().unwrap_or_default();
    let length = header.split([' ', ',']).find_map(|part| part.strip_prefix("v1=")).unwrap_or_default().len();
    if length == 64 || header.is_empty() { right(case) } else { Verdict::Crash }
}

fn reads_the_body_as_text(case: &Case) -> Verdict {
    with(case, |rules| {
        rules.message = |time, body| {
            let text = String::from_utf8_lossy(body);
            format!("{time}.{}", text.strip_prefix('\u{feff}').unwrap_or(&text)).into_bytes()
        };
    })
}

fn any_number_of_sets(case: &Case) -> Verdict {
    with(case, |rules| rules.sets_max = usize::MAX)
}
