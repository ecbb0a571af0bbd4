#!/usr/bin/env python3
"""This controller beside what people do today, on the same stories and seeds, in the served region at AWS's own speed.

    python3 tests/baseline/compare.py [--seeds N] [--side-by-side N] [--stories NAME ...] [--minutes N]

Needs `cargo build --workspace` before. Makes a virtual environment under target/. Prints a table in Markdown; every figure but memory and
start-up comes from the region's ground truth. Instances of the baseline boot with `user-data.sh`; this controller's need no user data,
because it moves the address itself.
"""

import argparse
import concurrent.futures
import json
import os
import pathlib
import signal
import subprocess
import sys
import time
import urllib.request

HERE = pathlib.Path(__file__).resolve().parent
TARGET = pathlib.Path(os.environ.get("CARGO_TARGET_DIR", HERE.parent.parent / "target"))
SERVICE = "sample"
STORIES = ["group-terminated-by-group", "group-set-instance-health", "group-stopped-by-user", "group-terminated-directly"]
SIDES = {"failover": TARGET / "debug" / "bootstrap", "boto3": HERE / "bootstrap"}


def venv():
    folder = TARGET / "python-baseline"
    wanted = (HERE / "requirements.txt").read_text()
    marker = folder / "requirements.installed"
    if not marker.exists() or marker.read_text() != wanted:
        subprocess.run([sys.executable, "-m", "venv", str(folder)], check=True)
        subprocess.run([folder / "bin" / "pip", "install", "--quiet", "-r", HERE / "requirements.txt"], check=True)
        marker.write_text(wanted)
    return folder / "bin"


def get(url, path):
    with urllib.request.urlopen(url + path, timeout=30) as answer:
        return json.load(answer)


class Instances:
    """Boots what the group launches: user data runs once, when the instance first runs."""

    def __init__(self, url, path):
        self.url, self.path, self.seen, self.processes = url, path, set(), []

    def boot(self, truth):
        for members in truth["groups"]["members"].values():
            for member in members:
                instance = member["instance"]
                if instance not in self.seen and imds(self.url, instance):
                    self.seen.add(instance)
                    environment = {
                        "PATH": self.path, "SERVICE": SERVICE, "METADATA_URL": f"{self.url}/_imds/{instance}",
                        "AWS_ENDPOINT_URL": self.url, "AWS_DEFAULT_REGION": "eu-central-1",
                        "AWS_ACCESS_KEY_ID": "simulated", "AWS_SECRET_ACCESS_KEY": "simulated",
                    }
                    process = subprocess.Popen([HERE / "user-data.sh"], env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
                    self.processes.append(process)

    def end(self):
        for process in self.processes:
            if process.poll() is None:
                process.kill()
            process.wait()


def imds(url, instance):
    request = urllib.request.Request(f"{url}/_imds/{instance}/latest/api/token", method="PUT",
                                     headers={"X-aws-ec2-metadata-token-ttl-seconds": "60"})
    try:
        return urllib.request.urlopen(request, timeout=10).status == 200
    except OSError:
        return False


def overlap_free(intervals):
    merged = []
    for start, end in sorted(intervals):
        if merged and start <= merged[-1][1]:
            merged[-1][1] = max(end, merged[-1][1])
        else:
            merged.append([start, end])
    return merged


def bounds(segment):
    return segment["from"] / 1e6, segment["to"] / 1e6


def lost_seconds(truth, volumes):
    """Acknowledged moments that are on none of the volumes."""
    promised = overlap_free(bounds(it) for it in truth["acknowledged"].get(SERVICE, []))
    kept = overlap_free(bounds(it) for volume in volumes for it in truth["contents"].get(volume, []))
    lost = sum(end - start for start, end in promised)
    for start, end in promised:
        lost -= sum(max(0.0, min(end, b) - max(start, a)) for a, b in kept)
    return max(0.0, lost)


def attached_volumes(state, instance):
    return [id for id, volume in state["volumes"].items() if (volume["attachment"] or {}).get("instance_id") == instance]


def processes_of(parent, program):
    found = []
    for folder in pathlib.Path("/proc").iterdir():
        if folder.name.isdigit():
            try:
                status = (folder / "status").read_text()
                if f"PPid:\t{parent}\n" in status and program in (folder / "cmdline").read_bytes().decode(errors="replace"):
                    found.append(int([line.split()[1] for line in status.splitlines() if line.startswith("VmHWM")][0]))
            except (OSError, IndexError):
                pass
    return found


def play(side, story, seed, path, minutes):
    command = [TARGET / "debug" / "failover", "simulate", "--serve", "127.0.0.1:0", "--output", "json", "--scenario", story,
               "--seed", str(seed), "--lambda", str(SIDES[side])]
    environment = {**os.environ, "PATH": path}
    region = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=environment)
    instances = None
    try:
        told = b""
        while not told.rstrip().endswith(b"}"):
            told += region.stdout.readline()
        url = json.loads(told)["url"]
        instances = Instances(url, path) if side == "boto3" else None
        first, memory, ends, recovered = None, 0, time.monotonic() + minutes * 60, None
        while time.monotonic() < ends:
            truth = get(url, "/_region/truth")
            if instances:
                instances.boot(truth)
            serving = (truth["serving"].get(SERVICE) or {}).get("instance")
            first = first or serving
            memory = max([memory, *processes_of(region.pid, str(SIDES[side].name))])
            if serving and serving != first:
                recovered = recovered or time.monotonic()
            # A while longer, to see that it stays so.
            if recovered and time.monotonic() > recovered + 20:
                break
            time.sleep(0.5)
        truth, state, calls = get(url, "/_region/truth"), get(url, "/_region"), get(url, "/_region/calls")
        serving = (truth["serving"].get(SERVICE) or {}).get("instance")
        gaps = [bounds(gap) for gap in truth["downtime"].get(SERVICE, [])]
        return {
            "side": side, "story": story, "seed": seed, "stuck": recovered is None,
            "split": bool(truth["two_writers"]),
            "downtime": max((end - start for start, end in gaps), default=0.0),
            "lost": lost_seconds(truth, attached_volumes(state, serving)) if serving else None,
            "calls": len(calls), "memory_mb": memory / 1024,
        }
    finally:
        if instances:
            instances.end()
        region.send_signal(signal.SIGTERM)
        region.wait()


def start_up_ms(side, path):
    """From the start of the process to its first request for an event; the least of five."""
    import http.server
    import threading

    times = []
    for _ in range(5):
        asked = threading.Event()

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                asked.set()
                time.sleep(1)

            def log_message(self, *_):
                pass

        server = http.server.HTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=server.handle_request, daemon=True).start()
        environment = {
            "PATH": path, "AWS_LAMBDA_RUNTIME_API": f"127.0.0.1:{server.server_port}",
            "AWS_REGION": "eu-central-1", "AWS_DEFAULT_REGION": "eu-central-1",
            "AWS_LAMBDA_FUNCTION_NAME": "f", "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "256", "AWS_LAMBDA_FUNCTION_VERSION": "1",
            "AWS_LAMBDA_LOG_GROUP_NAME": "g", "AWS_LAMBDA_LOG_STREAM_NAME": "s", "_HANDLER": "h",
            "AWS_ACCESS_KEY_ID": "simulated", "AWS_SECRET_ACCESS_KEY": "simulated", "FAILOVER_TABLE": "failover",
        }
        began = time.monotonic()
        process = subprocess.Popen([SIDES[side]], env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        asked.wait(30)
        times.append((time.monotonic() - began) * 1000)
        process.kill()
        process.wait()
        server.server_close()
    return min(times)


def median(values):
    values = sorted(values)
    return values[len(values) // 2] if values else float("nan")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--side-by-side", type=int, default=8)
    parser.add_argument("--minutes", type=float, default=12)
    parser.add_argument("--stories", nargs="+", default=STORIES)
    options = parser.parse_args()
    path = f"{venv()}:{os.environ['PATH']}"
    runs = [(side, story, seed) for story in options.stories for seed in range(1, options.seeds + 1) for side in SIDES]
    with concurrent.futures.ThreadPoolExecutor(options.side_by_side) as pool:
        played = list(pool.map(lambda run: play(*run, path, options.minutes), runs))
    print("| story | who | runs | downtime, s: median | most | data lost, s: most | stuck | two writers | API calls: median |")
    print("|---|---|---|---|---|---|---|---|---|")
    for story in options.stories:
        for side in SIDES:
            of = [run for run in played if run["story"] == story and run["side"] == side]
            down, lost = [run["downtime"] for run in of], [run["lost"] for run in of if run["lost"] is not None]
            print(f"| {story} | {side} | {len(of)} | {median(down):.0f} | {max(down):.0f} | {max(lost, default=float('nan')):.1f} "
                  f"| {sum(run['stuck'] for run in of)} | {sum(run['split'] for run in of)} | {median([run['calls'] for run in of])} |")
    print("\n| process | start-up, ms (least of 5) | peak memory, MB |\n|---|---|---|")
    for side in SIDES:
        memory = max((run["memory_mb"] for run in played if run["side"] == side), default=0)
        print(f"| {side} | {start_up_ms(side, path):.0f} | {memory:.0f} |")


main()
