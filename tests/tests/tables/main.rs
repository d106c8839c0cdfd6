//! Tables of facts and of rules, checked row by row. A changed rule is a changed line of a snapshot.

mod area_codes;
mod countries;
mod invariants;
mod name_match;
mod phone_limits;
mod phone_screening;
mod phone_table;
mod pool_table;
mod purchase_table;
mod verification_table;
