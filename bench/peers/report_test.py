# SPDX-License-Identifier: Apache-2.0
"""Tests of the suite's arithmetic; everything else in it is shown by running it."""

import unittest

import loads
import micro
import report
import start_sallyport


def run(candidate, number, cpu_us, void="", load="small"):
    return {"load": load, "candidate": candidate, "round": number, "void": void, "cpu_us": cpu_us,
            "user_us": 1.0, "system_us": 2.0, "waited_share": 0.0, "p50_us": 0.0,
            "kib_per_connection": 0.0, "syscalls": {}}


class Pairing(unittest.TestCase):
    def test_pairs_only_within_a_round(self):
        runs = [run("sallyport", 0, 10), run("nginx", 0, 20), run("sallyport", 1, 20), run("nginx", 1, 30)]
        self.assertEqual(report.paired(runs, "small", "sallyport", "nginx"), [2.0, 1.5])

    def test_a_void_run_voids_its_pair(self):
        runs = [run("sallyport", 0, 10, void="socket errors"), run("nginx", 0, 20),
                run("sallyport", 1, 20), run("nginx", 1, 30)]
        self.assertEqual(report.paired(runs, "small", "sallyport", "nginx"), [1.5])

    def test_no_ratio_without_ours(self):
        self.assertEqual(report.paired([run("nginx", 0, 20)], "small", "sallyport", "nginx"), [])


class Verdicts(unittest.TestCase):
    def test_goal_floor_and_miss(self):
        self.assertEqual(report.verdict("small", "nginx", (1.2, 1, 2)), "goal 1.2 met")
        self.assertEqual(report.verdict("small", "nginx", (1.15, 1, 2)), "goal 1.2 missed, floor 1.1 held")
        self.assertIn("floor 1.1 MISSED", report.verdict("small", "nginx", (1.0, 1, 2)))
        self.assertEqual(report.verdict("one", "nginx", (1.0, 1, 2)), "")

    def test_missing_candidates_keep_their_row(self):
        candidates = [{"name": "caddy", "missing": "not installed", "wanted_by": ["small"], "tls_facts": ""}]
        rows = report.summarise([], candidates, ["small", "tls"], "sallyport")
        self.assertEqual([(r["load"], r["missing"]) for r in rows], [("small", "not installed")])
        self.assertIn("not installed", report.table(rows, "sallyport"))

    def test_unequal_tls_is_named(self):
        candidates = [{"name": n, "tls_facts": f} for n, f in (("a", "X"), ("b", "X"), ("c", "Y"), ("d", ""))]
        self.assertEqual(report.tls_texts(candidates), [("TLS", "X"), ("TLS of c, NOT EQUAL", "Y")])

    def test_only_gates_can_fail(self):
        def missed(ours):
            candidates = [{"name": n, "missing": "", "tls_facts": "", "wanted_by": []} for n in (ours, "nginx")]
            runs = [run(name, 0, 10, load=load) for load in ("small", "unix") for name in (ours, "nginx")]
            return report.missed_gates(report.summarise(runs, candidates, ["small", "unix"], ours))

        self.assertEqual(missed("sallyport"), [("small", "nginx")])
        self.assertEqual(missed("relay"), [])


class Operations(unittest.TestCase):
    def test_repetitions_become_one_row_with_a_verdict(self):
        one = {"run_name": "token_check/1000000", "run_type": "iteration", "time_unit": "ns"}
        results = {"benchmarks": [{**one, "cpu_time": 480.0}, {**one, "cpu_time": 510.0}, {**one, "cpu_time": 470.0},
                                  {**one, "run_type": "aggregate", "cpu_time": 9.0}]}
        rows = [micro.row(name, values) for name, values in micro.times(results).items()]
        self.assertEqual([micro.cells(row)[1:3] for row in rows], [["token_check/1000000", "480 ns (470 ns–510 ns)"]])
        self.assertEqual(rows[0]["verdict"], "floor 500 ns held")
        self.assertIn("token_check/1000000", report.table([], "sallyport", rows))

    def test_a_floor_can_be_missed_and_units_are_read(self):
        results = {"benchmarks": [{"run_name": "token_check/1000000", "run_type": "iteration", "time_unit": "us",
                                   "cpu_time": 0.6}]}
        values = micro.times(results)["token_check/1000000"]
        self.assertEqual(micro.row("token_check/1000000", values)["verdict"], "floor 500 ns MISSED")
        self.assertEqual(micro.value_text(1.5e7), "15.0 ms")


class WrkOutput(unittest.TestCase):
    def read(self, text, body=128):
        result = loads.Run("small", "relay", 0)
        loads.read_wrk(result, text, body)
        return result

    def test_good_run(self):
        result = self.read("Running\npeers-result 100 30000 3000000 0 0\n")
        self.assertEqual((result.requests, result.void), (100, ""))

    def test_errors_and_short_bodies_are_void(self):
        self.assertIn("1 answers", self.read("peers-result 100 30000 3000000 1 0").void)
        self.assertIn("2 socket", self.read("peers-result 100 30000 3000000 0 2").void)
        self.assertIn("bytes per answer", self.read("peers-result 100 9000 3000000 0 0").void)
        self.assertIn("no request", self.read("peers-result 0 0 3000000 0 0").void)
        self.assertIn("hung", self.read(None).void)
        self.assertIn("no result", self.read("unable to connect").void)


class Command(unittest.TestCase):
    def test_placeholders_of_sallyport_survive(self):
        argv = start_sallyport.command(start_sallyport.COMMAND, "unix", binary="s", port=1, state="st",
                                       taskset="/bin/taskset", load_core=1, backend="b", cert="c", key="k", tokens=5)
        self.assertEqual(argv[-3:], ["b", "--unix", "{socket}"])
        self.assertEqual(argv[argv.index("--tls") + 1], "off")


if __name__ == "__main__":
    unittest.main()
