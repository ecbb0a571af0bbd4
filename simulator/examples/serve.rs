//! A small region on loopback: three zones, two instances, a data volume, an address, an alarm, a table.
//!
//! ```text
//! cargo run -p failover-simulator --example serve -- [PORT] [SPEED] [LAMBDA PROGRAM]
//! export AWS_ENDPOINT_URL=http://127.0.0.1:PORT AWS_REGION=eu-central-1 AWS_ACCESS_KEY_ID=any AWS_SECRET_ACCESS_KEY=any
//! aws ec2 describe-instances
//! curl -s $AWS_ENDPOINT_URL/_region
//! curl -s $AWS_ENDPOINT_URL/_region/fault -d '{"instance": {"name": "i-…", "fault": "fail_host"}}'
//! ```
//!
//! It runs until it is interrupted. The first line on standard output is the address.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::SystemTime;

use failover_simulator::serve::lambda::LambdaOptions;
use failover_simulator::serve::{ServeOptions, serve};
use failover_simulator::setup::DataName;
use failover_simulator::{AddressSetup, AlarmSetup, InstanceSetup, Region, Setup, TableSetup, VolumeSetup};

type Error = Box<dyn std::error::Error>;

#[tokio::main]
async fn main() -> Result<(), Error> {
    let mut arguments = std::env::args().skip(1);
    let port: u16 = arguments.next().map_or(Ok(0), |port| port.parse())?;
    let speed: f64 = arguments.next().map_or(Ok(1.0), |speed| speed.parse())?;
    let region = Region::new(Setup {
        speed,
        origin: SystemTime::now(),
        // Instances that are made over the API run the service that this tag names.
        workload_tag: Some("failover:service".to_owned()),
        ..Setup::default()
    });
    fill(&region);
    let options = ServeOptions {
        address: SocketAddr::from(([127, 0, 0, 1], port)),
        lambda: arguments.next().map(LambdaOptions::new),
    };
    let served = serve(region, options).await?;
    println!("{}", served.url());
    served.run().await;
    Ok(())
}

fn fill(region: &Region) {
    let service = "sample";
    let tags = || BTreeMap::from([("failover:service".to_owned(), service.to_owned())]);
    let instance = |zone: &str, running| InstanceSetup {
        zone: zone.to_owned(),
        running,
        tags: tags(),
        workload: Some(service.to_owned()),
        ..InstanceSetup::default()
    };
    let active = region.add_instance(instance("eu-central-1a", true));
    region.add_instance(instance("eu-central-1b", false));
    let data = DataName { service: service.to_owned(), volume_name: "data".to_owned() };
    let volume = region.add_volume(VolumeSetup { tags: tags(), data: Some(data), ..VolumeSetup::default() });
    region.attach_at_start(&volume, &active, "/dev/sdf");
    region.add_address(AddressSetup {
        instance_id: Some(active.clone()),
        service: Some(service.to_owned()),
        tags: tags(),
    });
    region.add_alarm(AlarmSetup { name: "sample-status".to_owned(), instance_id: active, ..AlarmSetup::default() });
    region.add_table(TableSetup {
        name: "failover".to_owned(),
        partition_key: ("pk".to_owned(), "S".to_owned()),
        sort_key: Some(("sk".to_owned(), "S".to_owned())),
    });
}
