//! Linux's own kernel in an emulated machine, with radios that hear each other.
//!
//! Owns: Debian's kernel and its IEEE 802.15.4 modules, fetched without installing them; a root file system with what a
//! test puts in; QEMU, which runs it without hardware support in about ten seconds. Must not know: what is tested.
//!
//! ```no_run
//! # fn main() -> anyhow::Result<()> {
//! let kernel = vm::Kernel::fetch(std::path::Path::new("target/vm"))?;
//! let machine = vm::Machine::new(&kernel)?;
//! machine.program(std::path::Path::new("target/debug/sn-gateway"), "sn-gateway")?;
//! let run = machine.run("sn-gateway --version", std::time::Duration::from_secs(60))?;
//! assert_eq!(run.exit_code, Some(0), "{}", run.console);
//! # Ok(())
//! # }
//! ```

mod kernel;
mod machine;

pub use kernel::Kernel;
pub use machine::{Machine, Run};

/// What has to be installed: Debian's packages.
pub const PACKAGES: [&str; 4] = ["qemu-system-x86", "busybox-static", "cpio", "wpan-tools"];
