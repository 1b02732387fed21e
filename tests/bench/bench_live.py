"""
What the event gateway costs and bears: thousands of clients (bench_listen.c), real trainers, real
restarts. Used by run; its parts are `live` and `restart`.
"""

import json
import os
import signal
import statistics
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

from bench_stack import children_of, memory_of

BARS = {"rate": 50_000, "delay": 25.0, "beside": 2.0, "memory": 16.0}
CLIENTS, MANY = 1000, 5000
RUNS = 8  # listened to by each client; one event for several runs would hide the cost of many


@dataclass
class LiveSize:
    rounds: int
    seconds: float
    restarts: int


FULL = LiveSize(rounds=5, seconds=5.0, restarts=6)
QUICK = LiveSize(rounds=2, seconds=2.0, restarts=2)


class Listeners:
    """bench_listen: so many clients, each of which listens to so many runs."""

    def __init__(self, stack, clients, runs, prefix, target="nginx"):
        self.clients = clients
        stack.open_runs(prefix, runs)
        words = (target, clients, prefix, runs)
        self.process = subprocess.Popen(
            [stack.build / "tests" / "bench_listen", *(str(word) for word in words)],
            env=os.environ | stack.env,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def __enter__(self):
        self.connected = self.result()
        return self

    def __exit__(self, *failure):
        self.process.stdin.close()
        self.process.wait(timeout=60)

    def result(self):
        line = self.process.stdout.readline()
        if not line:
            raise SystemExit("bench_listen ended")
        return json.loads(line)

    def begin_post(self, rate, seconds):
        self.process.stdin.write(f"post {rate} {seconds}\n")
        self.process.stdin.flush()

    def post(self, rate, seconds):
        self.begin_post(rate, seconds)
        return self.result()


def whole(result):
    """Has every client heard everything once?"""
    return not (result["behind"] or result["missing"] or result["twice"] or result["resets"])


def nginx_memory(stack):
    return sum(memory_of(pid)["rss"] for pid in children_of(stack.pid("nginx")))


# ---- the part `live`


def bench_rate(stack, size, rows, say, road, target):
    """About three times the events that the bar asks for: 80 reports/s and their runs' headers."""
    rates, cores, costs, complete = [], [], [], True
    with Listeners(stack, CLIENTS, RUNS, f"rate-{road[:4]}", target) as listeners:
        listeners.post(20, 1)
        for turn in range(size.rounds):
            before = stack.cpu()
            result = listeners.post(80, size.seconds)
            after = stack.cpu()
            us = {part: 1e6 * (after[part] - before[part]) / result["events"] for part in after}
            rates.append(result["events"] / result["seconds"])
            cores.append(1e6 / us["live"])
            costs.append((us["live"], us["nginx"], 1e6 * result["cpu"] / result["events"]))
            complete &= whole(result)
            say(
                f"  {turn + 1}: {rates[-1]:.0f} events/s of {result['bytes'] // result['events']} "
                f"bytes; CPU of one: gateway {us['live']:.2f}, nginx {us['nginx']:.2f}, client "
                f"{costs[-1][2]:.2f} us"
            )
    live, nginx, client = (statistics.median(column) for column in zip(*costs, strict=True))
    what = f"events to {CLIENTS} clients, {road}"
    rows.add_figure(what, statistics.median(rates), "{:.0f}/s", ">=", BARS["rate"])
    rows.add_figure(
        f"… with a core of its own ({live:.2f} us of CPU each)",
        statistics.median(cores), "{:.0f}/s", ">=", BARS["rate"],
    )
    rows.add_figure("… CPU of nginx each", nginx, "{:.2f} us")
    rows.add_figure("… CPU of the clients each", client, "{:.2f} us")
    rows.add_figure("… each once to every client", int(complete), "{}", ">=", 1)


def bench_delay(stack, size, rows, say, what, prefix, bar=None):
    """From the moment a trainer begins its POST to the event at each of 20 clients."""
    results = []
    with Listeners(stack, 20, 5, prefix) as listeners:
        for turn in range(size.rounds):
            results.append(listeners.post(100, size.seconds))
            last = results[-1]
            say(
                f"  {turn + 1}: p50 {last['p50']} ms, p95 {last['p95']} ms, p99 {last['p99']} ms; "
                f"the POST's answer p95 {last['answer_p95']} ms"
            )
    of = {name: [result[name] for result in results] for name in ("p50", "p95", "answer_p95")}
    rows.add_figure(f"POST to event, 100/s, {what}: p95", statistics.median(of["p95"]),
                    "{:.1f} ms", "<=", bar)
    rows.add_figure("… p50", statistics.median(of["p50"]), "{:.1f} ms")
    p95, answer = ([ms / 1e3 for ms in of[name]] for name in ("p95", "answer_p95"))
    rows.add_time("… p95 / the POST's own answer, p95", p95, answer, BARS["beside"])


def bench_live(stack, size, rows, say):
    socket = stack.folder / "run" / "live.sock"
    for road, target in (("unix socket", socket), ("nginx", "nginx")):
        say(f"{CLIENTS} clients, {road}: {size.rounds} rounds of {size.seconds} s")
        bench_rate(stack, size, rows, say, road, target)
    say("delay from a POST to a client's event")
    bench_delay(stack, size, rows, say, "20 clients", "delay", BARS["delay"])
    stack.down()  # memory begins anew
    stack.up()
    live, nginx = memory_of(stack.pid("live"))["rss"], nginx_memory(stack)
    say(f"{MANY} clients")
    with Listeners(stack, MANY, 1, "many") as listeners:
        say(f"  connected in {listeners.connected['seconds']:.1f} s")
        each = 1024 * (memory_of(stack.pid("live"))["rss"] - live) / MANY
        rows.add_figure(f"memory of the gateway a client, of {MANY}", each, "{:.1f} KiB", "<=",
                        BARS["memory"])
        rows.add_figure("… of nginx", 1024 * (nginx_memory(stack) - nginx) / MANY, "{:.1f} KiB")
        bench_delay(stack, size, rows, say, f"{MANY} quiet beside", "beside")
        result = listeners.post(5, size.seconds)
        each = 1024 * (memory_of(stack.pid("live"))["rss"] - live) / MANY
        rows.add_figure("… of the gateway after events for all of them", each, "{:.1f} KiB", "<=",
                        BARS["memory"])
        rows.add_figure("… each once to every client", int(whole(result)), "{}", ">=", 1)


# ---- the part `restart`


def restart_gateway(stack, how):
    """End the gateway and start it again as app/up does. How long it was away, in seconds."""
    pid, began = stack.pid("live"), time.monotonic()
    os.kill(pid, how)
    while Path(f"/proc/{pid}").exists() and time.monotonic() < began + 15:
        time.sleep(0.02)
    stack.up()
    return time.monotonic() - began


def bench_restart(stack, size, rows, say):
    """Reports go on all the while; clients come back as socket.io-client does."""
    backs, lost, twice, resets, breaks = [], 0, 0, 0, 0
    say(f"{MANY} clients through {size.restarts} restarts of the gateway")
    with Listeners(stack, MANY, 2, "restart") as listeners:
        listeners.post(4, 2)  # from here on each knows a seq
        for turn in range(size.restarts):
            how = (signal.SIGTERM, signal.SIGKILL)[turn % 2]
            listeners.begin_post(4, 20)
            time.sleep(3)
            away = restart_gateway(stack, how)
            result = listeners.result()
            backs.append(result["away"])
            lost += result["missing"] + result["behind"]
            twice += result["twice"]
            resets += result["resets"]
            breaks += result["breaks"]
            say(
                f"  {turn + 1}: {how.name}, the gateway away {away:.1f} s; {result['breaks']} "
                f"broke, {result['open']} are back, the last after {result['away']:.1f} s; "
                f"missing {result['missing']}, behind {result['behind']}, twice {result['twice']}, "
                f"resets {result['resets']}, of {result['reports']} reports"
            )
        rows.add_figure(f"{MANY} clients through {size.restarts} restarts: back",
                        result["open"], "{}", ">=", MANY)
    rows.add_figure("… connections that broke", breaks, "{}")
    rows.add_figure("… until the last was back, median", statistics.median(backs), "{:.1f} s")
    rows.add_figure("… reports missed", lost, "{}", "<=", 0)
    rows.add_figure("… reports told twice", twice, "{}", "<=", 0)
    rows.add_figure("… told to read anew", resets, "{}", "<=", 0)
