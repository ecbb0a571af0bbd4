//! No code: the manifest alone. Cargo compiles a dependency with the features that the members being built ask for, so
//! that `-p` one member would compile anew what the whole workspace has compiled already, the AWS SDKs with it. What
//! differs is named here, and every member depends on it.
