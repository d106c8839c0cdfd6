//! Every bound of the rules, with its unit and where it comes from.

/// Longest sub-account or agency id, in characters (HighLevel's ids are 20; room for others).
pub const OWNER_ID_CHARS_MAX: usize = 64;

/// Longest `Idempotency-Key`, in characters.
pub const IDEMPOTENCY_KEY_CHARS_MAX: usize = 128;

/// Longest id that a vendor gives us and we keep, in characters. Persona's are 28 to 32 today and "may change".
pub const VENDOR_ID_CHARS_MAX: usize = 64;

/// How often one slot may ask the carrier to create its number, before it only settles.
pub const CREATES_MAX: u32 = 8;

/// How long after its first request a slot may still ask the carrier to create, in milliseconds: 24 hours.
pub const CREATE_WINDOW_MS: i64 = 24 * 60 * 60 * 1000;

/// How long after a settled failure the carrier is asked a last time, in milliseconds: 24 hours.
pub const LAST_LOOK_AFTER_MS: i64 = 24 * 60 * 60 * 1000;

/// How far the carrier's clock may be behind ours, in milliseconds, before a number that it says is older than our
/// request counts as not ours. The carrier writes whole seconds.
pub const CARRIER_CLOCK_SKEW_MS: i64 = 5_000;

/// Most numbers of one pool: what one purchase may ask for at once (the contract's bound, and one page of a list).
pub const POOL_NUMBERS_MAX: usize = 100;

/// How often a number that is gone may be replaced by another of its area code.
pub const SWITCHES_MAX: usize = 5;

/// Most alternatives that a number which is gone comes with.
pub const ALTERNATIVES_MAX: usize = 5;

/// How long a number of an undone pool is offered back to the carrier before an operator must look, in milliseconds:
/// 24 hours.
pub const RELEASE_WINDOW_MS: i64 = 24 * 60 * 60 * 1000;

/// Purchases of one sub-account that may wait at the same time, unless its profile says otherwise.
pub const OPEN_PURCHASES_MAX_DEFAULT: u32 = 100;

/// Most that a profile may allow. One page of wait pointers.
pub const OPEN_PURCHASES_MAX: u32 = 1_000;

/// Entries of a purchase's history. Past that the oldest but the first goes: no item grows with use.
pub const HISTORY_ENTRIES_MAX: usize = 32;

/// Failed or declined inquiries before a verification is locked (HighLevel's published limit).
pub const ATTEMPTS_MAX_DEFAULT: u32 = 10;

/// Least time between two sessions of one inquiry, in milliseconds: a page that is loaded again must not use up
/// Persona's rate limit.
pub const RESUME_PAUSE_MS: i64 = 10_000;

/// Longest time between two sessions of one inquiry, in milliseconds: half an hour.
pub const RESUME_PAUSE_MS_MAX: i64 = 30 * 60 * 1000;

/// Sessions of one inquiry before the pause doubles with each further one: more than a person who closes the tab needs.
pub const SESSIONS_BEFORE_DOUBLING: u32 = 8;

/// Sessions that we ask for one inquiry, before a new inquiry takes its place. Persona gives 25 ("Inquiry sessions");
/// the rest is for one-time links, which start sessions of their own.
pub const SESSIONS_MAX: u32 = 20;

/// Sessions of one inquiry from which on Persona's 25 may be used up, where each one's link started another.
pub const SESSIONS_WITH_LINKS_MAX: u32 = 12;

/// Least time between two asks of Persona about one owner at a caller's request, in milliseconds.
pub const REFRESH_PAUSE_MS: i64 = 5_000;

/// Requests a minute that an environment of Persona's answers, all of ours together, unless it was agreed otherwise
/// (Persona, "Rate limiting").
pub const PERSONA_REQUESTS_DEFAULT: i64 = 300;

/// Questions about inquiries in one sweep, of [`PERSONA_REQUESTS_DEFAULT`] a minute: 6,000 inquiries, and 30,000 in five
/// minutes.
pub const SWEEP_QUESTIONS_MAX: usize = 60;

/// All requests to Persona in one sweep: what its questions leave is for names on IDs, and 20 always are.
pub const SWEEP_PERSONA_REQUESTS_MAX: usize = 80;

/// Inquiries a minute that Persona is asked about because of old deliveries.
pub const DELIVERY_REQUESTS_MAX: i64 = 32;

/// What is not for callers of Persona's requests in a minute: old deliveries', and two sweeps', since one that began late
/// and one that began early may fall into the same minute.
pub const PERSONA_REQUESTS_KEPT: i64 = 2 * SWEEP_PERSONA_REQUESTS_MAX as i64 + DELIVERY_REQUESTS_MAX;

/// How often Persona is asked about an inquiry that it decided against, since the last change: with the growing
/// intervals some three days at the default poll age, as long as a purchase waits.
pub const BACKED_OFF_ASKS_MAX: u32 = 24;

/// How long an inquiry that another has replaced may still be finished by whoever has its page open, in milliseconds: a
/// day, as long as Persona leaves an inquiry open by default ("Inquiry expiration").
pub const FORMER_OPEN_MS: i64 = 24 * 60 * 60 * 1000;

/// How often the interval between those asks doubles: two minutes become four hours.
pub const BACKED_OFF_DOUBLINGS_MAX: u32 = 7;

/// How long one caller may take to open an inquiry before another takes over, in milliseconds. Longer than the
/// client's whole time-out at Persona.
pub const OPENING_LEASE_MS: i64 = 15_000;

/// Longest name of an operator that the audit keeps, in characters: a token's subject.
pub const OPERATOR_NAME_CHARS_MAX: usize = 128;

/// Longest reason of an operator's decision, in characters.
pub const OPERATOR_REASON_CHARS_MAX: usize = 500;

/// How long a completed number may not be in the carrier's list yet before it counts as missing, in milliseconds: five
/// minutes, longer than a create and the list after it are expected to take together (180 s).
pub const RECONCILE_YOUNG_MS: i64 = 5 * 60 * 1000;
