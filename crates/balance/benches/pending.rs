//! Cost of waiting and of picking.

fn main() {}
