//! Where people are, which sub-accounts they meet, and what things cost: stated here, once.

use domain::PhoneNumber;
use tests::simulation::random::Random;

/// A country's mobile range: `+`, its calling code and the start of a mobile number, then so many free digits.
#[derive(Debug)]
pub(crate) struct Country {
    /// ISO 3166-1 alpha-2.
    pub(crate) code: &'static str,
    start: &'static str,
    free_digits: u32,
}

const fn country(code: &'static str, start: &'static str, free_digits: u32) -> Country {
    Country { code, start, free_digits }
}

/// Where honest people are: the three home countries first.
pub(crate) const HONEST: [Country; 30] = [
    country("US", "+1212", 7),
    country("CA", "+1416", 7),
    country("PR", "+1787", 7),
    country("GB", "+4474", 8),
    country("DE", "+491512", 7),
    country("FR", "+336", 8),
    country("ES", "+346", 8),
    country("IT", "+39320", 7),
    country("NL", "+316", 8),
    country("BR", "+55119", 8),
    country("MX", "+5255", 8),
    country("AU", "+614", 8),
    country("IN", "+9198", 8),
    country("JP", "+8190", 8),
    country("KR", "+8210", 8),
    country("SE", "+4670", 7),
    country("NO", "+474", 7),
    country("DK", "+452", 7),
    country("FI", "+35840", 7),
    country("PL", "+4850", 7),
    country("PT", "+35191", 7),
    country("CH", "+4179", 7),
    country("AT", "+43664", 7),
    country("BE", "+3247", 7),
    country("IE", "+35385", 7),
    country("IL", "+97250", 7),
    country("ZA", "+2782", 7),
    country("PH", "+63917", 7),
    country("ID", "+62812", 8),
    country("NG", "+234803", 7),
];

/// Where the campaign's numbers are: seven countries where honest people are too, and thirteen where a message is dear.
pub(crate) const ATTACKED: [Country; 20] = [
    country("BR", "+55119", 8),
    country("MX", "+5255", 8),
    country("IN", "+9198", 8),
    country("ZA", "+2782", 7),
    country("PH", "+63917", 7),
    country("ID", "+62812", 8),
    country("NG", "+234803", 7),
    country("LK", "+9471", 7),
    country("BD", "+88017", 8),
    country("PK", "+92300", 7),
    country("NP", "+97798", 8),
    country("AZ", "+99450", 7),
    country("UZ", "+99890", 7),
    country("TJ", "+99291", 7),
    country("MG", "+26132", 7),
    country("TN", "+2162", 7),
    country("DZ", "+21355", 7),
    country("AO", "+24492", 7),
    country("JM", "+1876", 7),
    country("TT", "+1868", 7),
];

/// Sub-accounts of the platform; the campaign runs through the first [`ATTACKED_SUB_ACCOUNTS`] of them.
pub(crate) const SUB_ACCOUNTS: usize = 200;
/// Sub-accounts that the campaign rotates over.
pub(crate) const ATTACKED_SUB_ACCOUNTS: usize = 50;

/// What Verify takes for an approved verification, in millionths of a dollar: $0.05 (Twilio's published price).
pub(crate) const APPROVED_MICRODOLLARS: i64 = 50_000;
/// What a line type costs, in millionths of a dollar: $0.008.
pub(crate) const LINE_TYPE_MICRODOLLARS: i64 = 8_000;
/// What a risk score costs outside the United States and Canada, in millionths of a dollar: $0.025.
pub(crate) const RISK_MICRODOLLARS: i64 = 25_000;

/// One sub-account: which of [`HONEST`] its people come from.
#[derive(Debug)]
pub(crate) struct SubAccount {
    pub(crate) id: String,
    /// Where its people are, besides the home countries.
    pub(crate) abroad: Vec<usize>,
    /// Which of them its profile names: the platform has not written all of them down.
    pub(crate) in_profile: Vec<usize>,
}

impl Country {
    /// The number with this free part; in calling code 1 its exchange starts with 2 to 9.
    pub(crate) fn number(&self, free: u64) -> PhoneNumber {
        let width = usize::try_from(self.free_digits).unwrap_or(0);
        let space = 10_u64.pow(self.free_digits);
        let free = if self.start.starts_with("+1") { 2 * space / 10 + free % (8 * space / 10) } else { free % space };
        let text = format!("{}{free:0width$}", self.start);
        PhoneNumber::parse(&text).unwrap_or_else(|error| panic!("{text}: {error}"))
    }
}

/// Every sub-account: one in four sells at home only, the others in one to four countries more, and one in ten has a
/// country that its profile does not name yet.
pub(crate) fn sub_accounts(random: &mut Random) -> Vec<SubAccount> {
    let mut all = Vec::new();
    for index in 0..SUB_ACCOUNTS {
        let count = if random.chance(25) { 0 } else { 1 + random.below(4) };
        let abroad: Vec<usize> = (0..count).map(|_| 3 + random.below(HONEST.len() - 3)).collect();
        let named = if random.chance(10) { count.saturating_sub(1) } else { count };
        all.push(SubAccount { id: format!("Loc{index}"), in_profile: abroad[..named].to_vec(), abroad });
    }
    all
}
