//! Tables of facts, checked row by row.

mod area_codes;
