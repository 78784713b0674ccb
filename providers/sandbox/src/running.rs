//! Starts the sandbox, or finds the one that runs on the same data file.
//!
//! Beside the data file `sandbox.db` are `sandbox.lock`, locked by the process that serves, and `sandbox.json`, which
//! tells others where it answers. Ports are chosen on the first start and kept in the data file, so that the addresses
//! in stored objects stay true.

use std::{
    collections::BTreeMap,
    fs::{self, File, TryLockError},
    io::{self, Write},
    net::{Ipv4Addr, SocketAddr},
    path::{Path, PathBuf},
    sync::Arc,
    time::{Duration, Instant},
};

use serde::{Deserialize, Serialize};
use tokio::{net::TcpListener, net::TcpStream, task::JoinHandle};
use tokio_util::sync::CancellationToken;

use crate::{
    faults::{Fault, FaultError, Faults},
    server::{self, Admin, Calls, Exchange, Log, Service, ServiceContext, ServiceError},
    store::{Store, StoreError, create_private},
};

/// Why the sandbox could not start.
#[derive(Debug, thiserror::Error)]
pub enum SandboxError {
    /// The data file.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A service.
    #[error("the sandbox's {service} could not start: {source}")]
    Service {
        /// Which one.
        service: &'static str,
        /// Why.
        source: ServiceError,
    },
    /// A fault in the options.
    #[error(transparent)]
    Fault(#[from] FaultError),
    /// Files beside the data file.
    #[error("{path} could not be used: {source}")]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The port that was asked for.
    #[error(
        "port {port} for the sandbox's {service} could not be taken: {source}; choose another, or end the program that has it"
    )]
    Port {
        /// Which service.
        service: &'static str,
        /// The port; 0 for any.
        port: u16,
        /// What the system said.
        source: io::Error,
    },
    /// Certificates.
    #[error("the sandbox's certificate could not be made: {0}")]
    Tls(String),
    /// Another process serves this data file.
    #[error(
        "a sandbox already runs on {data} (process {pid}); attach to it, end it, or use another data file"
    )]
    AlreadyRunning {
        /// The data file.
        data: PathBuf,
        /// Its process; 0 if it has not said yet.
        pid: u32,
    },
    /// Another process holds the lock but does not answer.
    #[error("a sandbox runs on {data} (process {pid}), but does not answer; end that process and try again")]
    NoAnswer {
        /// The data file.
        data: PathBuf,
        /// Its process; 0 if it has not said.
        pid: u32,
    },
}

/// Where one service answers.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Endpoint {
    /// `http://127.0.0.1:18929`
    pub url: String,
    /// The token with all rights.
    pub token: String,
    /// The certificate authority in PEM, if the address is https.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ca_pem: Option<String>,
}

impl std::fmt::Debug for Endpoint {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Endpoint").field("url", &self.url).finish_non_exhaustive()
    }
}

/// What is the same for every kind of service.
#[derive(Clone, Debug, Default)]
pub struct ServiceOptions {
    /// This port, or an error if it is taken; 0 for any free one. None: the one of the last start, else the usual one,
    /// else any free one.
    pub port: Option<u16>,
    /// Faults that are on from the start.
    pub faults: Vec<Fault>,
    /// Requests a minute before 429; none for no limit.
    pub rate_limit: Option<u64>,
}

/// How to start.
pub struct Options {
    data: PathBuf,
    services: Vec<(Arc<dyn Service>, ServiceOptions)>,
    log: Option<Log>,
}

impl Options {
    /// All services, each with its usual settings, on this data file.
    pub fn new(data: impl Into<PathBuf>) -> Options {
        Options::empty(data)
            .with(crate::gitlab::GitLab::new(), ServiceOptions::default())
            .with(crate::kubernetes::Kubernetes::new(), ServiceOptions::default())
    }

    /// No service yet; see [`Options::with`].
    pub fn empty(data: impl Into<PathBuf>) -> Options {
        Options { data: data.into(), services: Vec::new(), log: None }
    }

    /// Adds a service, in place of one with the same name.
    pub fn with(mut self, service: impl Service, options: ServiceOptions) -> Options {
        let service: Arc<dyn Service> = Arc::new(service);
        self.services.retain(|(other, _)| other.name() != service.name());
        self.services.push((service, options));
        self
    }

    /// Only the services with these names.
    pub fn only(mut self, names: &[&str]) -> Options {
        self.services.retain(|(service, _)| names.contains(&service.name()));
        self
    }

    /// Changes the options of every service: `options.each(|_, options| options.port = Some(0))`.
    pub fn each(mut self, mut change: impl FnMut(&str, &mut ServiceOptions)) -> Options {
        for (service, options) in &mut self.services {
            change(service.name(), options);
        }
        self
    }

    /// Called for each request, after it was answered.
    pub fn log(mut self, log: impl Fn(&Exchange) + Send + Sync + 'static) -> Options {
        self.log = Some(Arc::new(log));
        self
    }
}

/// What `sandbox.json` says.
#[derive(Serialize, Deserialize)]
struct Announcement {
    pid: u32,
    version: String,
    started_at: String,
    endpoints: BTreeMap<String, Endpoint>,
}

/// The emulated services.
pub struct Sandbox;

impl Sandbox {
    /// Starts all services of the options; they answer when this returns. Must be called in a tokio runtime, which then
    /// serves them.
    pub async fn start(options: Options) -> Result<Running, SandboxError> {
        let files = Files::beside(&options.data);
        let deadline = Instant::now() + Duration::from_secs(2);
        loop {
            if let Some(lock) = files.lock()? {
                return start_locked(options, files, lock).await;
            }
            // Whoever only looks whether the lock is held has it for an instant, too.
            if attach_with(&files).await.is_some() || Instant::now() > deadline {
                let pid = files.read().map_or(0, |found| found.pid);
                return Err(SandboxError::AlreadyRunning { data: options.data, pid });
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    /// Attaches to the sandbox that runs on this data file, else starts one.
    pub async fn attach_or_start(options: Options) -> Result<Running, SandboxError> {
        let files = Files::beside(&options.data);
        let deadline = Instant::now() + Duration::from_secs(10);
        loop {
            // The other may just be starting, or ending: so both are tried again and again.
            if let Some(lock) = files.lock()? {
                return start_locked(options, files, lock).await;
            }
            if let Some(running) = attach_with(&files).await {
                return Ok(running);
            }
            if Instant::now() > deadline {
                let pid = files.read().map_or(0, |found| found.pid);
                return Err(SandboxError::NoAnswer { data: options.data, pid });
            }
            tokio::time::sleep(Duration::from_millis(25)).await;
        }
    }

    /// Attaches to the sandbox that runs on this data file, if there is one.
    pub async fn attach(data: &Path) -> Option<Running> {
        let files = Files::beside(data);
        let running = attach_with(&files).await?;
        // What answers may be another program, at the port of a sandbox that was killed: ours holds the lock.
        matches!(files.lock(), Ok(None)).then_some(running)
    }
}

async fn attach_with(files: &Files) -> Option<Running> {
    let found = files.read()?;
    for endpoint in found.endpoints.values() {
        let address = endpoint.url.split("://").nth(1)?;
        let connect = tokio::time::timeout(Duration::from_secs(2), TcpStream::connect(address));
        connect.await.ok()?.ok()?;
    }
    Some(Running { endpoints: found.endpoints, pid: found.pid, own: None })
}

async fn start_locked(options: Options, files: Files, lock: File) -> Result<Running, SandboxError> {
    files.forget();
    let store = Store::open(&options.data)?;
    let stop = CancellationToken::new();
    // If a later service fails, this ends those that already serve.
    let guard = stop.clone().drop_guard();
    let (mut endpoints, mut admins, mut tasks) = (BTreeMap::new(), BTreeMap::new(), Vec::new());
    for (service, settings) in &options.services {
        let name = service.name();
        let faults = Faults::default();
        faults.set_rate_limit(settings.rate_limit);
        settings.faults.iter().try_for_each(|fault| faults.add(fault.clone()))?;
        let admin = Admin::new(service, faults.clone(), options.log.clone());
        let listener = listen(&store, service.as_ref(), settings).await?;
        let (ca_pem, acceptor) = match service.tls() {
            true => crate::tls::server(&store).map(|(ca_pem, acceptor)| (Some(ca_pem), Some(acceptor)))?,
            false => (None, None),
        };
        let scheme = if service.tls() { "https" } else { "http" };
        let port = listener
            .local_addr()
            .map_err(|source| SandboxError::Port { service: name, port: 0, source })?
            .port();
        let endpoint = Endpoint {
            url: format!("{scheme}://127.0.0.1:{port}"),
            token: token(&store, service.as_ref())?,
            ca_pem,
        };
        let context = ServiceContext {
            service: name,
            store: store.clone(),
            url: endpoint.url.clone(),
            token: endpoint.token.clone(),
            ca_pem: endpoint.ca_pem.clone(),
            stop: stop.clone(),
            faults,
        };
        let router = server::router(service, context, &admin)
            .map_err(|source| SandboxError::Service { service: name, source })?;
        tasks.push(tokio::spawn(server::serve(listener, acceptor, router, admin.clone(), stop.clone())));
        endpoints.insert(name.to_owned(), endpoint);
        admins.insert(name.to_owned(), admin);
    }
    files.announce(&endpoints)?;
    let own = Own { stop: guard.disarm(), admins, tasks, files, lock: Some(lock) };
    Ok(Running { endpoints, pid: std::process::id(), own: Some(own) })
}

/// The token of the last start, else a new one.
fn token(store: &Store, service: &dyn Service) -> Result<String, SandboxError> {
    if let Some(token) = store.get("sandbox", "token", service.name())? {
        return Ok(token);
    }
    let token = service.new_token();
    store.put("sandbox", "token", service.name(), &token)?;
    Ok(token)
}

/// Takes the service's port, and keeps in the store which one it is.
async fn listen(
    store: &Store,
    service: &dyn Service,
    settings: &ServiceOptions,
) -> Result<TcpListener, SandboxError> {
    let name = service.name();
    let bind = |port: u16| TcpListener::bind(SocketAddr::from((Ipv4Addr::LOCALHOST, port)));
    let failed = |port: u16| move |source| SandboxError::Port { service: name, port, source };
    let last: Option<u16> = store.get("sandbox", "port", name)?;
    let listener = match (settings.port, last) {
        // "Any port" on a later start means the one of the first.
        (Some(0), Some(port)) | (None, Some(port)) => match bind(port).await {
            Ok(listener) => listener,
            Err(error) => {
                tracing::warn!(service = name, port, %error, "the sandbox's port is taken; addresses change");
                bind(0).await.map_err(failed(0))?
            }
        },
        (Some(port), _) => bind(port).await.map_err(failed(port))?,
        (None, None) => match bind(service.default_port()).await {
            Ok(listener) => listener,
            Err(_) => bind(0).await.map_err(failed(0))?,
        },
    };
    let port = listener.local_addr().map_err(failed(0))?.port();
    if last != Some(port) {
        store.put("sandbox", "port", name, &port)?;
    }
    Ok(listener)
}

/// A sandbox that answers: this process's own, or another's.
pub struct Running {
    /// Where each service answers.
    pub endpoints: BTreeMap<String, Endpoint>,
    /// The process that serves.
    pub pid: u32,
    own: Option<Own>,
}

struct Own {
    stop: CancellationToken,
    admins: BTreeMap<String, Admin>,
    tasks: Vec<JoinHandle<()>>,
    files: Files,
    lock: Option<File>,
}

impl Running {
    /// Does this process serve it?
    pub fn is_own(&self) -> bool {
        self.own.is_some()
    }

    /// Where a service answers.
    pub fn endpoint(&self, service: &str) -> Option<&Endpoint> {
        self.endpoints.get(service)
    }

    /// A service's faults, if this process serves it; else use `/-/sandbox/faults`.
    pub fn faults(&self, service: &str) -> Option<Faults> {
        self.own.as_ref()?.admins.get(service).map(|admin| admin.faults.clone())
    }

    /// How many requests a service got, if this process serves it; else use `/-/sandbox/calls`.
    pub fn calls(&self, service: &str) -> Option<Calls> {
        self.own.as_ref()?.admins.get(service).map(Admin::calls)
    }

    /// Starts counting again.
    pub fn reset_calls(&self, service: &str) {
        if let Some(admin) = self.own.as_ref().and_then(|own| own.admins.get(service)) {
            admin.reset_calls();
        }
    }

    /// Ends the services if they are this process's own, after the answers under way. Dropping does the same without
    /// waiting.
    pub async fn shutdown(mut self) {
        if let Some(own) = &mut self.own {
            own.stop.cancel();
            for task in own.tasks.drain(..) {
                let _ = task.await;
            }
        }
    }
}

impl Drop for Own {
    fn drop(&mut self) {
        self.stop.cancel();
        self.files.forget();
        // Last: whoever waits for the lock must not find our announcement.
        self.lock.take();
    }
}

/// The files beside the data file.
struct Files {
    lock: PathBuf,
    announcement: PathBuf,
}

impl Files {
    fn beside(data: &Path) -> Files {
        Files { lock: data.with_extension("lock"), announcement: data.with_extension("json") }
    }

    /// The lock, unless another has it. The system frees it when its process ends, however it ends.
    fn lock(&self) -> Result<Option<File>, SandboxError> {
        let failed = |source| SandboxError::Io { path: self.lock.clone(), source };
        if let Some(folder) = self.lock.parent() {
            private_folder(folder).map_err(failed)?;
        }
        let file = create_private(&self.lock).map_err(failed)?;
        match file.try_lock() {
            Ok(()) => Ok(Some(file)),
            Err(TryLockError::WouldBlock) => Ok(None),
            Err(TryLockError::Error(source)) => Err(failed(source)),
        }
    }

    fn read(&self) -> Option<Announcement> {
        serde_json::from_slice(&fs::read(&self.announcement).ok()?).ok()
    }

    /// Whole or not at all, and for its owner only.
    fn announce(&self, endpoints: &BTreeMap<String, Endpoint>) -> Result<(), SandboxError> {
        let failed = |source| SandboxError::Io { path: self.announcement.clone(), source };
        let announcement = Announcement {
            pid: std::process::id(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            started_at: jiff::Timestamp::now().to_string(),
            endpoints: endpoints.clone(),
        };
        let text = serde_json::to_vec_pretty(&announcement).map_err(|error| failed(error.into()))?;
        let draft = self.announcement.with_extension("json.new");
        let _ = fs::remove_file(&draft);
        let mut file = create_private(&draft).map_err(failed)?;
        file.write_all(&text).map_err(failed)?;
        fs::rename(&draft, &self.announcement).map_err(failed)
    }

    fn forget(&self) {
        let _ = fs::remove_file(&self.announcement);
    }
}

/// The folder of the data: tokens stand in what is in it.
fn private_folder(folder: &Path) -> std::io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder)
}
