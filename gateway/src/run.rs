//! `sn-gateway run`: from the configuration to the last farewell.

use crate::admin;
use crate::auth::Passwords;
use crate::bridge;
use crate::cli::RunArgs;
use crate::config::{
    self, BridgeTable, File, ListenerTable, RadioTable, SerialTable, SimTable, TransportTable, UdpTable,
};
use crate::driver::Driver;
use crate::logging;
use crate::metrics;
use crate::mqtt::{ConnIds, Door, FromMqtt, Listener, Tls, TlsFiles};
use crate::reload::Reloader;
use crate::startup::{Data, Listening, MqttAt, UdpAt};
use crate::store::{self, DataDir, Keeper, Wall};
use anyhow::{Context, bail};
use gateway_core::{BRIDGE_PREFIX, Config, Core};
use nix::sys::resource::{Resource, getrlimit, setrlimit};
use sn_config::leaves_ipv4;
use sn_types::{Instant, TransportId};
use std::hash::{BuildHasher, RandomState};
use std::io::{self, Write};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tracing::{info, warn};
use transports::{BindError, RadioTransport, SerialTransport, SimTransport, UdpTransport};

/// Runs the gateway until a signal ends it.
///
/// # Errors
/// The configuration is wrong, an address cannot be listened on, the data cannot be used, or the disk has failed.
pub fn run(args: &RunArgs) -> anyhow::Result<()> {
    let mut file = args.config.as_deref().map_or(Ok(File::default()), config::load)?;
    args.apply(&mut file);
    let log = logging::start(&file.log)?;
    for complaint in file.certificate_complaints() {
        warn!("{complaint}");
    }
    allow_many_descriptors();
    // One thread: no message is handed from processor to processor, and the second one is left to the kernel's work.
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let hash_seed = RandomState::new().hash_one(std::process::id());
    runtime.block_on(async {
        let signals = Signals::new()?;
        let users = file.security.load()?;
        let Built { mut driver, to_driver, data, dir } = build(&file, hash_seed)?;
        let secret = dir.as_ref().filter(|_| users.is_some()).and_then(secret);
        let passwords = Arc::new(Passwords::new(users, secret)?);
        if let Some(table) = &file.transparent {
            driver.connect_nodes(table.settings()?);
        }
        let mut accepting = JoinSet::new();
        let (ids, mut all_tls) = (ConnIds::default(), Vec::new());
        let octets = driver.octets();
        let mut listening = listen(&file, &mut driver, |listener, number, table| {
            let tls = table.tls.clone().map(Tls::new).transpose()?.map(Arc::new);
            all_tls.extend(tls.clone());
            let (passwords, octets) = (passwords.clone(), octets.clone());
            let door = Door::new(number, table, tls, ids.clone(), passwords, octets, to_driver.clone());
            accepting.spawn(listener.accept(Arc::new(door)));
            Ok(())
        })?;
        start_bridges(&file, &mut driver, &ids, &to_driver, hash_seed)?;
        if let Some(addr) = file.metrics.listen.as_ref().map(|listen| *listen.get_ref()) {
            listening.metrics = Some(listen_metrics(addr, &mut driver, &mut accepting).await?);
        }
        if let Some(dir) = &dir {
            accept_questions(dir, &mut driver, &mut accepting);
        }
        announce(&listening.describe(&data));
        let reloader = Reloader::new(args.clone(), file, log, hash_seed, all_tls, passwords);
        serve(driver, signals, reloader, accepting).await
    })
}

/// The daemon before it listens.
struct Built {
    driver: Driver,
    to_driver: mpsc::Sender<FromMqtt>,
    data: Data,
    /// Held until the daemon ends.
    dir: Option<DataDir>,
}

fn build(file: &File, hash_seed: u64) -> anyhow::Result<Built> {
    let dir = file
        .data_dir()?
        .map(|path| DataDir::open(&path).with_context(|| format!("cannot use the data directory {}", path.display())));
    let dir = dir.transpose()?;
    let mut core = Core::new(Config { hash_seed, durable: dir.is_some(), ..file.core() });
    let (data, now, keeper) = match &dir {
        None => (Data::InMemory, Instant::ZERO, None),
        Some(dir) => {
            let mut store = store::load::open(dir, file.store.log_bytes)?;
            let loaded = store::load::load(dir.path(), &mut *store, &mut core, Wall::now())?;
            let data = Data::In { dir: dir.path().into(), restored: loaded.restored };
            (data, loaded.now, Some(Keeper::start(store)?))
        }
    };
    let (driver, to_driver) = Driver::new(core, now, keeper);
    Ok(Built { driver, to_driver, data, dir })
}

/// The data directory's secret. To go without it shows who is a user, and so is no reason not to start.
fn secret(dir: &DataDir) -> Option<[u8; 32]> {
    let secret = dir.secret();
    secret.inspect_err(|error| warn!(%error, "no secret in the data directory: salts of unknown users change")).ok()
}

/// Starts the bridges of the configuration. The session of one that is there no more would only fill: it is forgotten.
fn start_bridges(
    file: &File,
    driver: &mut Driver,
    ids: &ConnIds,
    to_driver: &mpsc::Sender<FromMqtt>,
    seed: u64,
) -> anyhow::Result<()> {
    let names: Vec<&str> = file.bridge.iter().map(BridgeTable::name).collect();
    for (bridge, messages) in driver.forget_other_bridges(&names) {
        warn!(bridge, messages, "this bridge is configured no more: what waited for it is forgotten");
    }
    for (table, number) in file.bridge.iter().zip(0..) {
        let settings = table.settings(file.limits.incoming_qos2)?;
        let found = driver.subscriptions(&[BRIDGE_PREFIX, table.name()].concat());
        // Every gateway has pauses of its own.
        let seed = seed.wrapping_add(number);
        let tally = bridge::start(settings, &found, seed, ids.clone(), to_driver.clone());
        driver.add_bridge(table.name().into(), tally);
    }
    Ok(())
}

/// Opens the control socket. Without it the gateway does its work all the same.
fn accept_questions(dir: &DataDir, driver: &mut Driver, accepting: &mut JoinSet<()>) {
    let path = DataDir::socket(dir.path());
    match admin::Server::bind(&path) {
        Ok(server) => {
            let (asks, asked) = mpsc::channel(admin::CHANNEL);
            driver.answer(asked);
            accepting.spawn(server.serve(asks));
        }
        Err(error) => warn!(socket = %path.display(), %error, "sessions cannot be listed, nor backups made"),
    }
}

/// Lets metrics be read at `addr`, and says where that really is.
async fn listen_metrics(
    addr: SocketAddr,
    driver: &mut Driver,
    accepting: &mut JoinSet<()>,
) -> anyhow::Result<SocketAddr> {
    let bound = async {
        let server = metrics::Server::bind(addr).await?;
        server.local_addr().map(|actual| (server, actual))
    };
    let (server, actual) = bound.await.with_context(|| {
        format!("cannot listen on {addr} for metrics; choose another address with the key listen of [metrics]")
    })?;
    let (scrapes, scraped) = mpsc::channel(metrics::CHANNEL);
    driver.measure(scraped);
    accepting.spawn(server.serve(scrapes));
    Ok(actual)
}

/// Turns the driver until a signal ends it, or the store's failure does.
async fn serve(
    mut driver: Driver,
    mut signals: Signals,
    mut reloader: Reloader,
    mut accepting: JoinSet<()>,
) -> anyhow::Result<()> {
    while !driver.is_over() {
        tokio::select! {
            biased;
            signal = ended(&mut signals.terminate, &mut signals.interrupt) => {
                info!("{signal}: stopping");
                break;
            }
            _ = signals.hangup.recv() => driver.reconfigure(|now, core| reloader.reload(now, core)),
            () = driver.turn() => {}
        }
    }
    accepting.abort_all();
    let failed = driver.is_over();
    driver.shut_down().await;
    info!("stopped");
    if failed {
        bail!(
            "the disk has failed: what was acknowledged is on it as far as it can be read; look at it before the next start"
        );
    }
    Ok(())
}

struct Signals {
    terminate: Signal,
    interrupt: Signal,
    hangup: Signal,
    /// Never looked at. Because it is caught, a write beyond a limit of the file size says so instead of ending the
    /// process.
    _file_size: Signal,
}

impl Signals {
    fn new() -> io::Result<Self> {
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
            hangup: signal(SignalKind::hangup())?,
            _file_size: signal(SignalKind::from_raw(nix::libc::SIGXFSZ))?,
        })
    }
}

/// Waits for a signal that ends the daemon, and says which.
async fn ended(terminate: &mut Signal, interrupt: &mut Signal) -> &'static str {
    tokio::select! {
        _ = terminate.recv() => "SIGTERM",
        _ = interrupt.recv() => "SIGINT",
    }
}

/// Each client over MQTT takes a descriptor; the usual soft limit of 1,024 is meant for programs that use select(2).
fn allow_many_descriptors() {
    if let Ok((soft, hard)) = getrlimit(Resource::RLIMIT_NOFILE)
        && soft < hard
    {
        let _ = setrlimit(Resource::RLIMIT_NOFILE, hard, hard);
    }
}

/// Start-up lines go to standard output, whether somebody reads them or not.
fn announce(text: &str) {
    let mut out = io::stdout().lock();
    let _ = out.write_all(text.as_bytes()).and_then(|()| out.flush());
}

/// Binds everything that the configuration names: transports for the driver, MQTT listeners for `accept`.
fn listen(
    file: &File,
    driver: &mut Driver,
    mut accept: impl FnMut(Listener, usize, &ListenerTable) -> anyhow::Result<()>,
) -> anyhow::Result<Listening> {
    let has_users = file.security.password_file.is_some();
    let mut listening = Listening { has_users, has_rules: !file.access.is_empty(), ..Listening::default() };
    let udp: Vec<SocketAddr> =
        file.transport.iter().filter_map(TransportTable::as_udp).map(|table| table.listen.0).collect();
    for (place, table) in file.transport.iter().enumerate() {
        let name = table.name(place);
        let is_named = file.transparent.as_ref().is_some_and(|transparent| transparent.names(&name));
        let number = driver.transports();
        let id = next_id(driver)?;
        driver.pace(id, table.pacing());
        match table {
            TransportTable::Udp(table) => {
                listen_udp(name, table, leaves_ipv4(table.listen.0, &udp), driver, &mut listening)?;
            }
            TransportTable::Serial(table) => listen_serial(name, table, driver, &mut listening)?,
            TransportTable::Ieee802154(table) => listen_radio(name, table, driver, &mut listening)?,
            TransportTable::Sim(table) => listen_sim(name, table, driver, &mut listening)?,
        }
        if is_named && driver.transports() > number {
            driver.make_transparent(TransportId(u8::try_from(number)?));
        }
    }
    let mqtt: Vec<SocketAddr> = file.listener.iter().map(|table| table.listen.0).collect();
    for table in &file.listener {
        let number = driver.add_listener();
        if let Some(listener) = listen_mqtt(table, leaves_ipv4(table.listen.0, &mqtt), &mut listening)? {
            accept(listener, number, table).with_context(|| cannot_use_tls(table.listen.0))?;
        }
    }
    if driver.transports() == 0 && listening.mqtt.is_empty() {
        bail!("there is no address to listen on; give one with --udp or --mqtt");
    }
    Ok(listening)
}

fn listen_udp(
    name: String,
    table: &UdpTable,
    only_v6: bool,
    driver: &mut Driver,
    listening: &mut Listening,
) -> anyhow::Result<()> {
    let addr = table.listen.0;
    let id = next_id(driver)?;
    match UdpTransport::bind(id, &table.transport(only_v6)) {
        Ok(transport) => {
            listening.udp.push(UdpAt { addr: transport.local_addr(), is_guarded: !table.admission.anonymous });
            driver.add_transport(id, name, Box::new(transport), table.admission.clone());
        }
        Err(BindError::Address(error)) if lacks_ipv6(addr, &error) => listening.without_ipv6.push(addr),
        Err(BindError::Address(error)) => return Err(error).with_context(|| cannot_listen("udp", addr)),
        Err(BindError::Group(error)) => return Err(error).with_context(|| cannot_join(addr)),
    }
    Ok(())
}

/// The device need not be there yet.
fn listen_serial(
    name: String,
    table: &SerialTable,
    driver: &mut Driver,
    listening: &mut Listening,
) -> anyhow::Result<()> {
    let id = next_id(driver)?;
    listening.serial.push(table.line.device.to_string());
    driver.add_transport(id, name, Box::new(SerialTransport::new(id, table.line.clone())), table.admission.clone());
    Ok(())
}

/// The radio need not be there yet.
fn listen_radio(
    name: String,
    table: &RadioTable,
    driver: &mut Driver,
    listening: &mut Listening,
) -> anyhow::Result<()> {
    let id = next_id(driver)?;
    listening.radios.push(table.radio.attachment.to_string());
    let transport = RadioTransport::new(id, table.radio.clone())?;
    driver.add_transport(id, name, Box::new(transport), table.admission.clone());
    Ok(())
}

fn listen_sim(name: String, table: &SimTable, driver: &mut Driver, listening: &mut Listening) -> anyhow::Result<()> {
    let id = next_id(driver)?;
    let path = table.path.display();
    let transport = SimTransport::bind(id, &table.path)
        .with_context(|| format!("cannot listen for a simulator at {path}; choose another path with --sim PATH"))?;
    listening.sim.push(table.path.clone());
    driver.add_transport(id, name, Box::new(transport), table.admission.clone());
    Ok(())
}

fn next_id(driver: &Driver) -> anyhow::Result<TransportId> {
    let number = u8::try_from(driver.transports()).context("there are more than 256 transports")?;
    Ok(TransportId(number))
}

fn listen_mqtt(table: &ListenerTable, only_v6: bool, listening: &mut Listening) -> anyhow::Result<Option<Listener>> {
    let addr = table.listen.0;
    match Listener::bind(addr, only_v6).and_then(|listener| Ok((listener.local_addr()?, listener))) {
        Ok((addr, listener)) => {
            listening.mqtt.push(MqttAt {
                addr,
                url: table.url(addr),
                is_plain: table.tls.is_none() && table.web_socket.is_none(),
                is_guarded: !table.policy.anonymous || table.tls.as_ref().is_some_and(TlsFiles::requires_clients),
            });
            return Ok(Some(listener));
        }
        Err(error) if lacks_ipv6(addr, &error) => listening.without_ipv6.push(addr),
        Err(error) => return Err(error).with_context(|| cannot_listen("mqtt", addr)),
    }
    Ok(None)
}

/// IPv6's loopback address is only missing where there is no IPv6 at all.
fn lacks_ipv6(addr: SocketAddr, error: &io::Error) -> bool {
    let codes = [nix::libc::EADDRNOTAVAIL, nix::libc::EAFNOSUPPORT];
    addr.is_ipv6() && addr.ip().is_loopback() && error.raw_os_error().is_some_and(|code| codes.contains(&code))
}

/// What to do about a group that cannot be joined.
fn cannot_join(addr: SocketAddr) -> String {
    format!(
        "cannot join the multicast group of the transport on {addr}; look at the keys multicast and multicast_interface \
         in its table [[transport]]"
    )
}

/// What to do about certificates that cannot be used.
fn cannot_use_tls(addr: SocketAddr) -> String {
    format!("cannot speak TLS on {addr}; look at the files that the table [[listener]] with this address names")
}

/// What to do about an address that cannot be listened on.
fn cannot_listen(flag: &str, addr: SocketAddr) -> String {
    let other = SocketAddr::new(addr.ip(), 0);
    let local = if addr.ip().is_loopback() { addr.ip() } else { IpAddr::from(Ipv4Addr::LOCALHOST) };
    format!(
        "cannot listen on {addr}; choose another address with --{flag} IP:PORT, or any free port with --{flag} {other}, \
         or this machine's own with --{flag} {local}"
    )
}
