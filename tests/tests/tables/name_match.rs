//! Every pair of levels, and what it means.

use std::fmt::Write;

use domain::{NameLevel, NameLevels, NameMatch, NameMatchPolicy, NameStanding, judge_names, name_standing};

#[test]
fn name_match_table() {
    let mut table = String::new();
    for first in NameLevel::ALL {
        for last in NameLevel::ALL {
            let judged = judge_names(NameLevels { first, last });
            let levels = format!("first {first:?}, last {last:?}");
            writeln!(table, "{levels:<35} {judged:?}").expect("text can be written");
        }
    }
    insta::assert_snapshot!(table);
}

#[test]
fn nothing_known_is_no_mismatch() {
    let nothing = NameLevels { first: NameLevel::NoData, last: NameLevel::NoData };
    assert_eq!(judge_names(nothing), NameMatch::NoData);
}

#[test]
fn only_require_decides() {
    let compared = [None, Some(NameMatch::Match), Some(NameMatch::Mismatch), Some(NameMatch::NoData)];
    for has_phone in [false, true] {
        for compared in compared {
            for policy in [NameMatchPolicy::Off, NameMatchPolicy::Report] {
                assert_eq!(name_standing(policy, has_phone, compared), NameStanding::Verified);
            }
            let wanted = match compared {
                Some(NameMatch::Match | NameMatch::NoData) => NameStanding::Verified,
                Some(NameMatch::Mismatch) => NameStanding::OperatorDecides,
                None if has_phone => NameStanding::Compare,
                None => NameStanding::NeedsPhone,
            };
            assert_eq!(name_standing(NameMatchPolicy::Require, has_phone, compared), wanted);
        }
    }
}
