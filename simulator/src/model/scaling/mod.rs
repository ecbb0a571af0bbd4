//! EC2 Auto Scaling as plain data.
//!
//! | module | idea |
//! |---|---|
//! | [`template`] | what a group launches |
//! | [`group`] | what a group was asked to be, and its members |
//! | [`member`] | an instance's state in its group, and why it has to go |
//! | [`hook`] | lifecycle hooks and the actions that wait for their end |
//! | [`process`] | what can be suspended |
//! | [`activity`] | what a group has done |

pub(crate) mod activity;
pub(crate) mod group;
pub(crate) mod hook;
pub(crate) mod member;
pub(crate) mod process;
pub(crate) mod template;
