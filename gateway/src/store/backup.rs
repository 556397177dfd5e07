//! One file with every record of a store.
