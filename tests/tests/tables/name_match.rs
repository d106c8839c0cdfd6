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
    for compared in [None, Some(NameMatch::Match), Some(NameMatch::Mismatch), Some(NameMatch::NoData)] {
        assert_eq!(name_standing(NameMatchPolicy::Off, compared), NameStanding::Counts);
        let report = if compared.is_none() { NameStanding::CountsAndCompare } else { NameStanding::Counts };
        assert_eq!(name_standing(NameMatchPolicy::Report, compared), report);
        let require = match compared {
            Some(NameMatch::Match | NameMatch::NoData) => NameStanding::Counts,
            Some(NameMatch::Mismatch) => NameStanding::OperatorDecides,
            None => NameStanding::Compare,
        };
        assert_eq!(name_standing(NameMatchPolicy::Require, compared), require);
    }
}
