//! Weir: the DNS of an access ISP, in one program. One module per subcommand; `main.rs` picks one.
#![forbid(unsafe_code)]

pub mod check;
pub mod config;
pub mod doctor;
pub mod front;
pub mod render;
pub mod site_file;
pub mod up;
pub mod vip;

mod clock;
mod question;
mod status_socket;
mod succession;
mod table;
