//! The region served over loopback HTTP, in scaled real time, for clients that live in other processes.
//!
//! All services answer on one address, as `AWS_ENDPOINT_URL` expects; the request says which service it is for. Beside them are the
//! control endpoints below `/_region` (see [`control`]) and, if a program is given, the host that plays Lambda for it (see [`lambda`]):
//! the region's deliveries are its events, invoked asynchronously with AWS's retries and a dead-letter queue (see [`invocations`]).

pub mod control;
mod http;
pub mod invocations;
pub mod lambda;
mod runtime_api;

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use thiserror::Error;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use self::invocations::Dispatcher;
use self::lambda::{LambdaError, LambdaHost, LambdaOptions};
use crate::region::Region;

/// Where and with what a region is served.
#[derive(Debug, Clone)]
pub struct ServeOptions {
    /// A loopback address; port 0 takes any free one.
    pub address: SocketAddr,
    /// The Lambda function behind the region's event rules.
    pub lambda: Option<LambdaOptions>,
}

impl Default for ServeOptions {
    fn default() -> Self {
        ServeOptions { address: SocketAddr::from(([127, 0, 0, 1], 0)), lambda: None }
    }
}

/// Why a region cannot be served.
#[derive(Debug, Error)]
pub enum ServeError {
    /// It knows no user from another, so it talks to this machine only.
    #[error("cannot serve on {0}: a simulated region is served on a loopback address only, such as 127.0.0.1")]
    NotLoopback(SocketAddr),
    /// The address cannot be bound.
    #[error("cannot serve on {address}")]
    Bind {
        /// The address.
        address: SocketAddr,
        /// What the system says.
        source: io::Error,
    },
    /// The Lambda program cannot be used.
    #[error(transparent)]
    Lambda(#[from] LambdaError),
}

/// A region that is being served. It stops when this is dropped, and its Lambda processes with it.
#[derive(Debug)]
pub struct Served {
    address: SocketAddr,
    tasks: Vec<JoinHandle<()>>,
    dispatcher: Option<Dispatcher>,
}

impl Served {
    /// The address, with the port that was taken.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// What `AWS_ENDPOINT_URL` has to be.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The Lambda's invocations, if there is one.
    pub fn dispatcher(&self) -> Option<&Dispatcher> {
        self.dispatcher.as_ref()
    }

    /// Waits for ever: until whoever waits is cancelled.
    pub async fn run(self) {
        std::future::pending::<()>().await;
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        for task in &self.tasks {
            task.abort();
        }
        if let Some(dispatcher) = &self.dispatcher {
            dispatcher.stop();
        }
    }
}

/// Serves a region until the returned value is dropped.
pub async fn serve(region: Region, options: ServeOptions) -> Result<Served, ServeError> {
    let address = options.address;
    if !address.ip().is_loopback() {
        return Err(ServeError::NotLoopback(address));
    }
    let bind_error = |source| ServeError::Bind { address, source };
    let listener = TcpListener::bind(address).await.map_err(bind_error)?;
    let address = listener.local_addr().map_err(bind_error)?;
    let dispatcher = match options.lambda {
        None => None,
        Some(lambda) => Some(start_lambda(&region, lambda, address)?),
    };
    let mut tasks = vec![tokio::spawn(http::accept(listener, region.clone(), dispatcher.clone()))];
    if let Some(dispatcher) = &dispatcher {
        tasks.push(tokio::spawn(dispatcher.clone().deliver_all(region)));
    }
    Ok(Served { address, tasks, dispatcher })
}

/// AWS's limit on a function's run.
const LONGEST_TIMEOUT: Duration = Duration::from_mins(15);

fn start_lambda(region: &Region, options: LambdaOptions, address: SocketAddr) -> Result<Dispatcher, LambdaError> {
    let (region_name, account_id) = region.names();
    let options = LambdaOptions {
        // The function's time limit is a duration of the region's, too: it passes as fast as the region's time.
        timeout: Some(options.timeout.unwrap_or_else(|| region.real(LONGEST_TIMEOUT))),
        endpoint_url: options.endpoint_url.or_else(|| Some(format!("http://{address}"))),
        region_name,
        account_id,
        ..options
    };
    let retry_waits = invocations::RETRY_WAITS.map(|wait| region.real(wait));
    Ok(Dispatcher::new(LambdaHost::start(options)?, retry_waits))
}

impl Region {
    /// The region's name and its account.
    fn names(&self) -> (String, String) {
        let (state, _) = self.lock();
        (state.region_name.clone(), state.account_id.clone())
    }

    /// How long a duration of region time takes for whoever waits.
    pub fn real(&self, duration: Duration) -> Duration {
        self.lock().0.clock.real(duration)
    }
}

#[cfg(test)]
mod tests;
