//! Weir: the DNS of an access ISP, in one program. One module per role; `main.rs` picks one.
#![forbid(unsafe_code)]

pub mod front;
pub mod vip;
