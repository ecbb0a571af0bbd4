//! The life of an instance.
//!
//! ```text
//! launch ─► pending ─► running ─► stopping ─► stopped ─► pending (start)
//!              └──────────┴───► shutting-down ◄──┴─ terminate ─► terminated ─► forgotten after about an hour
//! ```

mod launch;
mod reasons;
mod start;
mod stop;
mod terminate;
