//! Limits over time, as pure functions over a window of constant size.

use crate::instant::Instant;

use super::{Channel, DAY_MS, DistinctPhones, PASSCODE_LIFE_MS};

/// How many verifications may stay unanswered within a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limit {
    /// The time, in milliseconds.
    pub window_ms: i64,
    /// How many may be unanswered within it.
    pub unanswered_max: u32,
    /// How many answered ones allow one unanswered more: honest traffic raises its own limit, a campaign does not.
    pub answered_per_more: u32,
    /// How many there may be in a day of UTC, answered or not, if that is bounded.
    pub a_day_max: Option<u32>,
}

/// What was counted in one period.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Tally {
    /// Verifications that nobody has answered.
    pub unanswered: u32,
    /// Phones that answered, each once a day however often.
    pub answered: u32,
}

/// A sliding window, kept as two periods: what the one before counted fades as the current one goes on. However much
/// is counted, its size is constant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Window {
    /// When the current period began.
    pub began_at: Instant,
    /// The current period.
    pub current: Tally,
    /// The period before.
    pub previous: Tally,
    /// When a unit was taken last.
    pub taken_at: Option<Instant>,
    /// Until when everything is refused.
    pub blocked_until: Option<Instant>,
    /// Of a country: until when no passcode is sent there over a channel, as Twilio refused it; in the order of
    /// [`Channel::ALL`].
    pub refused_until: [Option<Instant>; Channel::ALL.len()],
    /// The day on which a unit was taken last, in days since 1970-01-01, UTC.
    pub day: i64,
    /// Units taken on that day, answered or not.
    pub taken_in_day: u32,
    /// Phones that were approved while this window was kept, where that makes a country served.
    pub phones: DistinctPhones,
}

impl Limit {
    /// A limit per hour.
    #[must_use]
    pub const fn per_hour(unanswered_max: u32, answered_per_more: u32) -> Self {
        Self { window_ms: DAY_MS / 24, unanswered_max, answered_per_more, a_day_max: None }
    }

    /// A limit per day.
    #[must_use]
    pub const fn per_day(unanswered_max: u32, answered_per_more: u32) -> Self {
        Self { window_ms: DAY_MS, unanswered_max, answered_per_more, a_day_max: None }
    }

    /// The same with a ceiling on a day's verifications, answered or not.
    #[must_use]
    pub const fn with_a_day_max(self, a_day_max: u32) -> Self {
        Self { a_day_max: Some(a_day_max), ..self }
    }

    /// How long after a period's start its counts can matter, in milliseconds.
    #[must_use]
    pub fn kept_ms(&self) -> i64 {
        let periods_ms = 2 * self.window_ms;
        if self.a_day_max.is_some() { periods_ms.max(DAY_MS) } else { periods_ms }
    }
}

impl Window {
    /// The window as it looks at `now`: periods that are over move back, and out.
    #[must_use]
    pub fn at(self, now: Instant, limit: &Limit) -> Self {
        let period = |instant: Instant| instant.unix_ms().div_euclid(limit.window_ms);
        let (current, previous) = match period(now) - period(self.began_at) {
            ..=0 => (self.current, self.previous),
            1 => (Tally::default(), self.current),
            2.. => (Tally::default(), Tally::default()),
        };
        // A clock that is behind does not bring a period back.
        let began = period(now).max(period(self.began_at)).saturating_mul(limit.window_ms);
        Self { began_at: Instant::from_unix_ms(began), current, previous, ..self }
    }

    /// When one more may be asked for: `None` means now.
    ///
    /// While the latest passcode can still be entered, that is when it no longer can: its answer makes room earlier
    /// than the window's own course would. Once the day's are used up no answer makes room, only the next day.
    #[must_use]
    pub fn opens_at(&self, now: Instant, limit: &Limit) -> Option<Instant> {
        let closed_until = self.blocked_until.max(self.day_ends_at(limit)).filter(|until| *until > now);
        if closed_until.is_some() {
            return closed_until;
        }
        let window = self.at(now, limit);
        let allowed = window.allowed(now, limit);
        if window.unanswered(now, limit) < allowed {
            return None;
        }
        let answered_by = window.taken_at.map(|at| at.plus_ms(PASSCODE_LIFE_MS)).filter(|until| *until > now);
        Some(answered_by.unwrap_or_else(|| window.fades_at(limit, allowed)).max(now.plus_ms(1)))
    }

    /// The window with one unit more taken at `now`.
    #[must_use]
    pub fn take(self, now: Instant, limit: &Limit) -> Self {
        let mut window = self.at(now, limit);
        window.current.unanswered = window.current.unanswered.saturating_add(1);
        window.taken_at = Some(now);
        // A clock that is behind does not bring a day back.
        if day_of(now) > window.day {
            (window.day, window.taken_in_day) = (day_of(now), 0);
        }
        window.taken_in_day = window.taken_in_day.saturating_add(1);
        window
    }

    /// The window without the unit that was taken at `taken_at`: nothing was sent for it. The day's count stands, since Lookup
    /// may have been paid for: whoever asks again and again for what is refused afterwards costs no more than that.
    #[must_use]
    pub fn give_back(self, taken_at: Instant, now: Instant, limit: &Limit) -> Self {
        self.answer_again(taken_at, now, limit)
    }

    /// The window with the unit that was taken at `taken_at` answered.
    #[must_use]
    pub fn answer(self, taken_at: Instant, now: Instant, limit: &Limit) -> Self {
        let mut window = self.answer_again(taken_at, now, limit);
        let tally = window.tally_at(taken_at);
        tally.answered = tally.answered.saturating_add(1);
        window
    }

    /// The window with the unit that was taken at `taken_at` answered by a phone that has answered today already: one phone
    /// raises no limit by answering again and again.
    #[must_use]
    pub fn answer_again(self, taken_at: Instant, now: Instant, limit: &Limit) -> Self {
        let mut window = self.at(now, limit);
        let tally = window.tally_at(taken_at);
        tally.unanswered = tally.unanswered.saturating_sub(1);
        window
    }

    /// The window with everything refused until `until`.
    #[must_use]
    pub fn block(self, until: Instant) -> Self {
        Self { blocked_until: self.blocked_until.max(Some(until)), ..self }
    }

    /// The window with the country refused over `channel` until `until`.
    #[must_use]
    pub fn refuse(mut self, channel: Channel, until: Instant) -> Self {
        for (_, refused_until) in Channel::ALL.into_iter().zip(&mut self.refused_until).filter(|(of, _)| *of == channel)
        {
            *refused_until = Some(until);
        }
        self
    }

    /// Until when the country is refused over `channel`; `None` where Twilio may be asked.
    #[must_use]
    pub fn refused_over(&self, channel: Channel, now: Instant) -> Option<Instant> {
        let mut channels = Channel::ALL.into_iter().zip(self.refused_until);
        channels.find_map(|(of, until)| until.filter(|until| of == channel && *until > now))
    }

    /// When the day is over whose units are used up.
    fn day_ends_at(&self, limit: &Limit) -> Option<Instant> {
        let used_up = limit.a_day_max.is_some_and(|most| self.taken_in_day >= most);
        used_up.then(|| Instant::from_unix_ms((self.day + 1).saturating_mul(DAY_MS)))
    }

    fn tally_at(&mut self, taken_at: Instant) -> &mut Tally {
        if taken_at >= self.began_at { &mut self.current } else { &mut self.previous }
    }

    fn unanswered(&self, now: Instant, limit: &Limit) -> u32 {
        self.current.unanswered.saturating_add(self.faded(self.previous.unanswered, now, limit))
    }

    fn allowed(&self, now: Instant, limit: &Limit) -> u32 {
        let answered = self.current.answered.saturating_add(self.faded(self.previous.answered, now, limit));
        limit.unanswered_max.saturating_add(answered.checked_div(limit.answered_per_more).unwrap_or(0))
    }

    /// How much of the period before still counts: all of it at the current one's start, none at its end; rounded up.
    fn faded(&self, count: u32, now: Instant, limit: &Limit) -> u32 {
        let left_ms = (limit.window_ms - now.ms_since(self.began_at)).clamp(0, limit.window_ms);
        let faded = (i64::from(count) * left_ms + limit.window_ms - 1) / limit.window_ms;
        u32::try_from(faded).unwrap_or(u32::MAX)
    }

    /// When the counts, left alone, have faded below what is allowed.
    fn fades_at(&self, limit: &Limit, allowed: u32) -> Instant {
        let ends_at = self.began_at.plus_ms(limit.window_ms);
        let room = i64::from(allowed) - 1;
        let fade = |ends_at: Instant, count: u32, room: i64| {
            // `count * left / window <= room`
            let left_ms = limit.window_ms * room / i64::from(count.max(1));
            ends_at.plus_ms(-left_ms.clamp(0, limit.window_ms))
        };
        let in_current = room - i64::from(self.current.unanswered);
        if in_current >= 0 {
            fade(ends_at, self.previous.unanswered, in_current)
        } else {
            fade(ends_at.plus_ms(limit.window_ms), self.current.unanswered, room.max(0))
        }
    }
}

/// In days since 1970-01-01, UTC.
fn day_of(instant: Instant) -> i64 {
    instant.unix_ms().div_euclid(DAY_MS)
}
