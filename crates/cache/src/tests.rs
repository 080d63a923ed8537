//! Tests of the cache as a whole: its rules one by one, a model, hostile bytes, and a flood.

mod flood;
mod hostile;
mod manage;
mod model;
mod packets;
mod rules;
mod stale;
