//! One emulated machine, from its files to its end.

use crate::kernel::{Kernel, run};
use anyhow::{Context, Result, bail};
use std::fs;
use std::io::Write;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// The machine's memory, in mebibytes.
const MEMORY_MIB: &str = "256";
/// The programs of busybox that scripts may use.
const APPLETS: [&str; 14] =
    ["sh", "mount", "insmod", "ip", "sleep", "echo", "poweroff", "cat", "ls", "kill", "mkdir", "grep", "date", "true"];
/// What the console shows before the script's exit code.
const EXIT: &str = "vm: exit code ";

/// A machine before it is started: a root file system in the making.
///
/// Its two radios, `wpan0` and `wpan1`, are in PAN abcd and hear each other; `lowpan0` is the kernel's 6LoWPAN on the
/// first. All are up when the script starts.
#[derive(Debug)]
pub struct Machine {
    kernel: Kernel,
    dir: TempDir,
}

/// How a machine's run ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Run {
    /// The script's exit code; `None` if the machine stopped before the script's end.
    pub exit_code: Option<i32>,
    /// Everything on its console.
    pub console: String,
    /// From the start to the end.
    pub took: Duration,
}

impl Machine {
    /// A machine with busybox, `iwpan` and the radios' modules.
    ///
    /// # Errors
    /// If one of [`crate::PACKAGES`] is not installed.
    pub fn new(kernel: &Kernel) -> Result<Self> {
        let machine = Self { kernel: kernel.clone(), dir: TempDir::new()? };
        for dir in ["bin", "proc", "sys", "dev", "tmp", "modules"] {
            fs::create_dir_all(machine.root().join(dir))?;
        }
        let busybox = machine.root().join("bin/busybox");
        fs::copy("/bin/busybox", busybox).context("copying busybox, of the package busybox-static")?;
        for applet in APPLETS {
            symlink("busybox", machine.root().join("bin").join(applet))?;
        }
        machine.program(Path::new("/usr/bin/iwpan"), "iwpan").context("copying iwpan, of the package wpan-tools")?;
        for module in kernel.modules()? {
            let name = module.file_name().context("a module has a name")?;
            fs::copy(&module, machine.root().join("modules").join(name))?;
        }
        Ok(machine)
    }

    /// Puts a program into `/bin` under this name, without what debuggers need, and with the shared libraries that it does.
    ///
    /// # Errors
    /// If it cannot be read, or the disk is full.
    pub fn program(&self, program: &Path, name: &str) -> Result<()> {
        let place = self.root().join("bin").join(name);
        run(Command::new("strip").arg("-o").arg(&place).arg(program))?;
        fs::set_permissions(&place, fs::Permissions::from_mode(0o755))?;
        // For a static program it says so, and fails.
        let libraries = Command::new("ldd").arg(program).output().context("asking ldd")?;
        for library in
            String::from_utf8_lossy(&libraries.stdout).split_whitespace().filter(|word| word.starts_with('/'))
        {
            let place = self.root().join(library.trim_start_matches('/'));
            fs::create_dir_all(place.parent().context("a library is in a directory")?)?;
            fs::copy(library, place).with_context(|| format!("copying {library}"))?;
        }
        Ok(())
    }

    /// Puts a file at this absolute path.
    ///
    /// # Errors
    /// If the disk is full.
    pub fn file(&self, path: &str, content: &[u8]) -> Result<()> {
        let place = self.root().join(path.trim_start_matches('/'));
        fs::create_dir_all(place.parent().context("a file is in a directory")?)?;
        Ok(fs::write(place, content)?)
    }

    /// Starts it, runs the script with `sh` as root and switches it off.
    ///
    /// # Errors
    /// If QEMU cannot be started, or the script does not end within `limit`; then the message has the console.
    pub fn run(self, script: &str, limit: Duration) -> Result<Run> {
        self.file("/script", script.as_bytes())?;
        self.file("/init", init().as_bytes())?;
        fs::set_permissions(self.root().join("init"), fs::Permissions::from_mode(0o755))?;
        let initrd = self.dir.path().join("initrd");
        self.pack(&initrd)?;
        let console_file = self.dir.path().join("console");
        let started = Instant::now();
        let qemu = self.qemu(&initrd, &console_file)?.spawn();
        let mut qemu = qemu.context("starting qemu-system-x86_64, of the package qemu-system-x86")?;
        let has_ended = has_ended(&mut qemu, started + limit)?;
        let console = String::from_utf8_lossy(&fs::read(&console_file)?).replace('\r', "");
        if !has_ended {
            bail!("the machine did not end within {limit:?}:\n{console}");
        }
        Ok(Run { exit_code: exit_code(&console), console, took: started.elapsed() })
    }

    /// The emulator, without hardware support: it runs wherever the tests run.
    fn qemu(&self, initrd: &Path, console_file: &Path) -> Result<Command> {
        let mut qemu = Command::new("qemu-system-x86_64");
        qemu.args(["-accel", "tcg", "-cpu", "max", "-M", "q35", "-m", MEMORY_MIB])
            .args(["-nographic", "-no-reboot", "-nic", "none", "-monitor", "none", "-serial"])
            .arg(format!("file:{}", console_file.display()))
            .arg("-kernel")
            .arg(self.kernel.image()?)
            .arg("-initrd")
            .arg(initrd)
            .args(["-append", "console=ttyS0 panic=-1 quiet"])
            .stdin(Stdio::null())
            .stdout(Stdio::null());
        Ok(qemu)
    }

    /// Makes the archive that the kernel unpacks as its root file system.
    fn pack(&self, archive: &Path) -> Result<()> {
        let mut list = Vec::new();
        files_below(&self.root(), Path::new(""), &mut list)?;
        let mut cpio = Command::new("cpio");
        cpio.args(["--create", "--format=newc", "--null", "--quiet", "--file"]).arg(archive);
        let mut child = cpio.current_dir(self.root()).stdin(Stdio::piped()).spawn().context("starting cpio")?;
        child.stdin.take().context("cpio has an input")?.write_all(&list)?;
        let status = child.wait()?;
        if status.success() { Ok(()) } else { bail!("cpio: {status}") }
    }

    fn root(&self) -> std::path::PathBuf {
        self.dir.path().join("root")
    }
}

/// Waits for the machine's end; at the deadline it is switched off.
fn has_ended(qemu: &mut Child, deadline: Instant) -> Result<bool> {
    while qemu.try_wait()?.is_none() {
        if Instant::now() > deadline {
            qemu.kill()?;
            qemu.wait()?;
            return Ok(false);
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    Ok(true)
}

/// Names, parents first, each with a zero after it.
fn files_below(root: &Path, below: &Path, list: &mut Vec<u8>) -> Result<()> {
    for entry in fs::read_dir(root.join(below))? {
        let entry = entry?;
        let name = below.join(entry.file_name());
        list.extend_from_slice(name.as_os_str().as_encoded_bytes());
        list.push(0);
        if entry.file_type()?.is_dir() {
            files_below(root, &name, list)?;
        }
    }
    Ok(())
}

/// The machine's first program.
fn init() -> String {
    let modules = crate::kernel::MODULES.map(|module| format!("insmod /modules/{module}.ko\n")).concat();
    format!(
        "#!/bin/sh
export PATH=/bin
mount -t proc proc /proc; mount -t sysfs sysfs /sys; mount -t devtmpfs dev /dev
{modules}ip link set lo up
for i in 0 1; do ip link set wpan$i down; iwpan dev wpan$i set pan_id 0xabcd; done
ip link add link wpan0 name lowpan0 type lowpan
for device in wpan0 wpan1 lowpan0; do ip link set $device up; done
# Until its address is known to be nobody else's it cannot be used.
while ip -6 address show dev lowpan0 | grep -q tentative; do sleep 0.1; done
sh /script
echo \"{EXIT}$?\"
poweroff -f
"
    )
}

fn exit_code(console: &str) -> Option<i32> {
    console.lines().rev().find_map(|line| line.strip_prefix(EXIT)?.trim().parse().ok())
}
