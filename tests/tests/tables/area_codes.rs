//! Every area code of calling code 1, 200 to 999: its region, and whether it is gated.
//!
//! The table is our own; what is in it was read from Google's libphonenumber metadata 9.0.42 (Apache-2.0), with 822
//! added, which is reserved to become toll-free. A release of the metadata that adds an area code fails here, on
//! purpose: add the code to its row, after looking whether its region is gated as it should be.

use std::collections::BTreeMap;

use adapters::regions::region_of;
use domain::{CountryCode, GatePolicy, NonGeographicClass, Region, UnitedStatesTerritory};

/// Another country of calling code 1.
fn other(letters: &str) -> Region {
    Region::OtherNorthAmerica(CountryCode::new(letters).expect("the table holds ISO country codes"))
}

/// Every region with its area codes. A code that is in no row has no country and belongs to `NonGeographic(Other)`.
fn rows() -> Vec<(Region, &'static str)> {
    vec![
        (
            Region::UnitedStates,
            "201 202 203 205 206 207 208 209 210 212 213 214 215 216 217 218 219 220 223 224 225 227 228 229 231 \
         234 235 239 240 248 251 252 253 254 256 260 262 267 269 270 272 274 276 279 281 283 301 302 303 304 \
         305 307 308 309 310 312 313 314 315 316 317 318 319 320 321 323 324 325 326 327 329 330 331 332 334 \
         336 337 339 341 346 347 350 351 352 353 360 361 363 364 369 380 385 386 401 402 404 405 406 407 408 \
         409 410 412 413 414 415 417 419 423 424 425 430 432 434 435 440 442 443 445 447 448 458 463 464 469 \
         470 472 475 478 479 480 484 501 502 503 504 505 507 508 509 510 512 513 515 516 517 518 520 530 531 \
         534 539 540 541 551 557 559 561 562 563 564 567 570 571 572 573 574 575 580 582 585 586 601 602 603 \
         605 606 607 608 609 610 612 614 615 616 617 618 619 620 623 626 628 629 630 631 636 640 641 645 646 \
         650 651 656 657 659 660 661 662 667 669 678 680 681 682 686 689 701 702 703 704 706 707 708 712 713 \
         714 715 716 717 718 719 720 724 725 726 727 728 730 731 732 734 737 738 740 743 747 748 754 757 760 \
         762 763 765 769 770 771 772 773 774 775 779 781 785 786 801 802 803 804 805 806 808 810 812 813 814 \
         815 816 817 818 820 821 826 828 830 831 832 835 838 839 840 843 845 847 848 850 854 856 857 858 859 \
         860 862 863 864 865 870 872 878 901 903 904 906 907 908 909 910 912 913 914 915 916 917 918 919 920 \
         925 928 929 930 931 934 936 937 938 940 941 943 945 947 948 949 951 952 954 956 959 970 971 972 973 \
         975 978 979 980 983 984 985 986 989",
        ),
        (
            Region::Canada,
            "204 226 236 249 250 257 263 273 289 306 343 354 365 367 368 382 403 416 418 428 431 437 438 450 468 \
         474 506 514 519 548 579 581 584 587 604 613 639 647 672 683 705 709 742 753 778 780 782 807 819 825 \
         867 873 879 902 905 942",
        ),
        (Region::PuertoRico, "787 939"),
        (Region::UnitedStatesTerritory(UnitedStatesTerritory::AmericanSamoa), "684"),
        (Region::UnitedStatesTerritory(UnitedStatesTerritory::Guam), "671"),
        (Region::UnitedStatesTerritory(UnitedStatesTerritory::NorthernMarianaIslands), "670"),
        (Region::UnitedStatesTerritory(UnitedStatesTerritory::VirginIslands), "340"),
        (other("AG"), "268"),
        (other("AI"), "264"),
        (other("BB"), "246"),
        (other("BM"), "441"),
        (other("BS"), "242"),
        (other("DM"), "767"),
        (other("DO"), "809 829 849"),
        (other("GD"), "473"),
        (other("JM"), "658 876"),
        (other("KN"), "869"),
        (other("KY"), "345"),
        (other("LC"), "758"),
        (other("MS"), "664"),
        (other("SX"), "721"),
        (other("TC"), "649"),
        (other("TT"), "868"),
        (other("VC"), "784"),
        (other("VG"), "284"),
        (Region::NonGeographic(NonGeographicClass::TollFree), "800 822 833 844 855 866 877 888"),
        (Region::NonGeographic(NonGeographicClass::PremiumRate), "900"),
        (
            Region::NonGeographic(NonGeographicClass::Personal),
            "500 521 522 523 524 525 526 527 528 529 532 533 544 566 577 588",
        ),
        (Region::NonGeographic(NonGeographicClass::Canadian), "600 622 633"),
    ]
}

/// How many of the 800 codes are in no row: not assigned, N11 service codes (211 to 911), 456, 700, 710, 88X and others.
const WITHOUT_ROW: usize = 330;

/// The region of each code from 200 to 999.
fn expected() -> BTreeMap<u16, Region> {
    let mut regions: BTreeMap<u16, Region> =
        (200..=999).map(|code| (code, Region::NonGeographic(NonGeographicClass::Other))).collect();
    let mut listed = 0;
    for (region, codes) in rows() {
        for code in codes.split_whitespace() {
            let code = code.parse().expect("the table holds area codes");
            let before = regions.insert(code, region);
            assert_eq!(before, Some(Region::NonGeographic(NonGeographicClass::Other)), "{code} is in the table twice");
            listed += 1;
        }
    }
    assert_eq!(regions.len() - listed, WITHOUT_ROW, "the table has lost or gained area codes");
    regions
}

/// Which area codes a policy gates, decided by the number's region.
fn gated_under(policy: GatePolicy) -> Vec<u16> {
    (200..=999).filter(|code| policy.gates(region_of(&format!("+1{code}5550123")))).collect()
}

/// The area codes whose region `wanted` picks, in order.
fn codes_of(wanted: impl Fn(Region) -> bool) -> Vec<u16> {
    expected().into_iter().filter(|(_, region)| wanted(*region)).map(|(code, _)| code).collect()
}

#[test]
fn every_area_code_has_its_region() {
    for (code, region) in expected() {
        assert_eq!(region_of(&format!("+1{code}5550123")), region, "area code {code}");
    }
}

#[test]
fn the_digits_behind_the_area_code_change_nothing() {
    for (code, region) in expected() {
        for subscriber in ["2000000", "2345678", "5550000", "9999999"] {
            assert_eq!(region_of(&format!("+1{code}{subscriber}")), region, "+1 {code} {subscriber}");
        }
    }
}

#[test]
fn the_default_gates_everything_but_the_territories_and_the_other_countries() {
    let open = codes_of(|region| matches!(region, Region::UnitedStatesTerritory(_) | Region::OtherNorthAmerica(_)));
    assert_eq!(open.len(), 25);
    let gated: Vec<u16> = (200..=999).filter(|code| !open.contains(code)).collect();
    assert_eq!(gated_under(GatePolicy::default()), gated);
}

#[test]
fn non_geographic_codes_can_be_opened() {
    let policy = GatePolicy { gate_non_geographic: false, ..GatePolicy::default() };
    let gated = codes_of(|region| matches!(region, Region::UnitedStates | Region::Canada | Region::PuertoRico));
    assert_eq!(gated.len(), 359 + 56 + 2);
    assert_eq!(gated_under(policy), gated);
}

#[test]
fn territories_can_be_gated() {
    let policy = GatePolicy { gate_us_territories: true, ..GatePolicy::default() };
    let open = codes_of(|region| matches!(region, Region::OtherNorthAmerica(_)));
    assert_eq!(open.len(), 21);
    let gated: Vec<u16> = (200..=999).filter(|code| !open.contains(code)).collect();
    assert_eq!(gated_under(policy), gated);
}

#[test]
fn other_calling_codes_are_outside() {
    for number in ["+442079460123", "+525512345678", "+2901234", "+873123456789", "+80012345678"] {
        assert_eq!(region_of(number), Region::OutsideNorthAmerica, "{number}");
    }
}

#[test]
fn what_is_no_number_fails_closed() {
    for text in ["", "2125550123", "+1212555012", "+1876555", "tel:+442079460123", "+10005550123", "+44 20 7946 0123"] {
        assert_eq!(region_of(text), Region::NonGeographic(NonGeographicClass::Other), "{text}");
        assert!(GatePolicy::default().gates(region_of(text)), "{text}");
    }
}
