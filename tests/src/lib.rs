//! What the tests across the crates share. The tests themselves are in `tests/`.
