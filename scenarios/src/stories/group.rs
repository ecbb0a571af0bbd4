//! Scenarios of the topology `auto-scaling`: the group launches and terminates, the controller sees to it that data and address follow.

use serde_json::{Value, json};

use crate::layout::{Agents, GROUP, Group, Layout, zone};
use crate::scenario::{Act, Expect, Scenario, ask, fault, set_alarm, zone_down};

const ONE: Group = Group {
    zones: &['a', 'b'],
    first: true,
    volumes: &["data"],
    hooks: true,
    maintenance: None,
    tagged: true,
    agents: Agents::None,
    spec: COPIED,
};

/// Copied now and then, as the operating guide's example is. What happens to it happens after the first copy, so that the last one is small.
const COPIED: &str = "[data]\nsnapshot_every_seconds = 900\n";

/// The same with an agent in each guest.
const ATTENDED: &str = "[data]\nsnapshot_every_seconds = 900\n[agent]\nunits = [\"sample.service\"]\n";

const PROCEEDS: &str = "[fence]\nwhen_unconfirmed = \"proceed\"\nconfirm_within_seconds = 60\n\
                        [data]\nmax_loss_seconds = 900\nsnapshot_every_seconds = 60\nkeep_snapshots = 3\n";

/// Something that happens to the oldest instance of the group.
fn oldest(at_seconds: u64, what: &str) -> Act {
    fault(at_seconds, json!({ "instance": { "name": { "oldest_of": GROUP }, "fault": what } }))
}

/// The same, to its newest.
fn newest(at_seconds: u64, what: &str) -> Act {
    fault(at_seconds, json!({ "instance": { "name": { "newest_of": GROUP }, "fault": what } }))
}

/// Something that the group itself does.
fn group(at_seconds: u64, what: &str) -> Act {
    fault(at_seconds, json!({ "group": { "name": GROUP, "fault": what } }))
}

fn of_group(at_seconds: u64, what: &str, key: &str, value: &Value) -> Act {
    fault(at_seconds, json!({ "group": { "name": GROUP, "fault": { what: { key: value } } } }))
}

fn host_fails(force_stop: &str) -> Act {
    fault(
        330,
        json!({ "instance": { "name": { "oldest_of": GROUP }, "fault": { "fail_host": { "force_stop": force_stop } } } }),
    )
}

/// Every scenario of the topology `auto-scaling`.
pub(super) const SCENARIOS: &[Scenario] = &[
    Scenario {
        name: "group-terminated-by-group",
        summary: "the group terminates its instance and launches another meanwhile: the terminate hook is held until the data is safe",
        layout: Layout::Group(ONE),
        script: |_| vec![oldest(330, "terminate_in_group")],
        expect: Expect::Done,
    },
    Scenario {
        name: "group-same-zone",
        summary: "a group with one zone: the volume itself moves, nothing is copied",
        layout: Layout::Group(Group { zones: &['a'], ..ONE }),
        script: |_| vec![oldest(330, "terminate_in_group")],
        expect: Expect::DoneIn('a'),
    },
    Scenario {
        name: "group-other-zone",
        summary: "the group launches in another zone only: the first snapshot there ever was, restore, attach, all behind its hooks",
        layout: Layout::Group(Group { zones: &['b'], spec: "", ..ONE }),
        script: |_| vec![oldest(330, "terminate_in_group")],
        expect: Expect::DoneIn('b'),
    },
    Scenario {
        name: "group-terminated-directly",
        summary: "somebody terminates the instance past the group: the replacement comes after the end",
        layout: Layout::Group(ONE),
        script: |_| vec![oldest(330, "terminate")],
        expect: Expect::Done,
    },
    Scenario {
        name: "group-stopped-by-user",
        summary: "somebody stops the instance: the group notices, terminates it and launches another",
        layout: Layout::Group(ONE),
        script: |_| vec![oldest(330, "stop")],
        expect: Expect::Done,
    },
    Scenario {
        name: "group-launch-first",
        summary: "an instance refresh under a policy that launches before it terminates: the service moves while both run",
        layout: Layout::Group(Group { maintenance: Some([100, 200]), ..ONE }),
        script: |_| vec![group(330, "refresh")],
        expect: Expect::Done,
    },
    Scenario {
        name: "group-refresh",
        summary: "an instance refresh without a policy: it terminates first",
        layout: Layout::Group(ONE),
        script: |_| vec![group(330, "refresh")],
        expect: Expect::Done,
    },
    Scenario {
        name: "group-max-lifetime",
        summary: "the instance has reached its maximum lifetime, and was never copied",
        layout: Layout::Group(Group { spec: "", ..ONE }),
        script: |_| vec![group(330, "max_lifetime")],
        expect: Expect::Done,
    },
    Scenario {
        name: "group-rebalance",
        summary: "the group rebalances its zones: it launches in another one before it terminates",
        layout: Layout::Group(ONE),
        script: |_| vec![group(330, "rebalance_zones")],
        expect: Expect::Done,
    },
    Scenario {
        name: "group-set-instance-health",
        summary: "somebody tells the group that the instance is unhealthy",
        layout: Layout::Group(ONE),
        script: |_| vec![oldest(330, "set_health")],
        expect: Expect::Done,
    },
    Scenario {
        name: "group-host-fails",
        summary: "the host dies and does not even stop by force: the volume is taken away from it",
        layout: Layout::Group(ONE),
        script: |_| vec![host_fails("never")],
        expect: Expect::Done,
    },
    Scenario {
        name: "group-stopped-by-aws",
        summary: "AWS announces a scheduled stop, and stops the instance",
        layout: Layout::Group(ONE),
        script: |_| {
            let code = "AWS_EC2_PERSISTENT_INSTANCE_RETIREMENT_SCHEDULED";
            let notice = json!({ "instance": { "name": { "oldest_of": GROUP }, "fault": { "health_event": { "code": code } } } });
            vec![fault(330, notice), oldest(390, "stop")]
        },
        expect: Expect::Done,
    },
    Scenario {
        name: "group-spot-interruption",
        summary: "a spot interruption: two minutes' notice, then the end",
        layout: Layout::Group(ONE),
        script: |_| vec![oldest(330, "spot_warning")],
        expect: Expect::Done,
    },
    Scenario {
        name: "group-force-delete",
        summary: "somebody deletes the group by force: no hook runs, nothing replaces the instance, people are notified",
        layout: Layout::Group(ONE),
        script: |_| vec![group(330, "force_delete")],
        expect: Expect::StandsStill("no Auto Scaling group"),
    },
    Scenario {
        name: "group-scaled-in",
        summary: "somebody sets the desired capacity to 0: the data is kept safe, people are notified",
        layout: Layout::Group(ONE),
        script: |_| vec![group(330, "scale_in")],
        expect: Expect::Halted("desired capacity is 0"),
    },
    Scenario {
        name: "group-suspended",
        summary: "the group may not launch (a suspended process): it halts and names the process",
        layout: Layout::Group(ONE),
        script: |_| vec![of_group(310, "suspend", "processes", &json!(["Launch"])), oldest(330, "terminate_in_group")],
        expect: Expect::Halted("Launch"),
    },
    Scenario {
        name: "group-replacement-dies",
        summary: "the replacement is terminated while its volume is restored: the next one gets it",
        layout: Layout::Group(Group { zones: &['b', 'c'], spec: "", ..ONE }),
        script: |_| vec![oldest(330, "terminate_in_group"), newest(440, "terminate")],
        expect: Expect::Done,
    },
    Scenario {
        name: "group-zone-down",
        summary: "the zone is lost, the spec says to proceed: the newest periodic copy is promoted, its loss reported",
        layout: Layout::Group(Group { spec: PROCEEDS, ..ONE }),
        script: |_| vec![set_alarm(270), zone_down(260)],
        expect: Expect::DoneWithLoss { zone: 'b', most_seconds: 900 },
    },
    Scenario {
        name: "group-zone-down-halts",
        summary: "the zone is lost: the fence can't be confirmed, and the default is to halt",
        layout: Layout::Group(ONE),
        script: |_| vec![set_alarm(340), zone_down(330)],
        expect: Expect::Halted("cannot confirm that the old instance has stopped writing"),
    },
    Scenario {
        name: "group-zone-down-and-back",
        summary: "the zone is lost and comes back: the halted failover continues and loses nothing",
        layout: Layout::Group(ONE),
        script: |_| {
            let up = json!({ "zone": { "name": zone('a'), "fault": "up" } });
            vec![set_alarm(340), zone_down(330), fault(1200, up)]
        },
        expect: Expect::Done,
    },
    Scenario {
        name: "group-periodic-snapshots",
        summary: "a service is copied every minute, old copies are deleted; then its zone is lost and the newest is used",
        layout: Layout::Group(Group { volumes: &["data", "log"], spec: PROCEEDS, ..ONE }),
        script: |_| vec![zone_down(1200)],
        expect: Expect::DoneWithLoss { zone: 'b', most_seconds: 900 },
    },
    Scenario {
        name: "group-no-capacity-in-zone",
        summary: "there is no capacity in the zone of the data: the group launches elsewhere, the data follows",
        layout: Layout::Group(ONE),
        script: |_| {
            vec![
                fault(310, json!({ "zone": { "name": zone('a'), "fault": "refuse_capacity" } })),
                oldest(330, "terminate_in_group"),
            ]
        },
        expect: Expect::DoneIn('b'),
    },
    Scenario {
        name: "group-launch-fails",
        summary: "the group's first launches fail: the data waits, safe, until one succeeds",
        layout: Layout::Group(ONE),
        script: |_| vec![of_group(310, "fail_launch", "count", &json!(4)), oldest(330, "terminate_in_group")],
        expect: Expect::Done,
    },
    Scenario {
        name: "group-first-launch",
        summary: "the very first instance: its volume is created empty, once, and it gets the address",
        layout: Layout::Group(Group { first: false, ..ONE }),
        script: |_| Vec::new(),
        expect: Expect::Bootstrapped,
    },
    Scenario {
        name: "group-no-volume",
        summary: "a service without volumes: the address follows",
        layout: Layout::Group(Group { volumes: &[], spec: "", ..ONE }),
        script: |_| vec![oldest(330, "terminate_in_group")],
        expect: Expect::Done,
    },
    Scenario {
        name: "group-several-volumes",
        summary: "three data volumes, snapshotted at one point in time",
        layout: Layout::Group(Group { volumes: &["data", "log", "index"], ..ONE }),
        script: |_| vec![oldest(330, "terminate_in_group")],
        expect: Expect::Done,
    },
    Scenario {
        name: "group-no-hooks",
        summary: "a group without hooks: nothing waits, and the data follows all the same",
        layout: Layout::Group(Group { hooks: false, ..ONE }),
        script: |_| vec![oldest(330, "terminate_in_group")],
        expect: Expect::Done,
    },
    Scenario {
        name: "group-drill-to-zone",
        summary: "a drill to another zone: the group is narrowed to it, replaces its instance, and may launch anywhere again",
        layout: Layout::Group(ONE),
        script: |_| vec![ask(330, "eu-central-1b", true)],
        expect: Expect::DrillIn('b'),
    },
    Scenario {
        name: "group-drill-to-standby",
        summary: "a drill to wherever the group launches next",
        layout: Layout::Group(ONE),
        script: |_| vec![ask(330, "standby", true)],
        expect: Expect::Drill,
    },
    Scenario {
        name: "group-apply-untagged",
        summary: "a set-up without tags, taken over because the spec names its parts by id; then its instance is terminated",
        layout: Layout::Group(Group { tagged: false, ..ONE }),
        script: |_| vec![oldest(360, "terminate_in_group")],
        expect: Expect::Done,
    },
    Scenario {
        name: "group-agent-quiesces",
        summary: "the group terminates its instance: the agent stops the service and releases the volume, nothing has to be stopped",
        layout: Layout::Group(Group { agents: Agents::Good, spec: ATTENDED, ..ONE }),
        script: |_| vec![oldest(330, "terminate_in_group")],
        expect: Expect::Done,
    },
    Scenario {
        name: "group-agent-launch",
        summary: "the instance is terminated directly: the replacement's launch hook holds it until its agent is ready",
        layout: Layout::Group(Group { zones: &['a'], agents: Agents::Good, spec: ATTENDED, ..ONE }),
        script: |_| vec![oldest(330, "terminate")],
        expect: Expect::DoneIn('a'),
    },
    Scenario {
        name: "group-agent-drill",
        summary: "a drill with agents: the old one keeps serving until its replacement is healthy, although the group has begun to terminate it",
        layout: Layout::Group(Group { agents: Agents::Good, spec: ATTENDED, ..ONE }),
        script: |_| vec![ask(330, "standby", true)],
        expect: Expect::Drill,
    },
    Scenario {
        name: "group-agent-silent",
        summary: "the agent reports, but never stops the service: the instance is stopped after the grace",
        layout: Layout::Group(Group { agents: Agents::NeverStopping, spec: ATTENDED, ..ONE }),
        script: |_| vec![oldest(330, "terminate_in_group")],
        expect: Expect::Done,
    },
];
