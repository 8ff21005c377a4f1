import json
import math
import os
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from autoresearch_magic.agents.drafting.prompt import FORMS
from autoresearch_magic.config.settings import FIELDS
from autoresearch_magic.errors import UserError
from autoresearch_magic.runners.output.metric_reader import (
    FORMATS,
    describe_formats,
    format_usages,
    parse_rule,
    parse_verified_metric,
    read_metric,
)
from autoresearch_magic.runners.output.named_lines import named_values
from autoresearch_magic.runners.output.readings import Reading, Unreadable

DOCUMENTED = Path(__file__).parents[3] / "docs" / "repositories.md"
NANOCHAT = """\
step 00952 (99.9%) | loss: 2.531211 | lrm: 0.01 | dt: 310ms | tok/sec: 1,689,000 | mfu: 39.8% | remaining: 0s
---
val_bpb:          0.997900
training_seconds: 300.1
total_seconds:    325.9
peak_vram_mb:     45060.2
mfu_percent:      39.80
total_tokens_M:   499.6
num_steps:        953
num_params_M:     50.3
depth:            8
"""
PYTEST = "..F.....                     [100%]\n=========== 12 failed, 88 passed in 3.21s ===========\n"
COVERAGE = """\
Name                 Stmts   Miss  Cover
----------------------------------------
pkg/__init__.py          1      0   100%
pkg/core.py           1233     56    95%
----------------------------------------
TOTAL                 1234     56    95%
"""
COVERAGE_JSON = json.dumps({"meta": {"version": "7.6.1"}, "totals": {"percent_covered": 95.46, "missing_lines": 56}})
BANDIT = "[main]\tINFO\tprofile include tests: None\n" + json.dumps(
    {"errors": [], "metrics": {"_totals": {"SEVERITY.HIGH": 2, "SEVERITY.LOW": 14, "loc": 5120}}, "results": []},
    indent=2,
)
RADON = "12 blocks (classes, functions, methods) analyzed.\nAverage complexity: A (2.5)\n"
WRK = """\
Running 30s test @ http://127.0.0.1:8080/index.html
  12 threads and 400 connections
  Thread Stats   Avg      Stdev     Max   +/- Stdev
    Latency   635.91us    0.89ms  12.92ms   93.69%
    Req/Sec    56.20k     8.07k   62.00k    86.54%
  Latency Distribution
     50%  250.00us
     99%    2.30ms
  22464657 requests in 30.00s, 17.76GB read
Requests/sec: 748868.53
Transfer/sec:    606.33MB
"""
AB = """\
Requests per second:    1234.56 [#/sec] (mean)
Time per request:       8.100 [ms] (mean)
Time per request:       0.810 [ms] (mean, across all concurrent requests)
Transfer rate:          980.12 [Kbytes/sec] received
  50%      7
  95%     12
"""
HEY = "Summary:\n  Total:\t1.9310 secs\n  Average:\t0.0930 secs\n  Requests/sec:\t103.5\n\nLatency:\n  95% in 0.1345 secs\n"
TIME_P = "real 0.52\nuser 0.40\nsys 0.05\n"
BASH_TIME = "\nreal\t0m1.523s\nuser\t0m0.400s\nsys\t0m0.050s\n"
HYPERFINE = """\
Benchmark 1: ./run
  Time (mean ± σ):     103.2 ms ±   1.5 ms    [User: 90.1 ms, System: 12.3 ms]
  Range (min … max):   101.0 ms … 107.9 ms    28 runs
"""
PYTEST_BENCHMARK = json.dumps(
    {"benchmarks": [{"name": "test_a", "stats": {"mean": 1.5e-05, "ops": 66666.6}}]}, indent=4
)
ESLINT = "\n/app/a.js\n  3:5  error  'x' is not defined  no-undef\n\n✖ 7 problems (5 errors, 2 warnings)\n\n"
ESLINT_JSON = json.dumps([{"filePath": "/a.js", "messages": [], "errorCount": 5, "warningCount": 2}])
TSC = "src/a.ts(3,5): error TS2322: Type 'string'.\nsrc/b.ts(10,1): error TS2304: Cannot find name 'y'.\n\nFound 2 errors.\n"
LIGHTHOUSE = json.dumps(
    {
        "lighthouseVersion": "12.0.0",
        "categories": {"performance": {"score": 0.93}},
        "audits": {"first-contentful-paint": {"numericValue": 1204.5, "displayValue": "1.2 s"}},
    }
)
JEST = "----------|---------|----------|\nFile      | % Stmts | % Branch |\nAll files |    85.2 |     78.1 |\n"
ISTANBUL = "Statements   : 85.2% ( 120/141 )\nBranches     : 78.1% ( 50/64 )\n"
GO = "goos: linux\nBenchmarkX-8 \t 1000\t 1234 ns/op\t 16 B/op\nPASS\nok  \texample.com/x\t1.5s\n"
CARGO = "test tests::a ... ok\n\ntest result: ok. 41 passed; 0 failed; 0 ignored; finished in 0.02s\n"
RUFF = "a.py:1:8: F401 `os` imported but unused\nFound 1 error.\n"
MYPY = "a.py:3: error: Incompatible types\na.py:9: error: Missing\nFound 2 errors in 1 file (checked 5 source files)\n"
SKLEARN = "accuracy: 0.953 (+/- 0.021)\n"
PROGRESS = "epoch 1 loss: 0.9\nepoch 2 loss: 0.5\nepoch 3 loss: 0.7\n"
BAR = "\r 10%|█         | 1/10\r100%|██████████| 10/10\rscore: 0.75\n"
K6 = json.dumps({"metrics": {"http_req_duration": {"values": {"p(95)": 342.5}}}})
VITEST = " Test Files  1 failed | 2 passed (3)\n      Tests  2 failed | 38 passed (40)\n"
NANOGPT = (
    "step 250: train loss 1.9, val loss 2.1\niter 250: loss 2.05, time 100ms\nstep 500: train loss 1.5, val loss 1.8\n"
)
ISTANBUL_REAL = (
    "Statements   : 85.11% ( 120/141 )\nBranches     : 78.12% ( 50/64 )\nLines        : 85.11% ( 120/141 )\n"
)
JEST_TESTS = "Test Suites: 1 failed, 5 passed, 6 total\nTests:       2 failed, 40 passed, 42 total\nTime:  1.2 s\n"
K6_TEXT = """\
     data_received..................: 148 kB 2.5 kB/s
     http_req_blocked...............: avg=1.98ms   min=1.2µs   med=3.4µs   max=19.6ms   p(90)=9.8ms   p(95)=10.2ms
     http_req_duration..............: avg=117.55ms min=117.4ms med=117.4ms max=118.72ms p(90)=117.5ms p(95)=117.66ms
       { expected_response:true }...: avg=117.55ms min=117.4ms med=117.4ms max=118.72ms p(90)=117.5ms p(95)=117.66ms
     http_req_failed................: 0.00%  0 out of 10
     http_reqs......................: 10     8.4/s
     checks.........................: 91.00% 91 out of 100
"""
RED = "\x1b[1m\x1b[31mcoverage: \x1b[0m\x1b[38;5;10m85.2%\x1b[0m\x1b[K\n"
JSON_LINES = '{"step": 1, "loss": 0.9}\n{"step": 2, "loss": 0.5}\ndone [2]\n'

GOOD = [  # output, metric, value, unit
    # the original's last lines
    (NANOCHAT, "val_bpb", 0.9979, ""),
    (NANOCHAT, "VAL BPB", 0.9979, ""),
    (NANOCHAT, "peak_vram_mb", 45060.2, ""),
    (NANOCHAT, "depth", 8, ""),
    (NANOCHAT, "total-tokens-M", 499.6, ""),
    (NANOCHAT, "dt", 0.31, "s"),
    (NANOCHAT, "mfu", 39.8, "%"),
    (NANOCHAT, "tok/sec", 1689000, ""),
    # forms
    ("METRIC p95_ms=342\n", "p95_ms", 342, ""),
    ("p95_ms: 500\nMETRIC p95_ms=342\n", "p95_ms", 342, ""),
    ("METRIC p95_ms=342ms quality=3\n", "quality", 3, ""),
    ("p95_latency: 342ms", "p95 latency", 0.342, "s"),
    ("p95-latency = 342ms", "P95_Latency", 0.342, "s"),
    ("latency (ms): 342", "latency", 0.342, "s"),
    ("latency (ms): 342", "latency (ms)", 342, "ms"),
    ("p95_ms: 1.2s", "p95_ms", 1200, "ms"),
    ("p95_ms: 980ms", "p95_ms", 980, "ms"),
    ("latency_s: 5µs", "latency_s", 5e-6, "s"),
    ("latency_min: 12 ms", "latency_min", 0.012, "s"),
    ("size_mb: 3 GiB", "size_mb", 3221.225472, "MB"),
    ("size: 12.5 MB", "size", 12.5e6, "B"),
    ("read_mb_per_s: 1.2 GB/s", "read_mb_per_s", 1200, "MB/s"),
    ("rate: 120 req/s", "rate", 120, "req/s"),
    ("speedup: 1.53x", "speedup", 1.53, "x"),
    ("coverage: 85.2% (lower is better),", "coverage %", 85.2, "%"),
    ("coverage (%): 85.2", "coverage", 85.2, "%"),
    ("- **score**: `0.75`.", "score", 0.75, ""),
    ("{'train_loss': 0.3, 'loss': 0.5}", "loss", 0.5, ""),
    ("train loss: 0.3\nval loss: 0.5", "val loss", 0.5, ""),
    ("2024-01-02 12:30:01 INFO score: 0.5", "score", 0.5, ""),
    ("loss=tensor(0.42), n=3", "loss", 0.42, ""),
    ("lines......: 85.2%", "lines", 85.2, "%"),
    ("score -> 3", "score", 3, ""),
    ("| p95 | 342 |", "p95", 342, ""),
    ("p95: 3\np95: 3.0", "p95", 3, ""),
    ("Maximum resident set size (kbytes): 12345", "maximum resident set size", 12345000, "B"),
    ("a: 1e-5", "a", 1e-5, ""),
    ("a: -3", "a", -3, ""),
    ("a: −3", "a", -3, ""),
    ("a: +2", "a", 2, ""),
    ("a: 1,234", "a", 1234, ""),
    ("a: 1,234.5", "a", 1234.5, ""),
    ("a: 1_000", "a", 1000, ""),
    ("a: .5", "a", 0.5, ""),
    ("a: 5.", "a", 5, ""),
    ("a: nan", "a", math.nan, ""),
    ("a: -inf", "a", -math.inf, ""),
    ("a: 1e999", "a", math.inf, ""),
    ("time: 3 ± 1.5 ms", "time", 0.003, "s"),
    # the only number
    ("0.75\n", "score", 0.75, ""),
    ("\n  42  \n\n", "anything", 42, ""),
    ("All checks: 12 passed", "test count", 12, ""),
    ("v1.2.3 of 2024-01-02 at 12:30:01, 0x1f in /srv/3/a: 7 errors", "errors", 7, ""),
    ("coverage:\n85.2%", "coverage", 85.2, "%"),
    ("Found 1 error.\n", "errors", 1, ""),
    ("  42 file.txt\n", "words", 42, ""),
    ("1234\t.\n", "size_kb", 1234, ""),
    ("nan\n", "loss", math.nan, ""),
    ("3\n3\n", "n", 3, ""),
    # tools
    (PYTEST, r"failed=re:(\d+) failed", 12, ""),
    (PYTEST, r"took=re:in ([\d.]+s)", 3.21, "s"),
    (PYTEST, r"took_ms=re:in ([\d.]+s)", 3210, "ms"),
    (COVERAGE, r"coverage=re:^TOTAL.*?(\d+)%", 95, ""),
    (COVERAGE_JSON, "coverage=json:totals.percent_covered", 95.46, ""),
    (BANDIT, 'high=json:metrics._totals["SEVERITY.HIGH"]', 2, ""),
    (RADON, "Average complexity", 2.5, ""),
    (RADON, r"complexity=re:\(([\d.]+)\)", 2.5, ""),
    (WRK, "Requests/sec", 748868.53, ""),
    (WRK, "Transfer/sec", 606330000, "B"),
    (WRK, "99%", 0.0023, "s"),
    (WRK, r"p99_ms=re:99%\s+(\S+)", 2.3, "ms"),
    (AB, "requests per second", 1234.56, ""),
    (AB, "time per request=first", 0.0081, "s"),
    (AB, r"p95=re:95%\s+(\d+)", 12, ""),
    (HEY, "average", 0.093, "s"),
    (HEY, "p95_ms=re:95% in (.*)", 134.5, "ms"),
    (TIME_P, "real", 0.52, ""),
    (BASH_TIME, "real", 1.523, "s"),
    (BASH_TIME, "real_ms=re:real\t(.*)", 1523, "ms"),
    (HYPERFINE, "time (mean ± σ)", 0.1032, "s"),
    (HYPERFINE, r"time_ms=re:σ\):\s+([\d.]+ ms)", 103.2, "ms"),
    (PYTEST_BENCHMARK, "mean=json:benchmarks[0].stats.mean", 1.5e-5, ""),
    (PYTEST_BENCHMARK, "mean=json:$.benchmarks[-1]['stats'].mean", 1.5e-5, ""),
    (ESLINT, r"problems=re:(\d+) problems", 7, ""),
    (ESLINT, r"errors=lines:^\s+\d+:\d+\s+error", 1, ""),
    (ESLINT_JSON, "errors=json:[0].errorCount", 5, ""),
    (TSC, "errors=lines:error TS", 2, ""),
    (TSC, r"errors=re:Found (?P<value>\d+) (errors?)", 2, ""),
    ("", "errors=lines:error TS", 0, ""),
    ("", "errors=lines", 0, ""),
    ("a\n\nb", "n=lines", 3, ""),
    (LIGHTHOUSE, "performance=json:categories.performance.score", 0.93, ""),
    (LIGHTHOUSE, "fcp_ms=json:audits.first-contentful-paint.displayValue", 1200, "ms"),
    (JEST, r"statements=re:All files\s*\|\s*([\d.]+)", 85.2, ""),
    (ISTANBUL, r"statements=re:Statements\s*: ([\d.]+%)", 85.2, "%"),
    (GO, r"ns_per_op=re:[\d.]+ ns/op", 1234, "ns/op"),
    (GO, r"speed=re:[\d.]+ ns/op", 1.234e-6, "s/op"),
    (CARGO, r"failed=re:(\d+) failed", 0, ""),
    (RUFF, r"errors=lines:^\S+:\d+:\d+: ", 1, ""),
    (MYPY, r"errors=re:Found (\d+) error", 2, ""),
    (SKLEARN, "accuracy", 0.953, ""),
    (K6, 'p95=json:metrics.http_req_duration.values["p(95)"]', 342.5, ""),
    (K6, "p95=json:metrics.http_req_duration.values.p(95)", 342.5, ""),
    (RED, "coverage", 85.2, "%"),
    (BAR, "score", 0.75, ""),
    ("\r50%\r60%\r", "progress", 60, "%"),
    ("score: 0.75\r\n", "score", 0.75, ""),
    (PYTEST, "failed", 12, ""),
    (CARGO, "passed", 41, ""),
    (ESLINT, "errors", 5, ""),
    (ESLINT, "problems", 7, ""),
    ("  12 passing (45ms)\n  2 failing\n", "failing", 2, ""),
    (JEST_TESTS, "tests failed", 2, ""),
    (JEST_TESTS, "test suites failed", 1, ""),
    (VITEST, "tests failed", 2, ""),
    (VITEST, "tests passed", 38, ""),
    ("2 failed | 38 passed", "failed", 2, ""),
    ("83.33% coverage, 10/12 lines covered", "coverage", 83.33, "%"),
    ("     5,678,901      cycles         #    3.2 GHz\n  1.5 seconds elapsed\n", "cycles", 5678901, ""),
    # nothing was found
    ("Success: no issues found in 5 source files\n", "errors", 0, ""),
    ("All checks passed!\n", "lint errors", 0, ""),
    # fields without a sign, kinds of value, units
    (NANOGPT, "val loss=last", 1.8, ""),
    (NANOGPT, "train_loss=min", 1.5, ""),
    (NANOGPT, "loss", 2.05, ""),
    ("val_bpb: 0.99, baseline 1.02", "val_bpb", 0.99, ""),
    (HYPERFINE, "time", 0.1032, "s"),
    (HYPERFINE, "time_ms", 103.2, "ms"),
    ("Success       [ratio]                           100.00%\n", "success", 100, "%"),
    (GO, "ns/op", 1234, "ns/op"),
    (GO, "B/op", 16, "B/op"),
    ("test f ... bench:       1,234 ns/iter (+/- 56)\n", "ns/iter", 1234, "ns/iter"),
    # totals of coverage tables
    (ISTANBUL_REAL, "coverage", 100 * 120 / 141, "%"),
    (ISTANBUL_REAL, "branches", 78.125, "%"),
    (COVERAGE, "coverage", 95, "%"),
    (JEST, "All files", 85.2, "%"),
    (JEST, "coverage %", 85.2, "%"),
    (JEST, "branches", 78.1, "%"),
    ("All files |   85.2 |   78.1 |    90 |  85.5 | \n", "line coverage", 85.5, "%"),
    ("All files |   85.2 |   78.1 |    90 |  85.5 | \n", "functions", 90, "%"),
    (JEST + "Statements : 85.2% ( 852/1000 )\n", "statements", 85.2, "%"),
    # a row and a field
    (K6_TEXT, "http_req_duration p(95)", 0.11766, "s"),
    (K6_TEXT, "http_req_duration_p95_ms", 117.66, "ms"),
    (K6_TEXT, "http_reqs", 10, ""),
    (K6_TEXT, "checks", 91, "%"),
    ("http_req_duration: avg=117.55ms p(90)=117.5ms p(95)=117.66ms", "p(95)", 0.11766, "s"),
    ("http_req_duration: avg=117.55ms p(90)=117.5ms p(95)=117.66ms", "p95_ms", 117.66, "ms"),
    ("p95: 9.1ms\n", "p95_ms", 9.1, "ms"),
    # a share beside its count
    ("passed: 91/100 (91%)", "passed", 91, "%"),
    ("91/100 (91%)", "anything", 91, "%"),
    ("Test set: Average loss: 0.0267, Accuracy: 9912/10000 (99%)", "accuracy", 99.12, "%"),
    ("Statements   : 85.11% ( 120/141 )", "statements", 100 * 120 / 141, "%"),
    ("rate: 0.00%  0 out of 10", "rate", 0, "%"),
    # one of many
    (PROGRESS, "loss=last", 0.7, ""),
    (PROGRESS, "loss=first", 0.9, ""),
    (PROGRESS, "loss=max", 0.9, ""),
    (PROGRESS, "loss=min", 0.5, ""),
    (PROGRESS, "loss=mean", math.fsum((0.9, 0.5, 0.7)) / 3, ""),
    (PROGRESS, r"epochs=last:epoch (\d+)", 3, ""),
    ("loss: nan\nloss: 1", "loss=min", math.nan, ""),
    (JSON_LINES, "loss=json:loss", 0.5, ""),
    ('result: {\'a\'} {"a": [1, {"b c": 2}]} end', 'x=json:a[1]["b c"]', 2, ""),
    ('{"a": NaN}', "x=json:a", math.nan, ""),
    ("7", "x=json:$", 7, ""),
    (
        "[1/10] {open\n" * 5000 + json.dumps({"a": {"b": [1, {"c": 3}]}}, indent=2) + "\n[done]",
        "x=json:a.b[1].c",
        3,
        "",
    ),
]

BAD = [  # output, metric, words of the error
    ("", "loss", "the output is empty"),
    ("\n \n", "loss", "the output is empty"),
    ("done\n", "loss", 'there is no number in the output (the last of 1 lines: "done")'),
    (COVERAGE, "TOTAL", 'two readings could be meant: 1234 (line 6: "TOTAL'),
    (ISTANBUL, "statements", "85.2% (line 1"),
    (WRK, "latency", "635.91us (line 4"),
    (WRK, "req=re:Req/Sec +([^ ]+)", "56.20k may be 56200 or 57548.8"),
    (AB, "time per request", "--metric 'time per request=last' (or first, max, min, mean), or --metric"),
    (TIME_P, "elapsed", "two readings could be meant: 0.52 (line 1"),
    (HYPERFINE, "range (min … max)", "101.0 ms (line 3"),
    (GO, "BenchmarkX-8", "two readings could be meant: 1000 (line 2"),
    ("no warnings found\n", "errors", "there is no number"),
    ("2 failed | 38 passed", "passed | failed", "two readings"),
    (NANOGPT, "val loss", "two readings could be meant: 2.1 (line 1"),
    ("val_bpb: 0.99, of 1.02", "val_bpb", "and 1.02 (line 1"),
    ("3/10 passed", "passed", 'two readings could be meant: 3 (line 1: "3/10 passed") and 10 (line 1'),
    ("10/10 passed", "passed", "10/10 may be 10, 10 or both together"),
    ("tests 3-5", "tests", "two readings could be meant: 3"),
    ("tests: 45/50 (90%)", "tests", "45/50 (90%) may be 45 or 90%"),
    ("tests: 45/50 (80%)", "tests", "two readings could be meant: 45"),
    (K6_TEXT, "p(95)", "two readings could be meant: 10.2ms (line 2"),
    (JEST_TESTS, "passed", "two readings could be meant: 5 (line 1"),
    ("step 5 loss 0.3", "loss", "two readings could be meant: 5"),
    ("score: 3/10", "score", "two readings could be meant"),
    ("score: 85 of 100", "score", "85 (line 1"),
    ("score: 85 of 100", "score", "100 (line 1"),
    ("val_bpb: 0.99 (baseline 1.02)", "val_bpb", "and 1.02 (line 1"),
    ("a: 1,5", "a", "1,5 may be 1.5 or 15"),
    ("a: 1.234,5", "a", "1.234,5 may be 1234.5 or 1.2345"),
    ("a: 1.234.567,89", "a", "1.234.567,89 may be 1234567.89 in figures"),
    ("1,5", "a", "1,5 may be 1.5 or 15"),
    ("a: 12k", "a", "12k may be 12000 or 12288"),
    ("4.0K\t.", "size_kb", "4.0K may be 4000 or 4096"),
    ("a: 5m", "a", "minutes"),
    ("a: 12 Mb", "a", "bits or bytes"),
    (PROGRESS, "loss", 'two readings could be meant: 0.9 (line 1: "epoch 1 loss: 0.9") and 0.5 (line 2'),
    ("METRIC a=1\nMETRIC a=2", "a", "a=last (or first"),
    ("accuracy: None\nepochs: 5", "accuracy", "no number right after 'accuracy' (line 1"),
    ("METRIC a=oops\na: 3", "a", "no number right after 'a'"),
    ("a: 12:30:01", "a", "no number right after 'a'"),
    ("a: v1.2.3", "a", "no number right after 'a'"),
    ("peak_vram_mb: 45060.2", "val_bpb", "the only number is that of peak_vram_mb"),
    ("METRIC speed=3", "val_bpb", "the only number is that of speed"),
    ("train loss: 0.3, 7", "loss", "two readings could be meant: 0.3"),
    ("3 ms\n3 s", "a", "two readings could be meant: 3 ms (line 1"),
    (PROGRESS, r"loss=re:loss: (\S+)", r"say which with --metric 'loss=last:loss: (\S+)'"),
    (PROGRESS, "loss=re:accuracy (.*)", "nothing matches re:accuracy (.*)"),
    (PROGRESS, "loss=re:epoch.*", "put a group around the number"),
    (PROGRESS, "accuracy=last", "no line names 'accuracy'"),
    (PROGRESS, "accuracy=max:acc (.*)", "nothing matches max:acc (.*)"),
    ("a: 1\na: 2 ms", "a=max", "two readings could be meant"),
    ("no json", "x=json:a", "no JSON was found"),
    ('{"a": {"b": 1}}', "x=json:a.c", "there is no c: a is an object with b"),
    ('{"a": {"b": 1}}', "x=json:a", "a is an object with b, not a number"),
    ('{"a": [1]}', "x=json:a[3]", "there is no [3]: a is a list of 1"),
    ('{"a": true}', "x=json:a", "a is true, not a number"),
    ('{"a": "3/10"}', "x=json:a", "'3/10' is not one number"),
    ('{"a": "1,5"}', "x=json:a", "1,5 may be 1.5 or 15"),
    (COVERAGE_JSON, "x=json:totals.covered", "percent_covered"),
]


def read(output, metric, **more):
    name, rule, _ = parse_verified_metric(metric)
    return read_metric(output, name, parse_rule(rule), **({"folder": Path(), "since": 0.0} | more))


@pytest.mark.parametrize(("output", "metric", "value", "unit"), GOOD)
def test_good_outputs_are_read(output, metric, value, unit):
    reading = read(output, metric)
    assert (repr(reading.value), reading.unit) == (repr(float(value)), unit)


@pytest.mark.parametrize(("output", "metric", "words"), BAD)
def test_unreadable_outputs_give_one_line_that_says_what_to_do(output, metric, words):
    with pytest.raises(Unreadable) as caught:
        read(output, metric)
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)


# -- files, exit status and time ---------------------------------------------------------------------------------------


@pytest.fixture
def result(tmp_path):
    def write(name, text, age=0.0):
        file = tmp_path / name
        file.write_text(text, encoding="utf-8")
        os.utime(file, (1_000_000.0 - age, 1_000_000.0 - age))
        return {"folder": tmp_path, "since": 1_000_000.0}

    return write


@pytest.mark.parametrize(
    ("name", "text", "metric", "value"),
    [
        ("r.json", COVERAGE_JSON, "c=file:r.json#json:totals.percent_covered", 95.46),
        ("r.txt", NANOCHAT, "val_bpb=file:r.txt", 0.9979),
        ("r.txt", "12\n", "n=file:r.txt", 12),
        ("r.txt", PROGRESS, "loss=file:r.txt#last", 0.7),
        ("r.txt", PROGRESS, r"loss=file:r.txt#last:loss: (\S+)", 0.7),
        ("r.txt", PYTEST, r"n=file:r.txt#re:(\d+) failed", 12),
        ("r.txt", TSC, "n=file:r.txt#lines:error TS", 2),
    ],
)
def test_files_are_read(result, name, text, metric, value):
    assert read("loss: 99", metric, **result(name, text)).value == value


def test_a_file_older_than_the_run_is_refused_and_one_of_the_same_tick_is_read(result):
    with pytest.raises(Unreadable, match=r"r\.txt was not written by this run"):
        read("", "n=file:r.txt", **result("r.txt", "12", age=1.0))
    assert read("", "n=file:r.txt", **result("r.txt", "12", age=0.004)).value == 12


@pytest.mark.parametrize(
    ("metric", "words"),
    [
        ("n=file:gone.txt", "gone.txt does not exist"),
        ("n=file:.", "cannot be read"),
        ("loss=file:r.txt", 'line 1 of r.txt: "epoch 1 loss: 0.9"'),
        ("loss=file:r.txt", "loss=file:r.txt#last"),
        ("acc=file:r.txt#json:a", "r.txt: no JSON was found"),
    ],
)
def test_errors_name_the_file(result, metric, words):
    with pytest.raises(Unreadable) as caught:
        read("acc: 3\nloss: 3\nn: 3", metric, **result("r.txt", PROGRESS))
    assert words in str(caught.value)


def test_the_exit_status_and_the_wall_clock_are_metrics():
    assert read("7", "failing=exit", exit_code=3) == Reading(3.0, "", "exit status 3")
    assert read("7", "wall=seconds", seconds=1.25) == Reading(1.25, "s", "the command's wall clock")
    assert read("7", "wall_ms=seconds", seconds=1.25).value == 1250.0


# -- what the user writes -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("p95_ms=re:p95=([0-9.]+)", ("p95_ms", "re:p95=([0-9.]+)", None)),
        ("coverage % (higher is better)", ("coverage %", "", False)),
        ("val_bpb", ("val_bpb", "", None)),
        ("test count (higher is better)", ("test count", "", False)),
        ("  p95   latency (lower is better) = json:p95 ", ("p95 latency", "json:p95", True)),
        ("errors=lines:error (smaller is better)", ("errors", "lines:error", True)),
        ("p95 latency, lower is better", ("p95 latency", "", True)),
    ],
)
def test_metrics_of_commands_are_parsed(text, expected):
    assert parse_verified_metric(text) == expected


@pytest.mark.parametrize(
    "text", ["", "  ", "=re:x", "% =re:x", "(lower is better)", "loss=", "loss = (lower is better)"]
)
def test_metrics_without_a_name_or_a_format_are_refused(text):
    with pytest.raises(UserError) as caught:
        parse_verified_metric(text)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("evaluate(model)", "cannot be read by 'evaluate(model)'"),
        ("re:(", "not a regular expression: missing )"),
        ("re:a{99999999999999999999}", "not a regular expression"),
        ("re:(a)(b)", "has 2 groups"),
        ("last:(a)(b)", "has 2 groups"),
        ("re:", "needs an argument"),
        ("re", "needs an argument"),
        ("exit:3", "takes no argument"),
        ("json:", "needs an argument"),
        ("json:a..b", "'..b'"),
        ("json:a[b]", "'[b]'"),
        ("json:a[0", "'[0'"),
        ("json:.a", "'.a'"),
        ("file:r.json", "--metric NAME=file:r.json#json:PATH"),
        ("file:r.txt#", "file:PATH#FORMAT"),
        ("file:#json:a", "file:PATH#FORMAT"),
        ("file:r.txt#exit", "cannot be read by 'exit'"),
        ("file:r.txt#file:b", "cannot be read by 'file'"),
        ("file:r.txt#b", "cannot be read by 'b'"),
    ],
)
def test_invalid_formats_are_refused_before_a_run(text, words):
    with pytest.raises(UserError) as caught:
        parse_rule(text)
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("keyword", FORMATS)
def test_every_format_is_described_offered_and_documented(keyword):
    usage = FORMATS[keyword].usage
    assert FORMATS[keyword].meaning in describe_formats()
    assert usage in format_usages()
    assert usage in FIELDS["metric"].metadata["help"]
    assert f"NAME={usage}" in FORMS or not usage
    assert f"`{usage or 'p95_ms'}`" in DOCUMENTED.read_text("utf-8")


def test_named_values_are_all_lines_with_a_one_word_name():
    assert named_values(NANOCHAT) == {
        "val_bpb": 0.9979, "training_seconds": 300.1, "total_seconds": 325.9, "peak_vram_mb": 45060.2, "mfu_percent": 39.8,
        "total_tokens_M": 499.6, "num_steps": 953, "num_params_M": 50.3, "depth": 8,
    }  # fmt: skip
    assert named_values("peak_vram_mb: 44 GB\nMETRIC a=1\na=2\nb: nan\nc: 1,5\nd: 3 4\ne: x\nf g: 3") == {
        "peak_vram_mb": 44000, "a": 2,
    }  # fmt: skip
    assert len(named_values("".join(f"n{i}: {i}\n" for i in range(500)))) == 100


# -- properties ------------------------------------------------------------------------------------------------------------

WRITTEN = [repr, "{:.6f}".format, "{:g}".format, "{:.17g}".format, "{:,.4f}".format, "{:_.3f}".format, "{:+.3e}".format]
NOISE = st.lists(
    st.sampled_from(["", "Starting up", "  done.", "warning: p95 of /srv/3/a in v1.2.3", "[INFO] ok"]), max_size=3
)
FLOATS = st.floats(allow_nan=False, allow_infinity=False)
UNITS = st.sampled_from(
    [("", ""), ("%", "%"), (" %", "%"), ("s", "s"), (" seconds", "s"), (" B", "B"), (" req/s", "req/s"), ("x", "x")]
)


@settings(deadline=None)
@given(FLOATS, st.sampled_from(WRITTEN), UNITS, NOISE, NOISE)
def test_a_printed_number_is_read_exactly(value, write, unit, before, after):
    printed = write(value)
    exact = float(printed.replace(",", "").replace("_", ""))
    number, kept = printed + unit[0], unit[1]
    around = ["\n".join([*before, line, *after]) for line in (f"my_score: {number}", number, f"got <{number}>, fine")]
    for output, metric in (
        (around[0], "my_score"),
        (around[0], "My-Score=last"),
        (around[0], "my_score=re:my_score: (.*)"),
        (around[1], "my_score"),
        (around[2], "my_score"),
    ):
        reading = read(output, metric)
        assert (repr(reading.value), reading.unit) == (repr(exact), kept), (output, metric)
    for document, indent in (({"a": [value, number]}, None), ({"a": [value, number]}, 2)):
        output = "\n".join([*before, json.dumps(document, indent=indent), *after])
        assert read(output, "my_score=json:a[0]").value == value
        assert read(output, "my_score=json:a[1]").value == exact


@settings(deadline=None)
@given(st.integers(1, 10**9), st.sampled_from(["ns", "us", "ms"]), st.sampled_from(["_ms", "_s", ""]))
def test_a_time_is_the_same_in_every_unit_it_is_printed_in(count, unit, ending):
    """Compared with a conversion in integers."""
    nanoseconds = count * {"ns": 1, "us": 1000, "ms": 1_000_000}[unit]
    reading = read(f"p95{ending}: {count} {unit}", f"p95{ending}")
    assert reading.value == nanoseconds / {"_ms": 10**6, "_s": 10**9, "": 10**9}[ending]


@settings(deadline=None)
@given(
    st.text(alphabet="a_- :=.,0123456789%()[]{}|/\"'\n\r\t\x1bmskKB±+-einfNaM#", max_size=200),
    st.sampled_from(["a", "a_ms", "m"]),
)
def test_any_output_gives_a_reading_or_an_error_of_one_line(output, name):
    named_values(output)
    for way in ("", "=last", "=mean", "=json:a", r"=re:\S+", "=last:a(.*)", "=lines:a"):
        try:
            reading = read(output, name + way)
        except Unreadable as unreadable:
            message = str(unreadable)
            assert message.isprintable() or "\t" in message
            assert "\n" not in message
        else:
            assert isinstance(reading.value, float)
            assert "\n" not in reading.line


@pytest.mark.slow
@pytest.mark.parametrize(
    "unit",
    ["a", "a ", "a=1 ", "a: ", "1", "1,", ",", "1,234", "[", "{", '{"a":', "[1,\n", "\x1b[", "\r", "\n", " ", "a: a\n", "-1/"],
)  # fmt: skip
def test_long_outputs_are_read_in_linear_time(unit):
    """Anything slower than linear would run into the time limit of a test."""
    output = unit * (2**17 // len(unit))
    for rule in ("", "=json:a", "=last"):
        try:
            message = read(output, "a" + rule).line
        except Unreadable as unreadable:
            message = str(unreadable)
        assert 0 < len(message) < 500
    named_values(output)
