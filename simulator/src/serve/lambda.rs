//! The Lambda host: runs a function's program and plays the Runtime API for it.
//!
//! ```text
//!            start                 next                     response | error
//! (no process) ──► initializing ──────► idle ──► working ──────────────────► idle
//!                       │                            │ time-out: killed; exit: crash
//!                       └── exit, init error ────────┴──► (no process)
//! ```
//!
//! A process works on one event at a time; while all are busy another is started, up to the concurrency limit, and after that invocations wait
//! in order. It stands alone: a test may feed it events without any region.

use std::collections::BTreeMap;
use std::io;
use std::path::PathBuf;
use std::process::Stdio;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use serde::Serialize;
use serde_json::Value;
use thiserror::Error;
use tokio::io::{AsyncBufReadExt as _, AsyncRead, BufReader};
use tokio::net::TcpListener;
use tokio::process::{Child, Command};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio::time::Instant;

use super::runtime_api::{Exchange, Invocation, Reply};

/// AWS's limit on a function's run, and the default here.
const LONGEST_TIMEOUT: Duration = Duration::from_mins(15);
/// AWS's limit on a process's start.
const INIT_TIMEOUT: Duration = Duration::from_secs(10);

/// The function and how it is run.
#[derive(Debug, Clone)]
pub struct LambdaOptions {
    /// The program: a `bootstrap`.
    pub program: PathBuf,
    /// Arguments; AWS gives none.
    pub arguments: Vec<String>,
    /// Variables of the function's configuration. Nothing else of this process's environment reaches it but `PATH`.
    pub environment: BTreeMap<String, String>,
    /// How long one invocation may run, in real time; none is AWS's 15 minutes (of region time, in a served region).
    pub timeout: Option<Duration>,
    /// How many processes may work at the same time.
    pub max_concurrency: usize,
    /// The function's name.
    pub function_name: String,
    /// `AWS_REGION`
    pub region_name: String,
    /// The account in the function's ARN.
    pub account_id: String,
    /// `AWS_ENDPOINT_URL`; a served region puts its own.
    pub endpoint_url: Option<String>,
    /// Whether outcomes tell how much memory the process has used at most.
    pub report_memory: bool,
}

impl LambdaOptions {
    /// A function that runs this program, with defaults for all else.
    pub fn new(program: impl Into<PathBuf>) -> LambdaOptions {
        LambdaOptions {
            program: program.into(),
            arguments: Vec::new(),
            environment: BTreeMap::new(),
            timeout: None,
            max_concurrency: 10,
            function_name: "failover".to_owned(),
            region_name: "eu-central-1".to_owned(),
            account_id: "123456789012".to_owned(),
            endpoint_url: None,
            report_memory: true,
        }
    }

    fn function_arn(&self) -> String {
        format!("arn:aws:lambda:{}:{}:function:{}", self.region_name, self.account_id, self.function_name)
    }
}

/// Why there is no host.
#[derive(Debug, Error)]
pub enum LambdaError {
    /// There is no such program.
    #[error("cannot run the Lambda program {program}")]
    Program {
        /// The program.
        program: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// Nothing could ever run.
    #[error("max_concurrency is 0: the function could never run; it must be at least 1")]
    NoConcurrency,
}

/// How an invocation ended.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(tag = "outcome", rename_all = "snake_case")]
pub enum InvocationOutcome {
    /// The function answered.
    Ok {
        /// Its answer.
        payload: Value,
    },
    /// The function, or its start, reported an error.
    Error {
        /// Such as `Runtime.ExitError`.
        error_type: String,
        /// The error's text.
        message: String,
        /// The whole report.
        payload: Value,
    },
    /// It ran over its time limit and its process was killed.
    Timeout {
        /// The limit.
        limit: Duration,
    },
    /// Its process ended by itself while it worked.
    Crash {
        /// The exit status, as the system puts it.
        status: String,
    },
}

impl InvocationOutcome {
    /// Whether the function answered.
    pub fn is_ok(&self) -> bool {
        matches!(self, InvocationOutcome::Ok { .. })
    }
}

/// How an invocation ended, and what it took.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct InvocationResult {
    /// How it ended.
    #[serde(flatten)]
    pub outcome: InvocationOutcome,
    /// From the hand-over to the answer.
    pub duration: Duration,
    /// From the process's start to its first question for work, if it was started for this.
    pub init_duration: Option<Duration>,
    /// The most memory that the process has used so far.
    pub max_memory_kib: Option<u64>,
}

/// Runs a function's processes. Clones are the same host; when the last is dropped, the processes are killed.
#[derive(Debug, Clone)]
pub struct LambdaHost(Arc<Host>);

#[derive(Debug)]
struct Host {
    options: LambdaOptions,
    permits: Semaphore,
    idle: Mutex<Vec<Sandbox>>,
    ids: Mutex<fastrand::Rng>,
}

/// One process with its Runtime API.
#[derive(Debug)]
struct Sandbox {
    child: Child,
    exchange: Arc<Exchange>,
    /// The API's server and the readers of the process's output; they end with the sandbox.
    _tasks: JoinSet<()>,
}

impl LambdaHost {
    /// Makes a host. Processes start when there is something to do.
    pub fn start(options: LambdaOptions) -> Result<LambdaHost, LambdaError> {
        if options.max_concurrency == 0 {
            return Err(LambdaError::NoConcurrency);
        }
        let program = options.program.clone();
        // An absolute path, because the process may be started from elsewhere later.
        let absolute = std::fs::canonicalize(&program).map_err(|source| LambdaError::Program { program, source })?;
        let options = LambdaOptions { program: absolute, ..options };
        Ok(LambdaHost(Arc::new(Host {
            permits: Semaphore::new(options.max_concurrency.min(Semaphore::MAX_PERMITS)),
            options,
            idle: Mutex::new(Vec::new()),
            ids: Mutex::new(fastrand::Rng::new()),
        })))
    }

    /// Runs the function on an event, and waits until it is done with it.
    pub async fn invoke(&self, event: Value) -> InvocationResult {
        let request_id = self.new_request_id();
        self.invoke_as(&request_id, event).await
    }

    /// A request id for an invocation and its retries.
    pub fn new_request_id(&self) -> String {
        let random = self.0.ids.lock().unwrap_or_else(PoisonError::into_inner).u128(..);
        let hex = format!("{random:032x}");
        let part = |from: usize, to: usize| hex.get(from..to).unwrap_or_default().to_owned();
        [part(0, 8), part(8, 12), part(12, 16), part(16, 20), part(20, 32)].join("-")
    }

    /// As [`LambdaHost::invoke`], under a given request id: a retry has the id of the first try.
    pub async fn invoke_as(&self, request_id: &str, event: Value) -> InvocationResult {
        // The semaphore is never closed; if it were, there would be no limit to keep.
        let _permit = self.0.permits.acquire().await.ok();
        let (mut sandbox, init_duration) = match self.sandbox().await {
            Ok(ready) => ready,
            Err(failed) => return failed,
        };
        let started = Instant::now();
        let limit = self.0.options.timeout.unwrap_or(LONGEST_TIMEOUT);
        tracing::info!(target: "lambda", request_id, "START");
        let reply = sandbox.exchange.offer(Invocation {
            request_id: request_id.to_owned(),
            event,
            function_arn: self.0.options.function_arn(),
            deadline: SystemTime::now() + limit,
        });
        let outcome = tokio::select! {
            biased;
            Ok(reply) = reply => outcome_of(reply),
            status = sandbox.child.wait() => crash(status),
            () = tokio::time::sleep(limit) => InvocationOutcome::Timeout { limit },
        };
        let duration = started.elapsed();
        let max_memory_kib = if self.0.options.report_memory { sandbox.peak_memory_kib() } else { None };
        tracing::info!(target: "lambda", request_id, ?duration, ok = outcome.is_ok(), "END");
        match outcome {
            InvocationOutcome::Ok { .. } | InvocationOutcome::Error { .. } => self.idle().push(sandbox),
            InvocationOutcome::Timeout { .. } | InvocationOutcome::Crash { .. } => sandbox.end().await,
        }
        InvocationResult { outcome, duration, init_duration, max_memory_kib }
    }

    fn idle(&self) -> std::sync::MutexGuard<'_, Vec<Sandbox>> {
        self.0.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A process that waits for work: one that has worked before, or a new one.
    async fn sandbox(&self) -> Result<(Sandbox, Option<Duration>), InvocationResult> {
        loop {
            let Some(mut idle) = self.idle().pop() else { break };
            // It may have died since.
            if matches!(idle.child.try_wait(), Ok(None)) {
                return Ok((idle, None));
            }
        }
        let started = Instant::now();
        let failed = |outcome| InvocationResult {
            outcome,
            duration: started.elapsed(),
            init_duration: None,
            max_memory_kib: None,
        };
        let mut sandbox = Sandbox::start(&self.0.options)
            .await
            .map_err(|error| failed(runtime_error("Runtime.InvalidEntrypoint", &error.to_string())))?;
        let init_timeout = INIT_TIMEOUT.min(self.0.options.timeout.unwrap_or(INIT_TIMEOUT));
        let outcome = tokio::select! {
            biased;
            () = sandbox.exchange.heard_from.notified() => sandbox.exchange.init_error().map(outcome_of),
            status = sandbox.child.wait() => Some(crash(status)),
            () = tokio::time::sleep(init_timeout) => Some(InvocationOutcome::Timeout { limit: init_timeout }),
        };
        match outcome {
            None => Ok((sandbox, Some(started.elapsed()))),
            Some(outcome) => {
                sandbox.end().await;
                Err(failed(outcome))
            }
        }
    }
}

impl Sandbox {
    async fn start(options: &LambdaOptions) -> io::Result<Sandbox> {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        let runtime_api = listener.local_addr()?;
        let exchange = Arc::new(Exchange::default());
        let mut command = Command::new(&options.program);
        command
            .args(&options.arguments)
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .envs(lambda_environment(options))
            .env("AWS_LAMBDA_RUNTIME_API", runtime_api.to_string())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true);
        let mut child = command.spawn()?;
        let mut tasks = JoinSet::new();
        tasks.spawn(serve_runtime_api(listener, Arc::clone(&exchange)));
        if let Some(stdout) = child.stdout.take() {
            tasks.spawn(log_lines(stdout, "stdout"));
        }
        if let Some(stderr) = child.stderr.take() {
            tasks.spawn(log_lines(stderr, "stderr"));
        }
        Ok(Sandbox { child, exchange, _tasks: tasks })
    }

    /// Kills the process and waits until it is gone.
    async fn end(mut self) {
        if let Err(error) = self.child.kill().await {
            tracing::debug!(target: "lambda", %error, "the process had ended before");
        }
    }

    /// The kernel's high-water mark of the process's resident memory.
    fn peak_memory_kib(&self) -> Option<u64> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id()?)).ok()?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
        line.trim().trim_end_matches("kB").trim().parse().ok()
    }
}

/// The environment that Lambda gives a function, under the function's own variables.
fn lambda_environment(options: &LambdaOptions) -> BTreeMap<String, String> {
    let mut environment: BTreeMap<String, String> = [
        ("AWS_LAMBDA_FUNCTION_NAME", options.function_name.as_str()),
        ("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST"),
        ("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "512"),
        ("AWS_LAMBDA_LOG_GROUP_NAME", "/aws/lambda/simulated"),
        ("AWS_LAMBDA_LOG_STREAM_NAME", "simulated"),
        ("AWS_LAMBDA_INITIALIZATION_TYPE", "on-demand"),
        ("_HANDLER", "bootstrap"),
        ("AWS_REGION", options.region_name.as_str()),
        ("AWS_DEFAULT_REGION", options.region_name.as_str()),
        // Nobody checks them, but a client without credentials does not sign.
        ("AWS_ACCESS_KEY_ID", "AKIASIMULATEDREGION0"),
        ("AWS_SECRET_ACCESS_KEY", "simulated"),
    ]
    .into_iter()
    .map(|(name, value)| (name.to_owned(), value.to_owned()))
    .collect();
    if let Some(url) = &options.endpoint_url {
        environment.insert("AWS_ENDPOINT_URL".to_owned(), url.clone());
    }
    environment.extend(options.environment.clone());
    environment
}

async fn serve_runtime_api(listener: TcpListener, exchange: Arc<Exchange>) {
    let mut connections = JoinSet::new();
    loop {
        while connections.try_join_next().is_some() {}
        let Ok((stream, _)) = listener.accept().await else { continue };
        let exchange = Arc::clone(&exchange);
        connections.spawn(async move {
            let service = service_fn(|request| {
                let exchange = Arc::clone(&exchange);
                async move { Ok::<_, std::convert::Infallible>(exchange.answer(request).await) }
            });
            let connection = hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), service);
            if let Err(error) = connection.await {
                tracing::debug!(target: "lambda", %error, "a connection to the Runtime API ended early");
            }
        });
    }
}

async fn log_lines(output: impl AsyncRead + Unpin, name: &'static str) {
    let mut lines = BufReader::new(output).lines();
    while let Ok(Some(line)) = lines.next_line().await {
        tracing::info!(target: "lambda", output = name, "{line}");
    }
}

fn outcome_of(reply: Reply) -> InvocationOutcome {
    match reply {
        Reply::Response(payload) => InvocationOutcome::Ok { payload },
        Reply::Error { error_type, message, payload } => InvocationOutcome::Error { error_type, message, payload },
    }
}

fn crash(status: io::Result<std::process::ExitStatus>) -> InvocationOutcome {
    InvocationOutcome::Crash { status: status.map_or_else(|error| error.to_string(), |status| status.to_string()) }
}

fn runtime_error(error_type: &str, message: &str) -> InvocationOutcome {
    InvocationOutcome::Error { error_type: error_type.to_owned(), message: message.to_owned(), payload: Value::Null }
}

#[cfg(test)]
mod tests;
