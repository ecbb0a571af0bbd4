//! What really happened to a service in the region, beside what the controller says of it.

use std::collections::BTreeSet;
use std::time::Duration;

use failover_core::ledger::Ledger;
use failover_simulator::truth::Interval;
use failover_simulator::{Region, Truth};

/// The address's data path follows the API within seconds; the region's clients are waited for this long.
const CLIENTS_WAIT: Duration = Duration::from_mins(1);
const CLIENTS_POLL: Duration = Duration::from_millis(100);

/// What a service's clients and its data went through.
#[derive(Debug, Clone, PartialEq)]
pub struct ServiceTruth {
    /// Stretches in which two instances wrote the service's data.
    pub two_writers: usize,
    /// Seconds of acknowledged writes that the service's volumes lack now.
    pub lost_seconds: f64,
    /// The longest time without service, in seconds; none if it never was.
    pub downtime_seconds: Option<f64>,
    /// Which instance clients reach now.
    pub serving: Option<String>,
}

/// Waits until the region's clients are served: after a failover that is what it was for.
pub async fn until_served(region: &Region, ledger: &Ledger) {
    let mut waited = Duration::ZERO;
    while waited < CLIENTS_WAIT && !region.truth().serving().contains_key(ledger.service.as_str()) {
        tokio::time::sleep(CLIENTS_POLL).await;
        waited += CLIENTS_POLL;
    }
}

impl ServiceTruth {
    /// Of the service that the ledger is of, whose volumes are those that the ledger names.
    pub fn of(truth: &Truth, ledger: &Ledger) -> Self {
        let service = ledger.service.as_str();
        let current_volumes: Vec<&str> =
            ledger.current_volumes.values().map(|current| current.volume.as_str()).collect();
        // A service with several volumes shows the same stretch once per pair of them.
        let overlaps = truth.two_writers().into_iter().filter(|overlap| overlap.service == service);
        let stretches: BTreeSet<_> = overlaps.map(|overlap| (overlap.writers, overlap.interval)).collect();
        let downtime = truth.downtime();
        let gaps = downtime.get(service).into_iter().flatten().map(Interval::seconds);
        Self {
            two_writers: stretches.len(),
            lost_seconds: truth.lost_seconds(&current_volumes),
            downtime_seconds: gaps.reduce(f64::max),
            serving: truth.serving().get(service).map(|serving| serving.instance.clone()),
        }
    }

    /// One line for people.
    pub fn in_words(&self) -> String {
        let writers = match self.two_writers {
            0 => "none".to_owned(),
            stretches => format!("{stretches} intervals"),
        };
        let downtime = self.downtime_seconds.map_or_else(|| "none".to_owned(), |seconds| format!("{seconds:.1} s"));
        let serving = self.serving.as_deref().unwrap_or("no instance");
        format!(
            "ground truth of the region: two writers: {writers}; acknowledged writes lost: {} s; \
             downtime as clients saw it: {downtime}; clients reach {serving}",
            rounded(self.lost_seconds)
        )
    }
}

fn rounded(seconds: f64) -> String {
    if seconds == 0.0 { "0".to_owned() } else { format!("{seconds:.3}") }
}
