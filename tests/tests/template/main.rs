//! What `template.yaml` must say, checked on what AWS would deploy: the result of the SAM transform.
//!
//! Each rule is tested twice: it `holds` for the template, and it `trips` when the template is broken on purpose, since
//! a rule that cannot fail proves nothing. General linters find few of these mistakes, so `cfn-lint` is only one of the
//! checks.

mod api;
mod functions;
mod lint;
mod operation;
mod queue;
mod roles;
mod store;
mod template;

/// Makes the two tests of each rule. A rule takes the template and returns what is wrong with it; the broken template
/// is made by putting a value at a place of the good one.
macro_rules! rules {
    ($($rule:ident, broken by $place:literal = $value:tt;)*) => {
        $(mod $rule {
            #[test]
            fn holds() {
                let wrong = super::$rule(crate::template::transformed());
                assert!(wrong.is_empty(), "{}", wrong.join("\n"));
            }

            #[test]
            fn trips() {
                let broken = crate::template::broken($place, serde_json::json!($value));
                assert!(!super::$rule(&broken).is_empty(), "the rule does not see this mistake");
            }
        })*
    };
}
pub(crate) use rules;
