//! Scenarios of the topology `standby`.

use serde_json::json;

use crate::layout::{Agents, Layout, Made, SERVICE, Standby, zone};
use crate::scenario::{Act, Expect, Happening, Scenario, ask, fault, set_alarm, zone_down};

/// Something that happens to the active instance.
fn active(at_seconds: u64, what: &str, made: &Made) -> Act {
    fault(at_seconds, json!({ "instance": { "name": made.active, "fault": what } }))
}

fn host_fails(made: &Made, force_stop: &str) -> Act {
    fault(30, json!({ "instance": { "name": made.active, "fault": { "fail_host": { "force_stop": force_stop } } } }))
}

fn no_room(letter: char) -> Act {
    fault(10, json!({ "zone": { "name": zone(letter), "fault": "refuse_capacity" } }))
}

fn stop_active(made: &Made) -> Act {
    active(30, "stop", made)
}

const ONE: Standby = Standby {
    standbys: &[('b', true)],
    volumes: &["data"],
    encrypted: true,
    confirm_seconds: 20,
    agents: Agents::None,
    spec: "",
};

/// Every scenario of the topology `standby`.
pub(super) const SCENARIOS: &[Scenario] = &[
    Scenario {
        name: "idle",
        summary: "nothing happens, with a warm standby in another zone",
        layout: Layout::Standby(ONE),
        script: |_| Vec::new(),
        expect: Expect::Untouched,
    },
    Scenario {
        name: "idle-same-zone",
        summary: "nothing happens, with a warm standby in the same zone",
        layout: Layout::Standby(Standby { standbys: &[('a', true)], ..ONE }),
        script: |_| Vec::new(),
        expect: Expect::Untouched,
    },
    Scenario {
        name: "drill-other-zone",
        summary: "a drill to a warm standby in another zone: snapshot, restore, attach, address",
        layout: Layout::Standby(ONE),
        script: |_| vec![ask(30, "standby", true)],
        expect: Expect::DrillIn('b'),
    },
    Scenario {
        name: "drill-same-zone",
        summary: "a drill to a warm standby in the same zone: the volume itself moves",
        layout: Layout::Standby(Standby { standbys: &[('a', true), ('b', true)], ..ONE }),
        script: |_| vec![ask(30, "standby", true)],
        expect: Expect::DrillIn('a'),
    },
    Scenario {
        name: "drill-cold",
        summary: "a drill to a stopped standby: it is started and its status checks awaited before anything is stopped",
        layout: Layout::Standby(Standby { standbys: &[('b', false)], ..ONE }),
        script: |_| vec![ask(30, "standby", true)],
        expect: Expect::DrillIn('b'),
    },
    Scenario {
        name: "drill-to-zone",
        summary: "a drill to a named zone, although another standby would be chosen",
        layout: Layout::Standby(Standby { standbys: &[('a', true), ('b', true), ('c', true)], ..ONE }),
        script: |_| vec![ask(30, "eu-central-1c", true)],
        expect: Expect::DrillIn('c'),
    },
    Scenario {
        name: "several-volumes",
        summary: "three data volumes, not encrypted, snapshotted at one point in time",
        layout: Layout::Standby(Standby { volumes: &["data", "log", "index"], encrypted: false, ..ONE }),
        script: |_| vec![ask(30, "standby", true)],
        expect: Expect::DrillIn('b'),
    },
    Scenario {
        name: "no-volume",
        summary: "a service without volumes: fence and address only",
        layout: Layout::Standby(Standby { volumes: &[], ..ONE }),
        script: |_| vec![ask(30, "standby", true)],
        expect: Expect::DrillIn('b'),
    },
    Scenario {
        name: "stopped-by-a-user",
        summary: "somebody stops the active instance",
        layout: Layout::Standby(ONE),
        script: |made| vec![stop_active(made)],
        expect: Expect::DoneIn('b'),
    },
    Scenario {
        name: "terminated-by-a-user",
        summary: "somebody terminates the active instance; its volume is kept",
        layout: Layout::Standby(ONE),
        script: |made| vec![active(30, "terminate", made)],
        expect: Expect::DoneIn('b'),
    },
    Scenario {
        name: "stopped-cold",
        summary: "the active instance is stopped, the standby is cold: it starts while the copy is made",
        layout: Layout::Standby(Standby { standbys: &[('b', false)], ..ONE }),
        script: |made| vec![stop_active(made)],
        expect: Expect::DoneIn('b'),
    },
    Scenario {
        name: "host-failure",
        summary: "the host dies: status checks fail, the alarm goes off, only a forced stop helps",
        layout: Layout::Standby(ONE),
        script: |made| vec![host_fails(made, "works")],
        expect: Expect::DoneIn('b'),
    },
    Scenario {
        name: "host-failure-same-zone",
        summary: "the host dies and does not even stop by force: its volume is taken away and given to the neighbour",
        layout: Layout::Standby(Standby { standbys: &[('a', true)], ..ONE }),
        script: |made| vec![host_fails(made, "never")],
        expect: Expect::DoneIn('a'),
    },
    Scenario {
        name: "network-failure",
        summary: "the guest can't be reached but lives and writes: it is stopped before anything is copied",
        layout: Layout::Standby(ONE),
        script: |made| vec![active(30, "impair_network", made)],
        expect: Expect::DoneIn('b'),
    },
    Scenario {
        name: "shutdown-ignored",
        summary: "the guest's network fails and it ignores the shutdown: it is stopped by force after the grace period",
        layout: Layout::Standby(ONE),
        script: |made| vec![active(20, "ignore_shutdown", made), active(30, "impair_network", made)],
        expect: Expect::DoneIn('b'),
    },
    Scenario {
        name: "disk-path-failure",
        summary: "the active instance's volumes do no I/O",
        layout: Layout::Standby(ONE),
        script: |made| vec![active(30, "impair_ebs", made)],
        expect: Expect::DoneIn('b'),
    },
    Scenario {
        name: "false-alarm",
        summary: "the alarm goes off and is over before it is confirmed",
        layout: Layout::Standby(Standby { confirm_seconds: 90, ..ONE }),
        script: |_| vec![set_alarm(30)],
        expect: Expect::Untouched,
    },
    Scenario {
        name: "zone-down-halts",
        summary: "the active zone is lost: the fence can't be confirmed, and the default is to halt",
        layout: Layout::Standby(ONE),
        script: |_| vec![set_alarm(40), zone_down(30)],
        expect: Expect::Halted("cannot confirm that the old instance has stopped writing"),
    },
    Scenario {
        name: "zone-down-and-back",
        summary: "the active zone is lost and comes back: the halted failover continues and loses nothing",
        layout: Layout::Standby(ONE),
        script: |_| {
            let up = json!({ "zone": { "name": zone('a'), "fault": "up" } });
            vec![set_alarm(40), zone_down(30), fault(900, up)]
        },
        expect: Expect::DoneIn('b'),
    },
    Scenario {
        name: "zone-down-proceeds",
        summary: "the active zone is lost, the spec says to proceed: the newest periodic copy is promoted, its loss reported",
        layout: Layout::Standby(Standby {
            spec: "[fence]\nwhen_unconfirmed = \"proceed\"\nconfirm_within_seconds = 60\n\
                   [data]\nmax_loss_seconds = 600\nsnapshot_every_seconds = 60\n",
            ..ONE
        }),
        script: |_| vec![set_alarm(270), zone_down(260)],
        expect: Expect::DoneWithLoss { zone: 'b', most_seconds: 600 },
    },
    Scenario {
        name: "copy-too-old",
        summary: "the same, but the newest copy is older than may be lost: nothing is promoted",
        layout: Layout::Standby(Standby {
            spec: "[fence]\nwhen_unconfirmed = \"proceed\"\nconfirm_within_seconds = 60\n\
                   [data]\nmax_loss_seconds = 30\nsnapshot_every_seconds = 120\n",
            ..ONE
        }),
        script: |_| vec![set_alarm(270), zone_down(260)],
        expect: Expect::Halted("--accept-data-loss"),
    },
    Scenario {
        name: "loss-accepted",
        summary: "the same, and then an operator accepts the loss",
        layout: Layout::Standby(Standby {
            spec: "[fence]\nwhen_unconfirmed = \"proceed\"\nconfirm_within_seconds = 60\n\
                   [data]\nmax_loss_seconds = 30\nsnapshot_every_seconds = 120\n",
            ..ONE
        }),
        script: |_| {
            let request = json!({ "service": SERVICE, "to": "standby", "accept_data_loss_seconds": 3600 });
            let accept = Act { at_seconds: 900, what: Happening::Event(request) };
            vec![set_alarm(270), zone_down(260), accept]
        },
        expect: Expect::DoneWithLoss { zone: 'b', most_seconds: 3600 },
    },
    Scenario {
        name: "no-capacity-next-standby",
        summary: "there is no capacity to start the first standby: the next one takes over",
        layout: Layout::Standby(Standby { standbys: &[('b', false), ('c', false)], ..ONE }),
        script: |made| vec![no_room('b'), stop_active(made)],
        expect: Expect::DoneIn('c'),
    },
    Scenario {
        name: "no-capacity",
        summary: "there is no capacity to start the only standby: it halts, with the data in place",
        layout: Layout::Standby(Standby { standbys: &[('b', false)], ..ONE }),
        script: |made| vec![no_room('b'), stop_active(made)],
        expect: Expect::Halted("InsufficientInstanceCapacity"),
    },
    Scenario {
        name: "drill-no-capacity",
        summary: "a drill whose cold standby gets no capacity: refused, the service was not interrupted",
        layout: Layout::Standby(Standby { standbys: &[('b', false)], ..ONE }),
        script: |_| vec![no_room('b'), ask(30, "standby", true)],
        expect: Expect::Untouched,
    },
    Scenario {
        name: "standby-dies",
        summary: "the chosen standby is stopped while the copy is made: the next one takes over",
        layout: Layout::Standby(Standby { standbys: &[('b', true), ('c', true)], ..ONE }),
        script: |made| {
            let dies = made
                .standbys
                .iter()
                .take(1)
                .map(|it| fault(75, json!({ "instance": { "name": it, "fault": "terminate" } })));
            [stop_active(made)].into_iter().chain(dies).collect()
        },
        expect: Expect::DoneIn('c'),
    },
    Scenario {
        name: "snapshot-fails",
        summary: "AWS fails the first snapshot: another is taken",
        layout: Layout::Standby(ONE),
        script: |made| vec![fault(10, json!({ "creations": { "fail_snapshots": { "count": 1 } } })), stop_active(made)],
        expect: Expect::DoneIn('b'),
    },
    Scenario {
        name: "restore-fails",
        summary: "AWS fails the first restored volume: another is made",
        layout: Layout::Standby(ONE),
        script: |made| vec![fault(10, json!({ "creations": { "fail_volumes": { "count": 1 } } })), stop_active(made)],
        expect: Expect::DoneIn('b'),
    },
    Scenario {
        name: "throttled",
        summary: "AWS throttles four calls out of ten for five minutes",
        layout: Layout::Standby(ONE),
        script: |made| {
            let throttle = json!({ "calls": { "throttle": { "for_seconds": 300.0, "probability": 0.4 } } });
            vec![fault(20, throttle), stop_active(made)]
        },
        expect: Expect::DoneIn('b'),
    },
    Scenario {
        name: "answers-lost",
        summary: "the answers to the decisive calls are lost, although the calls had their effect",
        layout: Layout::Standby(ONE),
        script: |made| {
            let lost = |action: &str| {
                fault(10, json!({ "calls": { "hang": { "action": action, "count": 1, "after_effect": true } } }))
            };
            let actions = ["CreateSnapshot", "CreateVolume", "AttachVolume", "AssociateAddress", "UpdateItem"];
            actions.map(lost).into_iter().chain([stop_active(made)]).collect()
        },
        expect: Expect::DoneIn('b'),
    },
    Scenario {
        name: "events-lost",
        summary: "no best-effort event arrives, and reads lag by five seconds: the tick alone finds it",
        layout: Layout::Standby(ONE),
        script: |made| {
            let lost = json!({ "events": { "lose": { "probability": 1.0 } } });
            let stale = json!({ "calls": { "stale_reads": { "lag_seconds": 5.0 } } });
            vec![fault(5, lost), fault(5, stale), stop_active(made)]
        },
        expect: Expect::DoneIn('b'),
    },
    Scenario {
        name: "events-repeated",
        summary: "every event arrives twice, late and out of order",
        layout: Layout::Standby(ONE),
        script: |made| {
            let late = json!({ "events": { "delay": { "low_seconds": 5.0, "high_seconds": 90.0 } } });
            let twice = json!({ "events": { "repeat": { "probability": 1.0 } } });
            let mixed = json!({ "events": { "reorder": { "probability": 0.5 } } });
            vec![fault(5, twice), fault(5, late), fault(5, mixed), stop_active(made)]
        },
        expect: Expect::DoneIn('b'),
    },
    Scenario {
        name: "old-side-returns",
        summary: "somebody starts the old instance again while the copy is made: it is fenced and copied again",
        layout: Layout::Standby(ONE),
        script: |made| vec![stop_active(made), active(110, "start", made)],
        expect: Expect::DoneIn('b'),
    },
    Scenario {
        name: "standby-agent-drill",
        summary: "a drill between instances with agents: one stops the service and releases the volume, the other starts it",
        layout: Layout::Standby(Standby {
            agents: Agents::Good,
            spec: "[agent]\nunits = [\"sample.service\"]\n",
            ..ONE
        }),
        script: |_| vec![ask(30, "standby", true)],
        expect: Expect::DrillIn('b'),
    },
    Scenario {
        name: "no-standby",
        summary: "the active instance is stopped and no instance can take over: people are notified",
        layout: Layout::Standby(Standby { standbys: &[('b', true)], ..ONE }),
        script: |made| {
            let gone =
                made.standbys.iter().map(|it| fault(10, json!({ "instance": { "name": it, "fault": "terminate" } })));
            gone.chain([active(300, "stop", made)]).collect()
        },
        expect: Expect::Refused("no instance can take over"),
    },
];
