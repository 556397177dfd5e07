//! Tells the linker about the board's memory.

fn main() {
    let package = std::env::var("CARGO_MANIFEST_DIR").expect("cargo sets it");
    println!("cargo::rustc-link-search={package}");
    println!("cargo::rustc-link-arg-bins=-Tlink.x");
    // No room for page alignment.
    println!("cargo::rustc-link-arg-bins=--nmagic");
    println!("cargo::rerun-if-changed=memory.x");
}
