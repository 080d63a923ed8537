//! Weir: the DNS of an access ISP, in one program. One module per subcommand; `main.rs` picks one.
#![forbid(unsafe_code)]

pub mod check;
pub mod config;
pub mod doctor;
#[cfg(feature = "lab")]
pub mod drill;
pub mod front;
#[cfg_attr(not(feature = "lab"), path = "no_lab.rs")]
pub mod lab;
pub mod render;
pub mod site_file;
pub mod up;
pub mod vip;

// Without the laboratory, both say where to get it.
#[cfg(not(feature = "lab"))]
pub use lab as drill;

mod clock;
mod question;
mod status_socket;
mod succession;
mod table;
