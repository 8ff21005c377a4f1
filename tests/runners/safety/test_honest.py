"""Commands of the kinds that other projects measure and test with: none is refused without a reason."""

import pytest

from autoresearch_magic.runners.safety.policy import danger

HONEST = [
    # Python
    "tox -e py311 -q", "nox -s tests -- -q", "hatch run test:cov", "pdm run bench", "poetry run pytest --benchmark-json=out.json && jq '.benchmarks[0].stats.mean' out.json",
    "python -m pyperf timeit -s 'import json' 'json.dumps([1])' --quiet", "python -X importtime -c 'import app' 2>&1 | tail -1",
    "python -m timeit -s 'from src.app import f' 'f()'", "PYTHONHASHSEED=0 python -O bench.py --json | jq .mean", "asv run --quick --python=same",
    "coverage run -m pytest -q && coverage report --format=total", "mypy src | tail -1", "ruff check --statistics src; true", "radon cc -a -s src | tail -1",
    "python manage.py test --parallel 4", "python -m unittest discover -s tests -q", "pip wheel . -w dist --no-deps && du -b dist/*.whl | cut -f1",
    "jupyter nbconvert --to notebook --execute bench.ipynb --stdout | jq -r '.cells[-1].outputs[0].text[0]'", "locust -f load.py --headless -u 10 -t 20s --only-summary",
    # Make, CMake, Bazel, compilers
    "make -s clean && make -s -j4 bench", "make check | grep -c PASS", "make -C build test ARGS=-V", "cmake --build build -j && ./build/bench --benchmark_format=json",
    "cmake -S . -B build -DCMAKE_BUILD_TYPE=Release >/dev/null && cmake --build build && ctest --test-dir build", "meson compile -C build && meson test -C build --print-errorlogs",
    "bazel test //... --test_output=errors", "bazel run -c opt //bench:main", "ninja -C out && ./out/perf_test --gtest_filter=Bench.*",
    "gcc -O3 -march=native main.c -o main && ./main < input.txt", "g++ -O2 -std=c++20 *.cpp -o app && perf stat -x, -e instructions ./app 2>&1 >/dev/null | cut -d, -f1",
    "valgrind --tool=callgrind --callgrind-out-file=/dev/null ./app 2>&1 | awk '/Collected/{print $4}'", "size -A app | awk '/\\.text/{print $2}'",
    "strip -o /tmp/app app && stat -c %s /tmp/app", "./configure --prefix=$PWD/out && make install", "zig build test", "nim c -d:release -r bench.nim",
    # Rust, Go, JVM, .NET, Swift and others
    "cargo bench --bench main -- --output-format bencher | tee bench.log", "cargo build --release && ls -l target/release/app | awk '{print $5}'",
    "cargo clippy --all-targets -- -D warnings", "cargo nextest run --profile ci", "go test ./... -run '^$' -bench . -benchmem | awk '/BenchmarkX/{print $3}'",
    "go vet ./... && go test -race ./...", "mvn -q -B verify", "./gradlew --quiet jmh --rerun-tasks", "dotnet test --nologo -v q", "swift test -c release", "mix test",
    "bundle exec rspec --format json | jq .summary.duration", "composer run-script test", "sbt 'bench/Jmh/run -i 3'", "Rscript -e 'cat(mean(1:10))'", "julia --project -e 'using Pkg; Pkg.test()'",
    # JavaScript
    "npm ci --ignore-scripts && npm run build && npx size-limit --json", "npm run -s bench", "yarn workspaces foreach run test", "pnpm -r test", "npx playwright test --reporter=line",
    "npx jest --ci --silent", "npx vitest run --reporter=json --outputFile=out.json", "npx lighthouse http://localhost:3000 --output json --quiet", "deno bench --json", "bun test",
    "npx eslint . -f json | jq '[.[].errorCount] | add'", "npm pack --dry-run --json | jq '.[0].size'", "npm publish --dry-run 2>&1 | grep 'unpacked size'",
    # servers and load
    "hyperfine --warmup 3 --export-json out.json './app input.txt' && jq '.results[0].mean' out.json", "hyperfine -N 'sh -c \"./app < big.txt\"'",
    "curl -s -o /dev/null -w '%{time_total}\\n' localhost:8080/", "wrk -t2 -c10 -d5s http://127.0.0.1:8000/ | awk '/Requests\\/sec/{print $2}'", "ab -n 1000 -c 10 http://localhost:8000/",
    "./server & pid=$!; trap 'kill $pid' EXIT; sleep 1; k6 run load.js", "python -m http.server 8000 & SERVER=$!; ab -n 100 http://localhost:8000/; kill -TERM $SERVER",
    "redis-server --port 7777 --save '' & redis-benchmark -p 7777 -q -n 1000; redis-cli -p 7777 shutdown nosave", "pgbench -h localhost -T 10 bench | awk '/tps/{print $3}'",
    "createdb bench_tmp && psql -q bench_tmp -f schema.sql && psql -At bench_tmp -c 'explain analyze select 1'", "sqlite3 :memory: < bench.sql", "docker run --rm --network none bench:latest",
    "docker build -q . | xargs docker image inspect -f '{{.Size}}'", "docker compose run --rm test pytest -q", "terraform fmt -check && terraform validate", "kubectl apply --dry-run=client -f k8s/",
    "helm template chart | kubeval", "ansible-playbook --syntax-check site.yml", "actionlint && yamllint -s .",
    # pipelines of text
    "awk -F, '{s+=$3} END {print s/NR}' results.csv", "sed -n 's/^time: //p' log.txt | sort -n | head -1", "sed -i.bak 's/debug=True/debug=False/' config.py && python bench.py",
    "paste -sd+ nums.txt | bc", "grep -oP 'p99=\\K[0-9.]+' out.log | tail -1", "tail -n1 results.csv | cut -d, -f2", "comm -23 <(sort a.txt) <(sort b.txt) | wc -l", "jq -s 'map(.ms) | add/length' runs/*.json",
    "find . -name '*.ts' -not -path './node_modules/*' | xargs cat | wc -c", "git ls-files '*.py' | xargs wc -l | tail -1 | awk '{print $1}'", "tar czf - src | wc -c", "gzip -9 -c dist/app.js | wc -c", "brotli -c dist/app.js | wc -c",
    "LC_ALL=C sort words.txt | uniq -c | sort -rn | head", "seq 5 | xargs -I{} ./bench {} | sort -n | sed -n 3p", "for f in cases/*.in; do ./app < $f | diff -q - ${f%.in}.out; done | wc -l",
    "ulimit -v 4000000; timeout -k 5 120 ./solver instance.cnf", "taskset -c 0 chrt -o 0 ./bench", "set -euo pipefail; export RUSTFLAGS='-C target-cpu=native'; cargo run --release -q", "mkdir -p out && ./gen > out/a.txt && cmp out/a.txt golden/a.txt",
    "cp -r fixtures /tmp/fx && ./run --root /tmp/fx; rm -rf /tmp/fx", "install -m 755 app $PWD/bin/app && bin/app --bench", "rm -f *.o core && make", "chmod +x scripts/*.sh; scripts/bench.sh", "test $(git rev-parse HEAD) != x && echo ok",
]  # fmt: skip

WITH_REASON = [
    ("rm -rf node_modules && npm ci && npm test", "deletes"), ("rm -rf data/cache && python prepare.py && python bench.py", "deletes"), ("rm -f *.json && npm run bench", "deletes"),
    ("git stash -q; ./bench > before.txt; git stash pop -q; ./bench > after.txt", "checkout"), ("git checkout -q HEAD~1 -- src && make bench", "checkout"), ("git clean -fdxq && make -s bench", "deletes"),
    ("git apply fixtures/case.patch && python check.py", "checkout"), ("make serve & sleep 1; ab -n 100 http://localhost:8000/; pkill -f serve.py", "by name"), ("sudo -n perf stat -x, ./app", "administrator"),
    ("find . -name '*.rs' -newer stamp -delete; cargo test", "deletes"), ("curl -sSf http://localhost:8000/bench.sh | sh", "downloads"), ("docker compose up -d db && pytest -q; docker compose down -v", "infrastructure"),
    ("python -c 'import shutil; shutil.rmtree(\"work\", ignore_errors=True)'; python bench.py", "deletes"), ("psql -h test-db -c 'select count(*) from t'", "not on this machine"), ("dropdb --if-exists bench_tmp; createdb bench_tmp; pgbench -i bench_tmp", "destroys"),
    ("psql bench_tmp -c 'truncate table runs' && pgbench bench_tmp", "destroys"), ("cat /dev/null > log.txt; ./app; wc -l log.txt", "empties"),
]  # fmt: skip
"""Refused, although they would do no harm: a line that is read cannot tell them from those that do."""


@pytest.mark.parametrize("command", HONEST)
def test_honest_commands_are_run(command):
    assert danger(command) == ""


@pytest.mark.parametrize(("command", "reason"), WITH_REASON)
def test_what_deletes_or_reaches_further_says_why(command, reason):
    assert reason in danger(command)
