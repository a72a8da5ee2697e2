"""Lists the benchmarks and runs one: `python -m benchmarks NAME [its options]`."""

from __future__ import annotations

import runpy
import sys

BENCHMARKS = {
    "latency": "one query, stage by stage, from 1,000 to 1,000,000 classes",
    "search": "the index alone: time, recall, memory, opening",
    "throughput": "embedding by runtime, decoding by library, bulk enrolment end to end",
    "peers": "the same catalog and queries through other libraries",
    "growth": "how cost grows with classes, examples and picture size",
    "startup": "help, import, one cold query, and where its time goes",
    "slow_line": "a photograph of 8 MB over a slow line, through the page",
    "card": "a card: the forward pass, decoding and enrolment, each alone",
    "memory": "of bulk enrolment and of an open gallery",
    "service": "the service under callers, beside the library",
    "verdicts": "whether fresh galleries' verdicts hold their target FPIR, over kinds and sizes",
    "recognition": "how well things are recognised and strangers refused; one table over kinds",
    "located": "local features: what they cost, nominate, decide and outline",
    "located_speed": "what a verdict with all evidence costs, by classes; peers that match points",
    "network": "makes the default network's files",
    "shipped": "fits the cohort that is shipped with it, and judges projections",
    "omniglot": "the networks trained here on Omniglot's official tests",
    "kill9": "kills a bulk enrolment over and over; nothing committed may be lost",
    "scaleout": "what a gallery shared on PostgreSQL costs and gives",
    "results": "a small version of the speed benchmarks, gathered in benchmarks/RESULTS.md",
}


def main() -> None:
    name = sys.argv[1] if len(sys.argv) > 1 else "--help"
    if name in ("-h", "--help"):
        print("usage: python -m benchmarks NAME [options]; NAME --help lists its options\n")
        for known, about in BENCHMARKS.items():
            print(f"  {known:13} {about}")
        return
    if name not in BENCHMARKS:
        raise SystemExit(f"expected one of {', '.join(BENCHMARKS)} but got {name!r}")
    sys.argv = [f"python -m benchmarks {name}", *sys.argv[2:]]
    runpy.run_module(f"benchmarks.{name}", run_name="__main__", alter_sys=False)


if __name__ == "__main__":
    main()
