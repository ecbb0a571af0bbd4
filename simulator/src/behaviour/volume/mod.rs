//! The life of a volume and of its attachment.
//!
//! ```text
//! creating ─► available ─► in-use ─► available ─► deleting ─► gone
//!                 │ attach: attaching ─► attached ─► detaching ─► (busy, while the guest holds it) ─► detached
//! ```
//! A clean detach waits for the guest: a mounted volume of a running guest goes `busy` until the guest lets go, the instance stops, or
//! someone forces it. Nothing fences the guest before a forced detach is done, so it writes until then.

mod attach;
mod create;
mod detach;
mod modify;
