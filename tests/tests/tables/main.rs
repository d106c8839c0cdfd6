//! Tables of facts and of rules, checked row by row. A changed rule is a changed line of a snapshot.

mod area_codes;
mod pool_table;
mod purchase_table;
mod verification_table;
