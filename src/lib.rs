//! Weir: the DNS of an access ISP, in one program.
#![forbid(unsafe_code)]
