//! What is for sale: every number of a few countries, and which of them a search lists.

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// What decides which numbers a search lists, and in which order.
const SEED: &str = "twilio simulator stock 1";

/// How many numbers of one area code a search lists.
const LISTED_PER_BLOCK: usize = 20;

/// How many numbers of one area code are kept for fiction: 555-0100 to 555-0199. Only these are listed, so that no
/// demonstration shows a real person's number.
const FICTIONAL_PER_BLOCK: usize = 100;

/// The magic number that can always be bought (<https://www.twilio.com/docs/iam/test-credentials>).
pub(super) const MAGIC_FOR_SALE: &str = "+15005550006";

/// The magic number that is never for sale (same page).
pub(super) const MAGIC_UNAVAILABLE: &str = "+15005550000";

/// The magic number that is no number (same page).
pub(super) const MAGIC_INVALID: &str = "+15005550001";

/// The magic area code that has numbers (same page).
const MAGIC_AREA_CODE: &str = "500";

/// Toll-free codes. Twilio lists them under the United States.
const TOLL_FREE: &str = "800 833 844 855 866 877 888";

/// Area codes by libphonenumber's metadata 9.0.42 (Apache-2.0). The simulator has its own copy, so that it does not
/// share a mistake with the code it tests.
const UNITED_STATES: &str = "201 202 203 205 206 207 208 209 210 212 213 214 215 216 217 218 219 220 223 224 225 227 228 229 231 234 235 \
    239 240 248 251 252 253 254 256 260 262 267 269 270 272 274 276 279 281 283 301 302 303 304 305 307 308 309 \
    310 312 313 314 315 316 317 318 319 320 321 323 324 325 326 327 329 330 331 332 334 336 337 339 341 346 347 \
    350 351 352 353 360 361 363 364 369 380 385 386 401 402 404 405 406 407 408 409 410 412 413 414 415 417 419 \
    423 424 425 430 432 434 435 440 442 443 445 447 448 458 463 464 469 470 472 475 478 479 480 484 501 502 503 \
    504 505 507 508 509 510 512 513 515 516 517 518 520 530 531 534 539 540 541 551 557 559 561 562 563 564 567 \
    570 571 572 573 574 575 580 582 585 586 601 602 603 605 606 607 608 609 610 612 614 615 616 617 618 619 620 \
    623 626 628 629 630 631 636 640 641 645 646 650 651 656 657 659 660 661 662 667 669 678 680 681 682 686 689 \
    701 702 703 704 706 707 708 712 713 714 715 716 717 718 719 720 724 725 726 727 728 730 731 732 734 737 738 \
    740 743 747 748 754 757 760 762 763 765 769 770 771 772 773 774 775 779 781 785 786 801 802 803 804 805 806 \
    808 810 812 813 814 815 816 817 818 820 821 826 828 830 831 832 835 838 839 840 843 845 847 848 850 854 856 \
    857 858 859 860 862 863 864 865 870 872 878 901 903 904 906 907 908 909 910 912 913 914 915 916 917 918 919 \
    920 925 928 929 930 931 934 936 937 938 940 941 943 945 947 948 949 951 952 954 956 959 970 971 972 973 975 \
    978 979 980 983 984 985 986 989";

/// As above.
const CANADA: &str = "204 226 236 249 250 257 263 273 289 306 343 354 365 367 368 382 403 416 418 428 431 437 438 450 468 474 506 \
    514 519 548 579 581 584 587 604 613 639 647 672 683 705 709 742 753 778 780 782 807 819 825 867 873 879 902 \
    905 942";

/// A kind of number: a sub-resource of Twilio's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum NumberKind {
    Local,
    TollFree,
    Mobile,
}

impl NumberKind {
    /// The kind by its place in a path.
    pub(super) fn by_path(segment: &str) -> Option<Self> {
        match segment {
            "Local" => Some(Self::Local),
            "TollFree" => Some(Self::TollFree),
            "Mobile" => Some(Self::Mobile),
            _ => None,
        }
    }

    /// Its place in a path.
    pub(super) const fn path(self) -> &'static str {
        match self {
            Self::Local => "Local",
            Self::TollFree => "TollFree",
            Self::Mobile => "Mobile",
        }
    }

    /// Its name among a country's `subresource_uris`.
    pub(super) const fn subresource(self) -> &'static str {
        match self {
            Self::Local => "local",
            Self::TollFree => "toll_free",
            Self::Mobile => "mobile",
        }
    }

    /// Its name in a number's `type`. Twilio's examples show `local` only; the others are assumed.
    pub(super) const fn in_number(self) -> &'static str {
        match self {
            Self::Local => "local",
            Self::TollFree => "toll-free",
            Self::Mobile => "mobile",
        }
    }
}

/// What a buyer must bring along.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Requirement {
    Nothing,
    /// `AddressSid`, else 21631.
    Address,
    /// `BundleSid`, else 21649.
    Bundle,
}

impl Requirement {
    /// As `address_requirements` says it.
    pub(super) const fn address_requirements(self) -> &'static str {
        match self {
            Self::Nothing | Self::Bundle => "none",
            Self::Address => "any",
        }
    }
}

/// A kind of number of one country.
#[derive(Debug)]
pub(super) struct Assortment {
    pub(super) kind: NumberKind,
    pub(super) requirement: Requirement,
    plan: Plan,
}

/// How the numbers of an assortment look.
#[derive(Debug)]
enum Plan {
    /// Calling code 1, these area codes, separated by spaces.
    AreaCodes(&'static str),
    /// Any other calling code.
    Range {
        /// How every number for sale starts.
        starts: &'static str,
        /// How many characters it has, the `+` included.
        characters: usize,
        /// The range kept for fiction, without its last three digits.
        fictional: &'static str,
    },
}

/// A country that Twilio sells numbers of.
#[derive(Debug)]
pub(super) struct Country {
    pub(super) iso: &'static str,
    pub(super) name: &'static str,
    pub(super) assortments: &'static [Assortment],
}

/// An assortment of the local numbers of some area codes, for which nothing is required.
const fn local(area_codes: &'static str) -> Assortment {
    Assortment { kind: NumberKind::Local, requirement: Requirement::Nothing, plan: Plan::AreaCodes(area_codes) }
}

/// Where numbers are for sale. Twilio sells no mobile numbers in the United States, and sells Puerto Rico's under its
/// own code.
pub(super) static COUNTRIES: [Country; 6] = [
    Country {
        iso: "US",
        name: "United States",
        assortments: &[
            local(UNITED_STATES),
            Assortment {
                kind: NumberKind::TollFree,
                requirement: Requirement::Nothing,
                plan: Plan::AreaCodes(TOLL_FREE),
            },
        ],
    },
    Country { iso: "CA", name: "Canada", assortments: &[local(CANADA)] },
    Country { iso: "PR", name: "Puerto Rico", assortments: &[local("787 939")] },
    Country { iso: "VI", name: "Virgin Islands, U.S.", assortments: &[local("340")] },
    Country { iso: "JM", name: "Jamaica", assortments: &[local("876 658")] },
    Country {
        iso: "GB",
        name: "United Kingdom",
        assortments: &[
            // Ranges kept for drama by the British regulator: 020 7946 0xxx and 07700 900xxx.
            Assortment {
                kind: NumberKind::Local,
                requirement: Requirement::Address,
                plan: Plan::Range { starts: "+4420", characters: 13, fictional: "+442079460" },
            },
            Assortment {
                kind: NumberKind::Mobile,
                requirement: Requirement::Bundle,
                plan: Plan::Range { starts: "+447", characters: 13, fictional: "+447700900" },
            },
        ],
    },
];

/// Where a number of an area code is: what Twilio adds to a search's results.
pub(super) struct Place {
    area_code: &'static str,
    pub(super) locality: &'static str,
    pub(super) region: &'static str,
    pub(super) rate_center: &'static str,
    pub(super) lata: &'static str,
    pub(super) latitude: &'static str,
    pub(super) longitude: &'static str,
    pub(super) postal_code: &'static str,
}

/// One place each for the area codes that demonstrations use. The other area codes have none, as Twilio's own results
/// have nulls.
static PLACES: [Place; 6] = [
    place("212", ["New York", "NY", "NWYRCYZN01", "132", "40.714300", "-74.006000", "10007"]),
    place("415", ["San Francisco", "CA", "SNFC CNTRL", "722", "37.774900", "-122.419400", "94103"]),
    place("808", ["Hilo", "HI", "HILO", "834", "19.720000", "-155.090000", "96720"]),
    place("416", ["Toronto", "ON", "TORONTO", "888", "43.653200", "-79.383200", "M5H"]),
    place("604", ["Vancouver", "BC", "VANCOUVER", "888", "49.282700", "-123.120700", "V6B"]),
    place("787", ["San Juan", "PR", "SAN JUAN", "820", "18.465500", "-66.105700", "00901"]),
];

/// A place, its texts in the order of the fields.
const fn place(area_code: &'static str, texts: [&'static str; 7]) -> Place {
    let [locality, region, rate_center, lata, latitude, longitude, postal_code] = texts;
    Place { area_code, locality, region, rate_center, lata, latitude, longitude, postal_code }
}

/// Where this number is, if the simulator knows.
pub(super) fn place_of(number: &str) -> Option<&'static Place> {
    PLACES.iter().find(|place| area_code(number) == Some(place.area_code))
}

/// The country with this code.
pub(super) fn country(iso: &str) -> Option<&'static Country> {
    COUNTRIES.iter().find(|country| country.iso == iso)
}

impl Country {
    /// Its numbers of this kind, if it has any.
    pub(super) fn assortment(&self, kind: NumberKind) -> Option<&Assortment> {
        self.assortments.iter().find(|assortment| assortment.kind == kind)
    }
}

impl Assortment {
    /// Is this number one of it? It must be in E.164 form.
    fn contains(&self, number: &str) -> bool {
        match self.plan {
            Plan::AreaCodes(codes) => {
                area_code(number).is_some_and(|code| codes.split_whitespace().any(|candidate| candidate == code))
            }
            Plan::Range { starts, characters, .. } => number.starts_with(starts) && number.len() == characters,
        }
    }

    /// What a search lists, taken or not: first one number of each area code, then the second of each, and so on.
    pub(super) fn listed(&self) -> Vec<String> {
        let blocks: Vec<String> = match self.plan {
            Plan::AreaCodes(codes) => codes.split_whitespace().map(fictional_block).collect(),
            Plan::Range { fictional, .. } => vec![fictional.to_owned()],
        };
        (0..LISTED_PER_BLOCK).flat_map(|index| blocks.iter().map(move |block| in_block(block, index))).collect()
    }
}

/// What is known of a number that is for sale as long as nobody owns it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Offer {
    pub(super) kind: NumberKind,
    pub(super) requirement: Requirement,
}

/// The offer for a number in E.164 form; `None` where Twilio has no such numbers.
pub(super) fn offer(number: &str) -> Option<Offer> {
    // Bought by area code 500: see `numbers_of_area_code`.
    if number == MAGIC_FOR_SALE || number.starts_with(&fictional_block(MAGIC_AREA_CODE)) {
        return Some(Offer { kind: NumberKind::Local, requirement: Requirement::Nothing });
    }
    COUNTRIES
        .iter()
        .flat_map(|country| country.assortments)
        .find(|assortment| assortment.contains(number))
        .map(|assortment| Offer { kind: assortment.kind, requirement: assortment.requirement })
}

/// The numbers that a purchase by area code draws from, in order. None for an area code that Twilio does not have, and
/// for the magic one that is sold out (533).
pub(super) fn numbers_of_area_code(area_code: &str) -> Vec<String> {
    let block = fictional_block(area_code);
    let numbers: Vec<String> = (0..FICTIONAL_PER_BLOCK).map(|index| in_block(&block, index)).collect();
    numbers.into_iter().filter(|number| offer(number).is_some()).collect()
}

/// Is this a number in E.164 form? In calling code 1 the area code and the exchange must start with 2 to 9.
pub(super) fn is_e164(number: &str) -> bool {
    let Some(digits) = number.strip_prefix('+') else {
        return false;
    };
    let well_formed = digits.bytes().all(|byte| byte.is_ascii_digit())
        && (7..=15).contains(&digits.len())
        && !digits.starts_with('0');
    match digits.strip_prefix('1').map(str::as_bytes) {
        Some([area, _, _, exchange, rest @ ..]) => well_formed && rest.len() == 6 && *area >= b'2' && *exchange >= b'2',
        Some(_) => false,
        None => well_formed,
    }
}

/// A number as people of its country write it, which Twilio gives it as a name.
pub(super) fn friendly_name(number: &str) -> String {
    match number.strip_prefix("+1") {
        Some(national) if national.len() == 10 => {
            format!("({}) {}-{}", &national[..3], &national[3..6], &national[6..])
        }
        _ => number.to_owned(),
    }
}

/// The three digits behind `+1` of a number in E.164 form.
fn area_code(number: &str) -> Option<&str> {
    number.strip_prefix("+1").and_then(|national| national.get(..3))
}

/// The numbers of an area code that are kept for fiction, without their last three digits.
fn fictional_block(area_code: &str) -> String {
    format!("+1{area_code}5550")
}

/// The fictional number of this block that comes at this place. Every place below 100 has its own number, and the
/// order differs from block to block.
fn in_block(block: &str, index: usize) -> String {
    let digest = Sha256::digest(format!("{SEED} {block}"));
    let offset = usize::from(digest[0]);
    // Steps that meet every number: none shares a factor with 100.
    let step = [7, 11, 13, 17, 19, 23, 27, 29][usize::from(digest[1]) % 8];
    format!("{block}{}", FICTIONAL_PER_BLOCK + (offset + index * step) % FICTIONAL_PER_BLOCK)
}
