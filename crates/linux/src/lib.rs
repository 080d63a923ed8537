//! The kernel's door: batched UDP, TCP, epoll, signals, privileges.
