//! A DNS message as bytes: checked views and in-place patches for the packet path.
#![forbid(unsafe_code)]
