//! How many passcodes are answered: by country and channel, day by day, in an item of constant size. A person who has the
//! passcode sent again is still one person, who enters it once.

use crate::instant::Instant;
use crate::region::CountryCode;

use super::{DAY_MS, PASSCODE_LIFE_MS};

/// Days that are kept.
pub const CONVERSION_DAYS: usize = 8;

/// Below this conversion, in percent, somebody should look. Honest traffic converts at 98 to 99 % (Twilio's own case
/// of SMS pumping, 2021 to 2023); the threshold between is ours.
pub const CONVERSION_PERCENT_MIN: u32 = 90;

/// From so many people on, a conversion means something: in one shard of the counts, which is what a start reads. Ours.
pub const CONVERSION_SENT_MIN: u32 = 50;

/// What is counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Counted {
    /// A first message was sent to a phone.
    Sent,
    /// One more message was sent to a phone whose first one is counted and not answered.
    SentAgain,
    /// A passcode was checked, and wrong.
    Checked,
    /// A passcode was checked, and right.
    Approved,
}

/// One day's counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct DayCounts {
    /// Days since 1970-01-01, UTC.
    pub day: i64,
    /// Phones that were sent a passcode, however often.
    pub sent: u32,
    /// Messages, each of which is paid for.
    pub messages: u32,
    /// Passcodes checked, right and wrong ones.
    pub checked: u32,
    /// Passcodes that were right.
    pub approved: u32,
}

/// The counts of one country and channel.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ConversionCounts {
    /// The latest days with counts, oldest first, at most [`CONVERSION_DAYS`].
    pub days: Vec<DayCounts>,
    /// Which stretch of a passcode's life `sent_now` belongs to.
    pub stretch: i64,
    /// Phones that were sent a passcode in this stretch, which may still be answered.
    pub sent_now: u32,
    /// Phones that were sent one in the stretch before, some of which may still be answered.
    pub sent_before: u32,
}

/// A conversion.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Conversion {
    /// Phones that were sent a passcode which can no longer be answered.
    pub sent: u32,
    /// Passcodes that were right.
    pub approved: u32,
}

/// What a message costs, in millionths of a dollar: for estimates, since Twilio's bill comes later.
///
/// HighLevel's price table for LC Phone, which passes Twilio's prices on: United States and Canada $0.0083, Puerto Rico
/// $0.0420. Elsewhere the mean of the six other countries in it, $0.2237 (TT, ME, AO, MU, SR, NP).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MessagePrices {
    /// United States and Canada.
    pub us_ca: i64,
    /// Puerto Rico.
    pub puerto_rico: i64,
    /// Everywhere else.
    pub elsewhere: i64,
}

impl Default for MessagePrices {
    fn default() -> Self {
        Self { us_ca: 8_300, puerto_rico: 42_000, elsewhere: 223_700 }
    }
}

impl MessagePrices {
    /// What one message to this country costs, in millionths of a dollar.
    #[must_use]
    pub fn of(&self, country: CountryCode) -> i64 {
        match country.letters() {
            ['U', 'S'] | ['C', 'A'] => self.us_ca,
            ['P', 'R'] => self.puerto_rico,
            _ => self.elsewhere,
        }
    }
}

impl ConversionCounts {
    /// The counts with one more.
    #[must_use]
    pub fn counted(mut self, what: Counted, now: Instant) -> Self {
        self.roll(now);
        if let Some(today) = self.days.last_mut() {
            match what {
                Counted::Sent => {
                    today.sent = today.sent.saturating_add(1);
                    today.messages = today.messages.saturating_add(1);
                    self.sent_now = self.sent_now.saturating_add(1);
                }
                Counted::SentAgain => today.messages = today.messages.saturating_add(1),
                Counted::Checked => today.checked = today.checked.saturating_add(1),
                Counted::Approved => {
                    today.checked = today.checked.saturating_add(1);
                    today.approved = today.approved.saturating_add(1);
                }
            }
        }
        self
    }

    /// The conversion of today and yesterday. What was sent within the last passcode's life or two is left out: it
    /// may still be answered.
    #[must_use]
    pub fn recent(&self, now: Instant) -> Conversion {
        let today = now.unix_ms().div_euclid(DAY_MS);
        let recent = self.days.iter().filter(|day| day.day >= today - 1);
        let (sent, approved) = recent.fold((0_u32, 0_u32), |(sent, approved), day| {
            (sent.saturating_add(day.sent), approved.saturating_add(day.approved))
        });
        let open = match now.unix_ms().div_euclid(PASSCODE_LIFE_MS) - self.stretch {
            ..=0 => self.sent_now.saturating_add(self.sent_before),
            1 => self.sent_now,
            2.. => 0,
        };
        Conversion { sent: sent.saturating_sub(open), approved }
    }

    fn roll(&mut self, now: Instant) {
        let today = now.unix_ms().div_euclid(DAY_MS);
        if self.days.last().is_none_or(|latest| latest.day < today) {
            self.days.push(DayCounts { day: today, ..DayCounts::default() });
            let surplus = self.days.len().saturating_sub(CONVERSION_DAYS);
            self.days.drain(..surplus);
        }
        let stretch = now.unix_ms().div_euclid(PASSCODE_LIFE_MS);
        match stretch - self.stretch {
            ..=0 => {}
            1 => {
                self.sent_before = self.sent_now;
                self.sent_now = 0;
                self.stretch = stretch;
            }
            2.. => {
                self.sent_before = 0;
                self.sent_now = 0;
                self.stretch = stretch;
            }
        }
    }
}

impl Conversion {
    /// In percent, rounded down; `None` when nothing was sent.
    #[must_use]
    pub fn percent(&self) -> Option<u32> {
        self.approved.min(self.sent).saturating_mul(100).checked_div(self.sent)
    }

    /// Whether somebody should look.
    #[must_use]
    pub fn is_low(&self) -> bool {
        self.sent >= CONVERSION_SENT_MIN && self.percent().is_some_and(|percent| percent < CONVERSION_PERCENT_MIN)
    }
}
