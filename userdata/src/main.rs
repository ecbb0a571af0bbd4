//! The `failover-agent` command.

fn main() {}
