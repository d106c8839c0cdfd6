//! Which country a number is of, by its calling code, and in North America by its area code.

/// Calling codes and the countries they are of (ITU-T, "List of ITU-T Recommendation E.164 assigned country codes").
/// Where several countries share one, the largest. North America is below.
const CALLING_CODES: &str = "\
    7RU 20EG 27ZA 30GR 31NL 32BE 33FR 34ES 36HU 39IT 40RO 41CH 43AT 44GB 45DK 46SE 47NO 48PL 49DE 51PE 52MX 53CU 54AR \
    55BR 56CL 57CO 58VE 60MY 61AU 62ID 63PH 64NZ 65SG 66TH 81JP 82KR 84VN 86CN 90TR 91IN 92PK 93AF 94LK 95MM 98IR \
    211SS 212MA 213DZ 216TN 218LY 220GM 221SN 222MR 223ML 224GN 225CI 226BF 227NE 228TG 229BJ 230MU 231LR 232SL 233GH \
    234NG 235TD 236CF 237CM 238CV 239ST 240GQ 241GA 242CG 243CD 244AO 245GW 246IO 248SC 249SD 250RW 251ET 252SO 253DJ \
    254KE 255TZ 256UG 257BI 258MZ 260ZM 261MG 262RE 263ZW 264NA 265MW 266LS 267BW 268SZ 269KM 290SH 291ER 297AW 298FO \
    299GL 350GI 351PT 352LU 353IE 354IS 355AL 356MT 357CY 358FI 359BG 370LT 371LV 372EE 373MD 374AM 375BY 376AD 377MC \
    378SM 380UA 381RS 382ME 383XK 385HR 386SI 387BA 389MK 420CZ 421SK 423LI 500FK 501BZ 502GT 503SV 504HN 505NI 506CR \
    507PA 508PM 509HT 590GP 591BO 592GY 593EC 594GF 595PY 596MQ 597SR 598UY 599CW 670TL 672NF 673BN 674NR 675PG 676TO \
    677SB 678VU 679FJ 680PW 681WF 682CK 683NU 685WS 686KI 687NC 688TV 689PF 690TK 691FM 692MH 850KP 852HK 853MO 855KH \
    856LA 880BD 886TW 960MV 961LB 962JO 963SY 964IQ 965KW 966SA 967YE 968OM 970PS 971AE 972IL 973BH 974QA 975BT 976MN \
    977NP 992TJ 993TM 994AZ 995GE 996KG 998UZ";

/// Area codes of calling code 1 outside the United States (libphonenumber's metadata 9.0.43, Apache-2.0). Every other
/// one is of the United States, toll-free and personal numbers among them, as libphonenumber has it.
const AREA_CODES: &str = "\
    204CA 226CA 236CA 249CA 250CA 257CA 263CA 273CA 289CA 306CA 343CA 354CA 365CA 367CA 368CA 382CA 403CA 416CA 418CA \
    428CA 431CA 437CA 438CA 450CA 468CA 474CA 506CA 514CA 519CA 548CA 579CA 581CA 584CA 587CA 600CA 604CA 613CA 622CA \
    633CA 639CA 647CA 672CA 683CA 705CA 709CA 742CA 753CA 778CA 780CA 782CA 807CA 819CA 825CA 867CA 873CA 879CA 902CA \
    905CA 942CA 787PR 939PR 340VI 671GU 670MP 684AS 242BS 246BB 264AI 268AG 284VG 345KY 441BM 473GD 649TC 658JM 664MS \
    721SX 758LC 767DM 784VC 809DO 829DO 849DO 868TT 869KN 876JM";

/// The calling code and the country of a number in E.164 form, `+` included; `None` where the calling code is nobody's.
pub(super) fn of(number: &str) -> Option<(&'static str, &'static str)> {
    let digits = number.strip_prefix('+')?;
    if let Some(national) = digits.strip_prefix('1') {
        let country = entries(AREA_CODES).find(|(code, _)| national.starts_with(code)).map_or("US", |(_, iso)| iso);
        return Some(("1", country));
    }
    entries(CALLING_CODES).find(|(code, _)| digits.starts_with(code))
}

/// The calling code of a country.
pub(super) fn of_country(country: &str) -> Option<&'static str> {
    if country == "US" || entries(AREA_CODES).any(|(_, iso)| iso == country) {
        return Some("1");
    }
    entries(CALLING_CODES).find(|(_, iso)| *iso == country).map(|(code, _)| code)
}

/// Codes and countries of a list: each ends with the two letters of its country.
fn entries(list: &'static str) -> impl Iterator<Item = (&'static str, &'static str)> {
    list.split_whitespace().map(|entry| entry.split_at(entry.len() - 2))
}

#[cfg(test)]
mod tests {
    use super::{AREA_CODES, CALLING_CODES, entries, of, of_country};

    #[test]
    fn no_code_hides_another() {
        for list in [CALLING_CODES, AREA_CODES] {
            let all: Vec<_> = entries(list).collect();
            for (index, (code, country)) in all.iter().enumerate() {
                assert!(code.bytes().all(|byte| byte.is_ascii_digit()) && !code.is_empty(), "{code}");
                assert!(country.bytes().all(|byte| byte.is_ascii_uppercase()), "{country}");
                for (other, _) in &all[index + 1..] {
                    assert!(!other.starts_with(code) && !code.starts_with(other), "{code} and {other}");
                }
            }
        }
    }

    #[test]
    fn plus_one_is_not_one_country() {
        for (number, country) in [
            ("+12125550123", "US"),
            ("+14165550123", "CA"),
            ("+17875550123", "PR"),
            ("+18765550123", "JM"),
            ("+18005550123", "US"),
            ("+447700900123", "GB"),
            ("+221770000000", "SN"),
        ] {
            assert_eq!(of(number).map(|(_, country)| country), Some(country), "{number}");
        }
        assert_eq!(of("+9990000000"), None);
        assert_eq!((of_country("PR"), of_country("SN"), of_country("ZZ")), (Some("1"), Some("221"), None));
    }
}
