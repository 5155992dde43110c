# SPDX-License-Identifier: Apache-2.0
"""From runs to figures: paired ratios, the noise between twins, goals, one table."""

import statistics

import micro

JUDGED = "sallyport"  # goals are its goals: nothing else is held to them
TWIN = "twin"
NOISE_PROVES_NOTHING = 0.15  # a difference below this in one suite is a hint, not proof

# (load, peer): (goal, floor to hold now, gate or secondary mark); peer's cost / ours, above 1 we are cheaper.
GOALS = {
    ("small", "relay"): (0.80, None, "gate"),
    ("small", "nginx"): (1.2, 1.1, "gate"),
    ("small", "nginx-auth"): (2.6, 2.2, "gate"),
    ("small", "haproxy"): (1.15, 1.0, "gate"),
    ("small", "haproxy-sha256"): (1.4, None, "gate"),
    ("small", "caddy"): (6.0, None, "mark"),
    ("small", "caddy-auth"): (12.0, None, "gate"),
    ("small", "chp"): (15.0, None, "gate"),
    ("100k", "nginx"): (2.0, None, "mark"),
    ("100k", "nginx-64k"): (0.95, None, "mark"),
    ("100k", "haproxy"): (1.2, None, "mark"),
    ("10m", "nginx-64k"): (1.2, None, "gate"),
    ("10m", "haproxy-64k"): (0.95, None, "mark"),
    ("tls", "nginx"): (1.15, None, "gate"),
    ("tls", "haproxy"): (1.0, None, "mark"),
    ("tls-new", "nginx"): (1.0, None, "mark"),
    ("tls-new", "haproxy"): (1.0, None, "mark"),
    ("unix", "nginx"): (1.2, None, "mark"),
    ("unix", "haproxy"): (1.1, None, "mark"),
    ("latency", "nginx"): (1.0, None, "mark"),
    ("latency", "nginx-auth"): (2.0, None, "mark"),
}
# Our own idle connection: KiB of user memory, at most (goal, floor to hold now).
IDLE_GOALS = {"idle": (3.0, 6.0), "idle-tls": (16.0, None)}

FIGURES = {"idle": "kib_per_connection", "idle-tls": "kib_per_connection", "latency": "p50_us"}
UNITS = {"idle": "KiB/conn", "idle-tls": "KiB/conn", "latency": "p50 µs"}


def figure(run):
    """The number that candidates are compared by in this run's load; None when it has none."""
    if run["void"]:
        return None
    if run["load"] == "syscalls":
        return sum(run["syscalls"].values()) or None
    value = run[FIGURES.get(run["load"], "cpu_us")]
    return value if value > 0 or run["load"].startswith("idle") else None


def spread(values):
    """(median, least, most), or None for no values."""
    return (statistics.median(values), min(values), max(values)) if values else None


def paired(runs, load, ours, peer):
    """peer's figure / ours, one per round in which both runs count."""
    by_key = {(r["candidate"], r["round"]): figure(r) for r in runs if r["load"] == load}
    ratios = []
    for (candidate, number), theirs in by_key.items():
        mine = by_key.get((ours, number))
        if candidate == peer and theirs is not None and mine is not None and mine > 0:
            ratios.append(theirs / mine)
    return ratios


def verdict(load, peer, ratio):
    """"goal met", "above floor" or "MISSED" by the paired median; "" where nothing is asked."""
    if (load, peer) not in GOALS or ratio is None:
        return ""
    goal, floor, kind = GOALS[load, peer]
    word = "goal" if kind == "gate" else "mark"
    if ratio[0] >= goal:
        return f"{word} {goal:g} met"
    if floor is not None and ratio[0] >= floor:
        return f"{word} {goal:g} missed, floor {floor:g} held"
    return f"{word} {goal:g} MISSED" + (f", floor {floor:g} MISSED" if floor is not None else "")


def idle_verdict(load, values):
    goal, floor = IDLE_GOALS[load]
    if values[0] <= goal:
        return f"goal {goal:g} KiB met"
    if floor is not None and values[0] <= floor:
        return f"goal {goal:g} KiB missed, floor {floor:g} held"
    return f"goal {goal:g} KiB MISSED"


def usual_tls(candidates):
    """What most candidates negotiated; others are compared with it."""
    return statistics.mode([c["tls_facts"] for c in candidates if c["tls_facts"]] or [""])


def tls_texts(candidates):
    """(who, what was negotiated): one line for those that agree, one for each that does not."""
    usual = usual_tls(candidates)
    texts = [("TLS", usual)] if usual else []
    return texts + [(f"TLS of {c['name']}, NOT EQUAL", c["tls_facts"]) for c in candidates
                    if c["tls_facts"] not in ("", usual)]


def summarise(runs, candidates, loads, ours):
    """Rows of the table, in order: one per load and candidate."""
    rows = []
    for load in loads:
        for candidate in candidates:
            mine = [r for r in runs if r["load"] == load and r["candidate"] == candidate["name"]]
            if not mine and not (candidate["missing"] and load in candidate["wanted_by"]):
                continue
            good = [r for r in mine if figure(r) is not None]
            values = spread([figure(r) for r in good])
            row = {"load": load, "candidate": candidate["name"], "missing": candidate["missing"],
                   "values": values, "voided": len(mine) - len(good), "rounds": len(mine),
                   "void_reasons": sorted({r["void"] for r in mine if r["void"]}),
                   "ratio": None, "verdict": "",
                   "other_tls": "tls" in load and candidate["tls_facts"] not in ("", usual_tls(candidates))}
            if good:
                row["user_us"] = statistics.median(r["user_us"] for r in good)
                row["system_us"] = statistics.median(r["system_us"] for r in good)
                row["waited_share"] = statistics.median(r["waited_share"] for r in good)
                if candidate["name"] != ours:
                    row["ratio"] = spread(paired(runs, load, ours, candidate["name"]))
                    row["verdict"] = verdict(load, candidate["name"], row["ratio"]) if ours == JUDGED else ""
                elif load in IDLE_GOALS and ours == JUDGED:
                    row["verdict"] = idle_verdict(load, values)
            rows.append(row)
    return rows


def number(value):
    return f"{value:.0f}" if value >= 1000 else f"{value:.1f}" if value >= 10 else f"{value:.2f}"


def row_text(row, ours):
    name = row["candidate"] + (" (ours)" if row["candidate"] == ours else "")
    if row["missing"]:
        return [row["load"], name, row["missing"][:80], "", "", "", ""]
    if not row["values"]:
        return [row["load"], name, "void: " + "; ".join(row["void_reasons"])[:80], "", "", "", ""]
    median, least, most = (number(v) for v in row["values"])
    timed = row["load"] not in ("idle", "idle-tls", "syscalls")
    unit = UNITS.get(row["load"], "calls/req" if row["load"] == "syscalls" else "µs CPU/req")
    ratio = row["ratio"]
    return [row["load"], name, f"{median} ({least}–{most}) {unit}",
            f"{row['user_us']:.1f}+{row['system_us']:.1f}" if timed else "",
            f"{ratio[0]:.2f} ({ratio[1]:.2f}–{ratio[2]:.2f})" if ratio else "",
            f"{row['waited_share'] * 100:.0f} %" if timed else "",
            "; ".join(filter(None, [
                row["verdict"], f"{row['voided']} of {row['rounds']} void" if row["voided"] else "",
                "TLS not equal, see below" if row["other_tls"] else ""]))]


HEADINGS = ["load", "candidate", "median (min–max)", "user+sys", "peer/ours, paired", "waited", "remarks"]


def table(rows, ours, operations=()):
    """The rows as a Markdown table, padded so that it reads well in a terminal too; micro.py's rows below."""
    cells = [HEADINGS] + [row_text(row, ours) for row in rows] + [micro.cells(one) for one in operations]
    widths = [max(len(line[i]) for line in cells) for i in range(len(HEADINGS))]
    lines = ["| " + " | ".join(c.ljust(w) for c, w in zip(line, widths)) + " |" for line in cells]
    lines.insert(1, "|" + "|".join("-" * (w + 2) for w in widths) + "|")
    return "\n".join(lines)


def noise_text(rows):
    """What the twins of one binary say about the noise of this suite."""
    ratios = [(r["load"], r["ratio"]) for r in rows if r["candidate"] == TWIN and r["ratio"]]
    if not ratios:
        return "Noise: no twin was measured; treat every ratio as a hint."
    worst = max(abs(ratio[0] - 1) for _, ratio in ratios)
    text = ", ".join(f"{load} {r[0]:.2f} ({r[1]:.2f}–{r[2]:.2f})" for load, r in ratios)
    weight = ("larger than 15 %: nothing below that size is shown" if worst > NOISE_PROVES_NOTHING
              else "differences below 15 % in one suite are hints, not proof")
    return f"Noise (one binary under two names, should be 1.00): {text}; {weight}."


def missed_gates(rows):
    """(load, peer) of every gate that this suite misses. A gate has failed when two suites miss it."""
    return sorted((r["load"], r["candidate"]) for r in rows
                  if r["verdict"].startswith("goal") and r["ratio"]
                  and r["ratio"][0] < GOALS[r["load"], r["candidate"]][0])
