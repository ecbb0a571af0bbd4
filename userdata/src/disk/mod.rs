//! Data volumes inside the guest: found by their NVMe serial, checked, never formatted unless they are surely blank, mounted.
